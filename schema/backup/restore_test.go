package backup_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		"format": func(m map[string]any) { m["format"], m["version"] = backup.Format+1, "9\x1b[2J" },
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
			require.NotContains(t, err.Error(), "\x1b", "what a file says moves no cursor")
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

// rewrite changes a manifest and gives it the checksum that it has then.
func rewrite(t *testing.T, path string, change func(m map[string]any)) {
	t.Helper()
	alter(t, path, func(m map[string]any) {
		m["manifest_checksum"] = strings.Repeat("0", 64)
		change(m)
		data, err := json.Marshal(m)
		require.NoError(t, err)
		m["manifest_checksum"] = fmt.Sprintf("%x", sha256.Sum256(data))
	})
}

// alter changes a manifest.
func alter(t *testing.T, path string, change func(m map[string]any)) {
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
