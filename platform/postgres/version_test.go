package postgres_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/postgres"
)

func TestStart_refusesAnotherMajorVersionAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version string
		want    error
		says    []string
	}{
		"an older one": {"15\n", postgres.ErrVersionMismatch, []string{"made by PostgreSQL 15", "SEMANTIK_POSTGRES_BIN", "dump and a restore", "Nothing was changed"}},
		"a newer one":  {"99\n", postgres.ErrVersionMismatch, []string{"made by PostgreSQL 99"}},
		"too old":      {"9.6\n", postgres.ErrVersionMismatch, []string{"made by PostgreSQL 9, which is too old"}},
		"no version":   {"what?\n", postgres.ErrDataDirectory, []string{"is no version"}},
		"empty":        {"", postgres.ErrDataDirectory, []string{"is no version"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(tempDir(t), "data")
			cluster := filepath.Join(dir, "postgres")
			require.NoError(t, os.MkdirAll(filepath.Join(cluster, "base"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte(c.version), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(cluster, "base", "precious"), []byte("data"), 0o600))
			before := snapshot(t, cluster)

			o := options(t, dir)
			o.BinDir = fakePostgres(t, filepath.Join(tempDir(t), "bin"), "18.4")
			_, err := postgres.Start(t.Context(), o)
			require.ErrorIs(t, err, c.want)
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
			require.Equal(t, before, snapshot(t, cluster))
		})
	}
}

func TestStart_keepsTheVersionOfTheDataDirectory(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	installed := binaries(t)
	o := options(t, dir)
	// Left to itself it finds the version that made the data, though a newer one
	// is there that a new data directory would get.
	o.BinDir = ""
	o.CacheDir = tempDir(t)
	fakePostgres(t, filepath.Join(o.CacheDir, postgres.UnpackedName("97.0"), "bin"), "97.0")
	same := filepath.Join(o.CacheDir, postgres.UnpackedName(installed.Version))
	linkInstallation(t, installed, same)

	s := start(t, o)
	require.Equal(t, installed.Major, s.Binaries().Major)
	require.Equal(t, postgres.SourceCache, s.Binaries().Source)
}

func TestStart_refusesAFolderThatHoldsSomethingElse(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	cluster := filepath.Join(dir, "postgres")
	require.NoError(t, os.Mkdir(cluster, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(cluster, "diary.txt"), []byte("mine"), 0o600))
	before := snapshot(t, cluster)
	_, err := postgres.Start(t.Context(), options(t, dir))
	require.ErrorIs(t, err, postgres.ErrDataDirectory)
	require.ErrorContains(t, err, "no PostgreSQL data directory")
	require.Equal(t, before, snapshot(t, cluster))
}

func TestStart_followsALinkToAnotherDisk(t *testing.T) {
	t.Parallel()
	dir, disk := dataDir(t), dataDir(t)
	link := filepath.Join(dir, "postgres")
	target := filepath.Join(disk, "cluster")
	require.NoError(t, os.Symlink(target, link))
	_, err := postgres.Start(t.Context(), options(t, dir))
	require.ErrorIs(t, err, postgres.ErrDataDirectory, "the disk is not mounted")
	require.ErrorContains(t, err, "is a link to a folder that is not there")

	require.NoError(t, os.Mkdir(target, 0o700))
	s := start(t, options(t, dir))
	require.FileExists(t, filepath.Join(target, "PG_VERSION"))
	require.Equal(t, "400", query(t, s.URL(), "select current_setting('max_connections')"), "the settings are found through it")
	running, err := postgres.FindRunning(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, s.PID(), running.PID)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
}

func TestFindRunning(t *testing.T) {
	t.Parallel()
	_, err := postgres.FindRunning(t.Context(), filepath.Join(tempDir(t), "nothing"))
	require.ErrorIs(t, err, postgres.ErrNotRunning)
	dir := usedDir(t)
	_, err = postgres.FindRunning(t.Context(), dir)
	require.ErrorIs(t, err, postgres.ErrNotRunning)
	s := start(t, options(t, dir))
	running, err := postgres.FindRunning(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, postgres.Running{URL: s.URL(), PID: s.PID()}, running)
	stop(t, s)
	_, err = postgres.FindRunning(t.Context(), dir)
	require.ErrorIs(t, err, postgres.ErrNotRunning)
}
