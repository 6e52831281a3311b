package directory_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections/connectors"
	"semantik/modules/collections/connectors/directory"
	"semantik/platform/apperr"
)

func TestCheck_WithoutRootsEveryFolderIsRefused(t *testing.T) {
	t.Parallel()
	c := directory.New(nil)
	root := tree(t, "a.txt")
	_, err := c.Check(t.Context(), root, nil)
	require.ErrorIs(t, err, directory.ErrOff)
	require.Contains(t, err.Error(), "DOCUMENT_ROOTS")
	_, err = c.List(t.Context(), folder(root), nil)
	require.ErrorIs(t, err, directory.ErrOff)
	_, _, err = c.Open(t.Context(), folder(root), "a.txt")
	require.ErrorIs(t, err, directory.ErrOff)
}

func TestCheck_GivesEveryFieldWithItsDefault(t *testing.T) {
	t.Parallel()
	root := tree(t, "docs/a.txt")
	c := directory.New([]string{root})
	for name, given := range map[string]struct {
		path   string
		config map[string]any
	}{
		"in the config":         {"", map[string]any{"path": root + "/docs"}},
		"beside it":             {root + "/docs", nil},
		"in both":               {root + "/docs/", map[string]any{"path": root + "//docs"}},
		"with what is unknown":  {"", map[string]any{"path": " " + root + "/x/../docs ", "colour": "blue"}},
		"with what is not said": {"", map[string]any{"path": root + "/docs", "recursive": nil, "include_patterns": nil}},
	} {
		config, err := c.Check(t.Context(), given.path, object(t, given.config))
		require.NoError(t, err, name)
		require.Equal(t, root+"/docs", config.Path, name)
		require.JSONEq(t, `{"path": "`+root+`/docs", "recursive": true, "include_patterns": [], "exclude_patterns": []}`, string(config.Config), name)
		again, err := c.Check(t.Context(), config.Path, config.Config)
		require.NoError(t, err, name)
		require.Equal(t, config, again, "what was checked stays as it is")
	}
}

func TestCheck_NamesEveryWrongFieldAtOnce(t *testing.T) {
	t.Parallel()
	c := directory.New([]string{tree(t)})
	_, err := c.Check(t.Context(), "", object(t, map[string]any{
		"path": "docs", "recursive": "yes", "include_patterns": []string{"*.md", "[", ""}, "exclude_patterns": "tmp",
	}))
	require.Equal(t, apperr.Invalid, apperr.KindOf(err))
	locations := []string{}
	for _, f := range apperr.From(connectors.Located(err, "body.source_config.")).Fields {
		locations = append(locations, f.Location)
	}
	require.ElementsMatch(t, []string{
		"body.source_config.path", "body.source_config.recursive", "body.source_config.include_patterns[1]",
		"body.source_config.include_patterns[2]", "body.source_config.exclude_patterns",
	}, locations)
}

