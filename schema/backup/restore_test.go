package backup_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/schema"
	"semantik/schema/backup"
)

// query runs a statement that gives one value.
func query[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var value T
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&value))
	return value
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // some do it at the end
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	require.NoError(t, err)
}

// occupied is a database that has a user, and a table of somebody else's.
func occupied(t *testing.T) string {
	t.Helper()
	url := pgtest.Partitioned(t, 10)
	exec(t, url, `insert into users (username, email, hashed_password) values ('zoe', 'zoe@example.org', 'x')`)
	exec(t, url, `create table foreign_to_us (id int); insert into foreign_to_us values (1)`)
	return url
}

const users = "select string_agg(username, ',' order by username) from users"

func TestRestore_ReplacesADatabaseThatHoldsSomethingOnlyByForce(t *testing.T) {
	t.Parallel()
	made := made(t, "file.tar")
	target := occupied(t)
	_, err := backup.Restore(t.Context(), target, made, backup.RestoreOptions{})
	require.ErrorIs(t, err, backup.ErrNotEmpty)
	require.Equal(t, "zoe", query[string](t, target, users))

	restored, err := backup.Restore(t.Context(), target, made, backup.RestoreOptions{Force: true})
	require.NoError(t, err)
	require.True(t, restored.Replaced)
	require.Equal(t, "alice,bob,root", query[string](t, target, users))
	require.Equal(t, 1, query[int](t, target, "select count(*)::int from foreign_to_us"), "what is somebody else's stays")
	require.False(t, query[bool](t, target, "select to_regnamespace($1) is not null", schema.AsideSchema))
}

func TestRestore_IntoADatabaseThatIsInUseIsRefused(t *testing.T) {
	t.Parallel()
	w := filled(t) // whose program runs
	made := create(t, w, "file.tar")
	_, err := backup.Restore(t.Context(), w.URL, made, backup.RestoreOptions{Force: true})
	require.ErrorIs(t, err, backup.ErrInUse)
	require.ErrorContains(t, err, "stop every server and worker")

	// A role that may not see much sees that too.
	target := pgtest.Empty(t)
	role := "semantik_test_" + strings.ToLower(rand.Text()[:12])
	exec(t, target, "create role "+role+" login password 'x'")
	t.Cleanup(func() { exec(t, w.URL, "drop role "+role) })
	config, err := pgx.ParseConfig(target)
	require.NoError(t, err)
	config.RuntimeParams["application_name"] = "semantik"
	server, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { _ = server.Close(context.WithoutCancel(t.Context())) }()
	u, err := url.Parse(target)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "x")
	_, err = backup.Restore(t.Context(), u.String(), made, backup.RestoreOptions{Force: true})
	require.ErrorIs(t, err, backup.ErrInUse)
	require.ErrorContains(t, err, "semantik (1 sessions of the role")
}

// What depends on our tables would go with them, or keep them from going when all else is
// done.
func TestRestore_IsRefusedWhereThingsOfOthersDependOnTheTables(t *testing.T) {
	t.Parallel()
	made := made(t, "file.tar")
	target := occupied(t)
	for object, drop := range map[string]string{
		"create view names as select username from users":        "drop view names",
		"create table likes (user_id bigint references users)":   "drop table likes",
		"create view work as select kind from river.river_job":   "drop view work",
		"create table done as select state from river.river_job": "drop table done",
	} {
		exec(t, target, object)
		_, err := backup.Restore(t.Context(), target, made, backup.RestoreOptions{Force: true})
		_, refused := errors.AsType[*backup.DependentError](err)
		require.True(t, refused, "%s: %v", object, err)
		require.ErrorContains(t, err, strings.Fields(drop)[2])
		exec(t, target, drop)
	}
	requireAsBefore(t, target)
}

func TestRestore_ThatFailsPutsBackWhatWasThere(t *testing.T) {
	t.Parallel()
	path := made(t, "folder").Path
	// The last table that is loaded does not come to its end.
	require.NoError(t, os.Truncate(filepath.Join(path, "data", "public.scheduled_tasks"), 20))
	target := occupied(t)
	_, err := backup.Restore(t.Context(), target, open(t, path), backup.RestoreOptions{Force: true})
	require.ErrorIs(t, err, backup.ErrDamaged)
	requireAsBefore(t, target)
}

// requireAsBefore says that an occupied database is what it was.
func requireAsBefore(t *testing.T, url string) {
	t.Helper()
	require.Equal(t, "zoe", query[string](t, url, users))
	require.Equal(t, 1, query[int](t, url, "select count(*)::int from foreign_to_us"))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	plan, err := schema.New(pool, schema.Options{}).Plan(t.Context())
	require.NoError(t, err)
	require.True(t, plan.Empty())
	requireStarts(t, url)
}

