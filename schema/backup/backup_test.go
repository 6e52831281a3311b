package backup_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/schema/backup"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// filled is a world that has something in every corner: two users with three collections,
// documents with contents, chunks, an operation, an audit log of three months.
func filled(t *testing.T) *testworld.World {
	t.Helper()
	w := testworld.New(t)
	alice, bob := w.User("alice"), w.User("bob")
	notes := w.Collection(alice, testworld.Named("notes"))
	others := w.Collection(bob, testworld.Named("others"), testworld.Public())
	w.Collection(bob, testworld.Named("empty"))
	w.AddDocuments(notes, files("note", 12)...)
	w.AddDocuments(others, files("other", 5)...)
	w.Exec(`select make_audit_log_month(now() - interval '70 days')`)
	w.Exec(`insert into audit_log (actor, action, object_type, created_at) values ('system', 'test', 'test', now() - interval '70 days')`)
	w.AwaitQuiet()
	return w
}

func files(name string, n int) []testworld.File {
	all := make([]testworld.File, n)
	for i := range all {
		all[i] = testworld.File{
			Path:    fmt.Sprintf("%s/%d.md", name, i),
			Content: strings.Repeat(fmt.Sprintf("The %s number %d stands by the river — größer als die Brücke.\n\n", name, i), 40),
		}
	}
	return all
}

// create makes a backup of the world in a folder or a file of the test.
func create(t *testing.T, w *testworld.World, name string, collections ...string) *backup.Backup {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: path, Collections: collections})
	require.NoError(t, err)
	return open(t, path)
}

// made is a backup of a filled world, as a folder and as a file. It is made once for all
// tests that only need one; each has a copy of its own.
func made(t *testing.T, name string) *backup.Backup {
	t.Helper()
	shared.Do(func() {
		w := filled(t)
		folder := create(t, w, "folder").Path
		require.NoError(t, fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				data, readErr := os.ReadFile(filepath.Join(folder, path))
				sharedFolder[path], err = &fstest.MapFile{Data: data}, readErr
			}
			return err
		}))
		var err error
		sharedFile, err = os.ReadFile(create(t, w, "file.tar").Path)
		require.NoError(t, err)
	})
	require.NotEmpty(t, sharedFile, "the backup that is shared was made")
	path := filepath.Join(t.TempDir(), name)
	if name == "folder" {
		require.NoError(t, os.CopyFS(path, sharedFolder))
	} else {
		require.NoError(t, os.WriteFile(path, sharedFile, 0o600))
	}
	return open(t, path)
}

var (
	shared       sync.Once
	sharedFolder = fstest.MapFS{}
	sharedFile   []byte
)

func open(t *testing.T, path string) *backup.Backup {
	t.Helper()
	b, err := backup.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// sums are the checksums of a backup's tables, by name.
func sums(b *backup.Backup) map[string]string {
	all := map[string]string{}
	for _, table := range b.Manifest.Tables {
		if table.Parent == "audit_log" && table.Rows == 0 {
			continue // with a new month there is one more
		}
		all[table.String()] = fmt.Sprintf("%d rows, %s", table.Rows, table.Checksum)
	}
	return all
}

func TestBackup_ComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"folder", "file.tar"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := made(t, name)
			require.Positive(t, made.Manifest.Rows())
			target := pgtest.Empty(t)
			restored, err := backup.Restore(t.Context(), target, made, backup.RestoreOptions{})
			require.NoError(t, err)
			require.False(t, restored.Replaced)
			require.Equal(t, made.Manifest.Rows(), restored.Rows)

			again := filepath.Join(t.TempDir(), "again")
			_, err = backup.Create(t.Context(), target, backup.CreateOptions{To: again})
			require.NoError(t, err)
			require.Equal(t, sums(made), sums(open(t, again)), "a backup of what was restored is the same")
			require.Equal(t, made.Manifest.Sequences, open(t, again).Manifest.Sequences)
		})
	}
}

func TestVerify_RestoresAndComparesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	made, server := made(t, "file.tar"), pgtest.Empty(t)
	// What one that was killed has left goes; what is used, or somebody else's, stays.
	unique := strings.ToLower(rand.Text()[:12])
	left, used, foreign := "semantik_verify_20200101000000_"+unique, "semantik_verify_20200102000000_"+unique, "semantik_verify_mine_"+unique
	before := databases(t, server)
	for _, name := range []string{left, used, foreign} {
		exec(t, server, "create database "+name)
		defer exec(t, server, "drop database if exists "+name+" with (force)")
	}
	u, err := url.Parse(server)
	require.NoError(t, err)
	u.Path = "/" + used
	session, err := pgx.Connect(t.Context(), u.String())
	require.NoError(t, err)
	defer func() { _ = session.Close(context.WithoutCancel(t.Context())) }()
	verified, err := backup.Verify(t.Context(), server, made, backup.RestoreOptions{})
	require.NoError(t, err)
	require.True(t, verified.Scratch)
	require.Equal(t, made.Manifest.Rows(), verified.Rows)
	require.True(t, verified.Sound())
	require.Equal(t, append(before, used, foreign), databases(t, server))
}

func databases(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), "select datname from pg_database where datname like 'semantik_verify%' order by oid")
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}

// Whatever byte of a backup is changed or missing, it is told before anything of that
// table can be read.
func TestVerify_FindsWhatIsDamaged(t *testing.T) {
	t.Parallel()
	path := made(t, "folder").Path
	_, err := backup.VerifyFiles(t.Context(), open(t, path), 2, nil)
	require.NoError(t, err)

	damages := map[string]func(t *testing.T, path string){
		"a byte changed": flip,
		"cut short": func(t *testing.T, path string) {
			t.Helper()
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, info.Size()/2))
		},
		"missing": func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Remove(path))
		},
		"another table's": func(t *testing.T, path string) {
			t.Helper()
			data, err := os.ReadFile(filepath.Join(filepath.Dir(path), "public.collections"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, data, 0o600))
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := filepath.Join(t.TempDir(), "damaged")
			require.NoError(t, os.CopyFS(copied, os.DirFS(path)))
			damage(t, filepath.Join(copied, "data", "public.documents"))
			_, err := backup.VerifyFiles(t.Context(), open(t, copied), 2, nil)
			require.ErrorIs(t, err, backup.ErrDamaged)
			require.ErrorContains(t, err, "documents")

			target := pgtest.Empty(t)
			_, err = backup.Restore(t.Context(), target, open(t, copied), backup.RestoreOptions{})
			require.ErrorIs(t, err, backup.ErrDamaged)
			require.Zero(t, tableCount(t, target), "nothing of it is left")
		})
	}
}

// flip changes a bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o600))
}
func tableCount(t *testing.T, url string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), `
select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema)'`).Scan(&n))
	return n
}