func TestCheck_WhatIsNoPathIsRefused(t *testing.T) {
	t.Parallel()
	root := tree(t, "file")
	c := directory.New([]string{root})
	for name, given := range map[string]struct {
		path   string
		inside any
		want   error
		kind   apperr.Kind
	}{
		"none":                {"", nil, connectors.ErrNoPath, apperr.Malformed},
		"blank":               {"  ", " ", connectors.ErrNoPath, apperr.Malformed},
		"relative":            {"docs", nil, nil, apperr.Invalid},
		"a number":            {"", 5, nil, apperr.Invalid},
		"two":                 {root, root + "/b", nil, apperr.Invalid},
		"a NUL":               {root + "/\x00", nil, nil, apperr.Invalid},
		"not UTF-8":           {root + "/\xff", nil, nil, apperr.Invalid},
		"too long":            {root + strings.Repeat("/x", 1024), nil, nil, apperr.Invalid},
		"nothing there":       {root + "/nothing", nil, directory.ErrNotFound, apperr.NotFound},
		"a name too long":     {root + "/" + strings.Repeat("x", 300), nil, directory.ErrNotFound, apperr.NotFound},
		"a file":              {root + "/file", nil, directory.ErrNotDirectory, apperr.Malformed},
		"in a file":           {root + "/file/x", nil, directory.ErrNotDirectory, apperr.Malformed},
		"outside":             {"/etc", nil, directory.ErrOutside, apperr.Forbidden},
		"outside and nothing": {"/nothing/there", nil, directory.ErrOutside, apperr.Forbidden},
		"above":               {filepath.Dir(root), nil, directory.ErrOutside, apperr.Forbidden},
		"up and out":          {root + "/../../etc", nil, directory.ErrOutside, apperr.Forbidden},
		"beside the root":     {root + "x", nil, directory.ErrOutside, apperr.Forbidden},
	} {
		_, err := c.Check(t.Context(), given.path, object(t, map[string]any{"path": given.inside}))
		require.Equal(t, given.kind, apperr.KindOf(err), "%s: %v", name, err)
		if given.want != nil {
			require.ErrorIs(t, err, given.want, name)
		}
	}
	for _, text := range []string{`[]`, `"x"`, `{`, `{"path": "\ud800"}`} {
		_, err := c.Check(t.Context(), "", []byte(text))
		require.Error(t, err, text)
	}
}

// What leads out says nothing about what is there.
func TestCheck_ALinkThatLeadsOutIsOutsideWhateverIsThere(t *testing.T) {
	t.Parallel()
	outside := tree(t, "secret/a.txt")
	root := tree(t, "absolute->"+outside+"/secret", "dangling->"+outside+"/nothing", "inner/up->../..", "inner/far->../../../../../../../../etc",
		"round->round", "deep->inner/up")
	c := directory.New([]string{root})
	for _, name := range []string{"absolute", "dangling", "inner/up", "inner/far", "deep", "absolute/a", "dangling/b/c"} {
		_, err := c.Check(t.Context(), filepath.Join(root, name), nil)
		require.ErrorIs(t, err, directory.ErrOutside, name)
		require.NotContains(t, apperr.From(err).Message, outside)
	}
	_, err := c.Check(t.Context(), filepath.Join(root, "round"), nil)
	require.ErrorIs(t, err, directory.ErrNotFound)
}

func TestCheck_ALinkWithinTheRootsIsFollowed(t *testing.T) {
	t.Parallel()
	other := tree(t, "far/d.txt")
	root := tree(t, "v2/a.txt", "current->v2", "exact/", "deep/b.txt", "deep/back->../current", "there->"+other+"/far")
	plant(t, root, "exact/now->"+root+"/v2")
	c := directory.New([]string{root, other})
	for name, want := range map[string]string{
		"current": "a.txt", "exact/now": "a.txt", "deep/back": "a.txt", "current/../deep": "b.txt", "there": "d.txt",
	} {
		found, _ := list(t, c, root+"/"+name, nil)
		require.Contains(t, found, want, name)
	}
}

// A root that is itself a link, and one known by both its names.
func TestCheck_ARootMayBeALink(t *testing.T) {
	t.Parallel()
	root := tree(t, "docs/a.txt", "docs/self->../docs/a.txt")
	place := tree(t, "link->"+root)
	plant(t, root, "docs/absolute->"+place+"/link/docs/a.txt", "docs/real->"+root+"/docs/a.txt")
	c := directory.New([]string{place + "/link"})
	for _, path := range []string{place + "/link/docs", root + "/docs"} {
		found, report := list(t, c, path, nil)
		require.Equal(t, []string{"a.txt", "absolute", "real"}, found, path)
		require.Equal(t, []string{"self: " + "is a link that leads out of the source"}, warnings(report), "a link by the folder's own name in its parent leaves the source")
	}
	_, err := c.Check(t.Context(), place, nil)
	require.ErrorIs(t, err, directory.ErrOutside)
}
