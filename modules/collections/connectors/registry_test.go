package connectors_test

import (
	"context"
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections/connectors"
	"semantik/platform/apperr"
)

// named is a connector that has nothing but a name.
type named string

func (n named) Describe() connectors.Description { return connectors.Description{Type: string(n)} }

func (named) Check(context.Context, string, json.RawMessage) (connectors.Config, error) {
	return connectors.Config{}, connectors.ErrNoPath
}

func (named) List(context.Context, connectors.Config, func(connectors.Entry) error) (connectors.ListReport, error) {
	return connectors.ListReport{}, nil
}

func (named) Open(context.Context, connectors.Config, string) (io.ReadCloser, connectors.Entry, error) {
	return nil, connectors.Entry{}, nil
}

func TestRegistry_AnUnknownTypeIsToldWhichThereAre(t *testing.T) {
	t.Parallel()
	r := connectors.New(named("git"), named("directory"))
	require.Equal(t, []string{"directory", "git"}, r.Types())
	found, err := r.Get("git")
	require.NoError(t, err)
	require.Equal(t, named("git"), found)
	_, err = r.Get("ftp")
	require.ErrorIs(t, err, connectors.ErrUnknownType)
	require.Equal(t, apperr.Malformed, apperr.KindOf(err))
	require.ErrorContains(t, err, `"ftp" is not known. Use one of: directory, git.`)
	require.Len(t, r.Descriptions(), 2)
}

func TestRegistry_TwoOfATypeEndTheProgram(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { connectors.New(named("git"), named("git")) })
	require.Panics(t, func() { connectors.New(named("")) })
}

func TestLocated_CompletesTheLocationsAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	err := connectors.Located(apperr.InvalidFields([]apperr.Field{{Location: "path", Message: "is wrong"}}), "body.")
	require.ErrorContains(t, err, "body.path: is wrong")
	require.ErrorIs(t, connectors.Located(connectors.ErrNoPath, "body."), connectors.ErrNoPath)
	require.NoError(t, connectors.Located(nil, "body."))
}