// requireStarts says that a server starts on the database.
func requireStarts(t *testing.T, url string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	_, err = schema.New(pool, schema.Options{}).Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
	require.NoError(t, err)
}

func TestRestore_OfWhatANewerProgramMadeIsRefused(t *testing.T) {
	t.Parallel()
	path := made(t, "folder").Path
	for name, change := range map[string]func(m map[string]any){
		"format": func(m map[string]any) { m["format"] = backup.Format + 1 },
		"schema": func(m map[string]any) {
			m["schema"] = map[string]any{"revision": schema.Revision + 1, "hash": "", "partition_count": 10}
		},
	} {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "newer")
			require.NoError(t, os.CopyFS(copied, os.DirFS(path)))
			rewrite(t, copied, change)
			b, err := backup.Open(copied)
			if err == nil {
				defer func() { _ = b.Close() }()
				_, err = backup.Restore(t.Context(), pgtest.Empty(t), b, backup.RestoreOptions{})
			}
			var newer *backup.NewerError
			require.ErrorAs(t, err, &newer)
		})
	}
}

func TestRestore_WhereKeysAreComputedOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	path := made(t, "folder").Path
	rewrite(t, path, func(m map[string]any) {
		keys, ok := m["partition_keys"].([]any)
		require.True(t, ok)
		keys[7] = 10 // which is none of ten
	})
	target := pgtest.Empty(t)
	_, err := backup.Restore(t.Context(), target, open(t, path), backup.RestoreOptions{})
	require.ErrorIs(t, err, backup.ErrKeys)
	require.Zero(t, tableCount(t, target))
}

// rewrite changes a manifest.
func rewrite(t *testing.T, path string, change func(m map[string]any)) {
	t.Helper()
	file := filepath.Join(path, "manifest.json")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))
	change(m)
	data, err = json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o600))
}

func TestBackup_ThatIsBrokenOffIsNone(t *testing.T) {
	t.Parallel()
	w := filled(t)
	for _, name := range []string{"folder", "file.tar"} {
		dir := t.TempDir()
		ctx, stop := context.WithCancel(t.Context())
		_, err := backup.Create(ctx, w.URL, backup.CreateOptions{To: filepath.Join(dir, name), Common: backup.Common{Progress: stopAt{"Copying", stop}}})
		require.Error(t, err)
		found, err := backup.List(dir)
		require.NoError(t, err)
		require.Empty(t, found, "nothing of it is left")
	}
}

func TestList_TellsWhatIsWholeAndPruneKeepsTheNewest(t *testing.T) {
	t.Parallel()
	w := filled(t)
	dir := t.TempDir()
	for _, name := range []string{"1.tar", "2", "3.tar"} {
		_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: filepath.Join(dir, name)})
		require.NoError(t, err)
	}
	_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: filepath.Join(dir, "notes.tar"), Collections: []string{"notes"}})
	require.NoError(t, err)
	whole, err := os.ReadFile(filepath.Join(dir, "1.tar"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "half.tar"), whole[:len(whole)/2], 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old.tar.partial"), whole[:len(whole)/3], 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("no backup"), 0o600))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "old.tar.partial"), time.Time{}, time.Now().Add(-25*time.Hour)))

	found, err := backup.List(dir)
	require.NoError(t, err)
	states := map[string]string{}
	for _, f := range found {
		states[f.Name] = f.State
	}
	require.Equal(t, map[string]string{
		"1.tar": "complete", "2": "complete", "3.tar": "complete", "notes.tar": "complete", "half.tar": "incomplete", "old.tar.partial": "incomplete",
	}, states)
	latest, err := backup.Latest(dir)
	require.NoError(t, err)
	require.Equal(t, "3.tar", latest.Name)

	require.Empty(t, pruned(t, dir, backup.PruneOptions{Keep: 2, Within: time.Hour, Now: time.Now()}, "old.tar.partial"))
	require.Empty(t, pruned(t, dir, backup.PruneOptions{Keep: 2, Now: time.Now(), DryRun: true}, "1.tar"))
	require.Empty(t, pruned(t, dir, backup.PruneOptions{Keep: 2, Now: time.Now()}, "1.tar"))
	require.Empty(t, pruned(t, dir, backup.PruneOptions{Keep: 1, Now: time.Now()}, "2"))
	_, err = backup.Prune(dir, backup.PruneOptions{Now: time.Now()})
	require.Error(t, err, "one is kept at least")
}

// pruned gives what was removed besides what was to be.
func pruned(t *testing.T, dir string, o backup.PruneOptions, want ...string) []string {
	t.Helper()
	removed, err := backup.Prune(dir, o)
	require.NoError(t, err)
	var others []string
	for _, f := range removed {
		if len(want) > 0 && f.Name == want[0] {
			want = want[1:]
			continue
		}
		others = append(others, f.Name)
	}
	require.Empty(t, want, "it should have been removed")
	return others
}
