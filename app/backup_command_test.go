package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

func TestBackup_IsMadeVerifiedRestoredAndPrunedByTheCommandLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t, pgtest.Empty(t))
	r := runs{t, o.environ}
	require.Contains(t, r.ok("backup", "list").stdout, "There are no backups")
	none := command(t, o.environ, "", "restore", "latest", "--force")
	require.Equal(t, 1, none.code)
	require.Contains(t, none.stderr, "there is no complete backup")

	made := decode[map[string]any](t, r.ok("backup", "create", "--json"))
	path, ok := made["path"].(string)
	require.True(t, ok)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "nobody else can read it")
	require.Contains(t, r.ok("backup", "list").stdout, filepath.Base(path))
	require.Contains(t, r.ok("backup", "verify", "--quick", path).stdout, "all as they were")
	requireToldOfBrokenRules(t, o, r)

	o.ok(t, "correct horse\n", "create", "later", "--password-stdin")
	refused := command(t, o.environ, "", "restore", filepath.Base(path))
	require.Equal(t, 1, refused.code)
	require.Contains(t, refused.stderr, "--force")
	require.Contains(t, o.ok(t, "", "list").stdout, "later")
	require.Contains(t, r.ok("restore", filepath.Base(path), "--force").stdout, "What the database held before is gone.")
	require.NotContains(t, o.ok(t, "", "list").stdout, "later")
	require.Contains(t, r.ok("restore", "--undo").stdout, "nothing to take back")
	require.Contains(t, r.ok("backup", "prune", "--keep", "1").stdout, "nothing to remove")

	piped := r.ok("backup", "create", "--to", "-")
	require.True(t, strings.HasPrefix(piped.stdout, "semantik-backup.txt"), "an archive, and nothing else")
	require.Contains(t, piped.stderr, "Backed up the whole database to standard output")
	copied := filepath.Join(t.TempDir(), "copied.tar")
	require.NoError(t, os.WriteFile(copied, []byte(piped.stdout), 0o600))
	require.Contains(t, r.ok("backup", "verify", "--quick", copied).stdout, "all as they were")

	for want, args := range map[string][]string{
		"BACKUP is missing":        {"restore"},
		"takes no backup":          {"restore", "--undo", path},
		"leave one of them out":    {"restore", path, "--force", "--collection", "notes"},
		"may not contain any of":   {"restore", path, "--collection", "notes", "--as", "a/b"},
		"name is required":         {"restore", path, "--collection", "notes", "--as", " "},
		"at most 255 characters":   {"restore", path, "--collection", "notes", "--as", strings.Repeat("x", 300)},
		"--jobs must be from":      {"backup", "create", "--jobs", "0"},
		"--keep must be 1 or more": {"backup", "prune", "--keep", "0"},
	} {
		wrong := command(t, o.environ, "", args...)
		require.Equal(t, 2, wrong.code, args)
		require.Contains(t, wrong.stderr, want)
	}
	require.Contains(t, command(t, o.environ, "", "restore", "nowhere.tar").stderr, "semantik backup list")
	require.Contains(t, command(t, o.environ, "", "backup", "create", "--to", path).stderr, "there is something with this name already")
}

// requireToldOfBrokenRules: what was wrong in the database is so in the backup, which is
// what it should be, and verify says it.
func requireToldOfBrokenRules(t *testing.T, o office, r runs) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), o.database)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), `select setval(pg_get_serial_sequence('users', 'id'), 1, false)`)
	require.NoError(t, err)
	wrongPath := filepath.Join(t.TempDir(), "wrong.tar")
	r.ok("backup", "create", "--to", wrongPath)
	wrong := command(t, o.environ, "", "backup", "verify", wrongPath)
	require.Equal(t, 1, wrong.code)
	require.Contains(t, wrong.stdout, "Restored and compared")
	require.Contains(t, wrong.stdout, "error: a sequence is not behind the ids that it has given")
	require.Contains(t, wrong.stderr, "as it was made, but what it holds breaks rules")
	_, err = db.Exec(t.Context(), `select setval(pg_get_serial_sequence('users', 'id'), 1)`)
	require.NoError(t, errors.Join(err, db.Close(t.Context())))
}
