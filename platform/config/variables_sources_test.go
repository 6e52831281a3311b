package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocumentRoots_AreAbsoluteFolders(t *testing.T) {
	t.Parallel()
	c, err := load(t)
	require.NoError(t, err)
	require.Empty(t, c.Sources.DocumentRoots, "none by itself")
	c, err = load(t, "DOCUMENT_ROOTS=/srv/documents/, /mnt/nas/../nas ,,/srv/documents")
	require.NoError(t, err)
	require.Equal(t, []string{"/srv/documents", "/mnt/nas"}, c.Sources.DocumentRoots)
	for _, wrong := range []string{"documents", "/srv,./x", "/", "/srv/..", "~"} {
		_, err := load(t, "DOCUMENT_ROOTS="+wrong)
		require.ErrorContains(t, err, "DOCUMENT_ROOTS", wrong)
	}
}

// The key that signs tokens lies in the data directory.
func TestDocumentRoots_HaveNothingOfTheServersOwnFiles(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	require.NoError(t, os.Symlink(place, filepath.Join(place, "link")))
	data := filepath.Join(place, "data")
	for _, root := range []string{place, data, filepath.Join(data, "uploads"), filepath.Join(place, "link")} {
		_, err := load(t, "SEMANTIK_DATA="+data, "DOCUMENT_ROOTS="+root)
		require.ErrorContains(t, err, "keys", root)
	}
	_, err := load(t, "SEMANTIK_DATA="+data, "DOCUMENT_ROOTS="+filepath.Join(place, "data2"))
	require.NoError(t, err)
}
