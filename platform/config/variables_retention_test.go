package config_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestArchiveDir_IsInTheDataDirectoryUnlessItIsNamedOrNone(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	archive := func(value string) string {
		return mustLoad(t, "SEMANTIK_DATA="+data, "ARCHIVE_DIR="+value).Store.ArchiveDir
	}
	require.Equal(t, filepath.Join(data, "archive"), mustLoad(t, "SEMANTIK_DATA="+data).Store.ArchiveDir)
	require.Equal(t, filepath.Join(data, "archive"), archive(""))
	require.Empty(t, archive("none"))
	require.Equal(t, "/srv/archive", archive("/srv/archive"))
	require.True(t, filepath.IsAbs(archive("kept")))
}

func TestAPIKeyRetention_IsADayAtLeast(t *testing.T) {
	t.Parallel()
	require.Equal(t, 90*24*time.Hour, mustLoad(t).Retention.APIKeys)
	require.Equal(t, 24*time.Hour, mustLoad(t, "API_KEY_RETENTION_DAYS=1").Retention.APIKeys)
	_, err := load(t, "API_KEY_RETENTION_DAYS=0")
	require.Contains(t, problems(t, err), "API_KEY_RETENTION_DAYS")
}
