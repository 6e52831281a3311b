package archive_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/archive"
)

// /dev/full takes nothing, as a full disk.
func TestArchive_AFullDiskIsToldFromAFolderThatIsWrong(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { _ = full.Close() }()
	file, err := archive.NewFile(t.TempDir(), full)
	require.NoError(t, err)
	require.NoError(t, file.Add([]byte("{}")))
	_, err = file.Commit("things")
	require.ErrorIs(t, err, archive.ErrUnwritable)
	require.Contains(t, apperr.From(err).Message, "disk of the archive is full")
}
