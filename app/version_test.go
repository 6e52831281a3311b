package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	r := command(t, nil, "", "version", "--json")
	require.Equal(t, 0, r.code)
	require.NotEmpty(t, decode[map[string]string](t, r)["version"])
}
