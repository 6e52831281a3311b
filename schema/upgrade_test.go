package schema_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// previousFiles are an earlier schema, kept as it was.
func previousFiles(t *testing.T) schema.Files {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile("testdata/previous/" + name)
		require.NoError(t, err)
		return string(text)
	}
	return schema.Files{
		Revision:   schema.Revision - 1,
		Extensions: read("extensions.sql"),
		Tables:     read("schema.sql"),
		Functions:  read("functions.sql"),
		Partitions: read("partitions.sql"),
	}
}

// newPrevious is a database with the earlier schema and a document in it.
func newPrevious(t *testing.T, s server) (*pgxpool.Pool, *schema.Manager) {
	t.Helper()
	pool := newDatabase(t, s)
	previous := schema.NewWith(pool, schema.Options{PartitionCount: 4}, previousFiles(t))
	_, err := previous.Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	newWorld(t, pool).document(strings.Repeat("a", 64))
	return pool, previous
}

func TestUpgrade_of_a_database_made_by_the_schema_before(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool, previous := newPrevious(t, s)
		before := catalog(t, pool)
		m := schema.New(pool, schema.Options{})
		status, err := m.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, schema.StatePending, status.State)

		plan, err := m.Plan(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, plan.Statements)
		require.Empty(t, plan.Destructive())
		require.Equal(t, before, catalog(t, pool), "planning changes nothing")

		applied, err := m.Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
		require.NoError(t, err)
		require.Equal(t, plan.Statements, applied.Statements)
		requireNoDrift(t, m)
		require.Equal(t, 1, queryOne[int](t, pool, "select count(*) from documents where file_modified_at is null"))

		fresh := newDatabase(t, s)
		_, err = schema.New(fresh, schema.Options{PartitionCount: 4}).Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		require.Equal(t, catalog(t, fresh), catalog(t, pool), "upgraded and new are alike")

		t.Run("the program before it refuses the upgraded database", func(t *testing.T) {
			requireNewer(t, previous, func(*schema.NewerSchemaError) {})
		})

		t.Run("rolled back, it is as it was, and can be upgraded again", func(t *testing.T) {
			_, err := m.Rollback(t.Context(), schema.RollbackOptions{})
			require.ErrorContains(t, err, "dropping the column documents.file_modified_at loses its values")
			// An older program can undo what a newer one did.
			entry, err := previous.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
			require.NoError(t, err)
			require.Equal(t, schema.Revision-1, entry.Revision)
			require.Equal(t, before, catalog(t, pool))
			requireNoDrift(t, previous)
			status, err := previous.Status(t.Context())
			require.NoError(t, err)
			require.Equal(t, schema.StateCurrent, status.State)
			require.NoError(t, previous.MayWrite(t.Context()))
			var older *schema.OlderSchemaError
			require.ErrorAs(t, m.MayWrite(t.Context()), &older)

			_, err = m.Apply(t.Context(), schema.ApplyOptions{})
			require.NoError(t, err)
			require.Equal(t, catalog(t, fresh), catalog(t, pool))
			require.Equal(t, 1, queryOne[int](t, pool, "select count(*) from documents"))
		})
	})
}

func TestUpgrade_that_would_lose_data_is_refused(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	files := schema.CurrentFiles()
	_, err := schema.NewWith(pool, schema.Options{PartitionCount: 2}, files).Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	before := catalog(t, pool)

	files.Revision++
	files.Tables = cut(t, files.Tables, "create table idempotency_keys", "-- ---------------------------------------------------------------- the schema itself")
	files.Tables = replace(t, files.Tables, "    full_name       text,\n", "")
	files.Tables = replace(t, files.Tables, ",\n    constraint ck_users_full_name check (length(full_name) <= 255)", "")
	files.Tables = replace(t, files.Tables, "task_id       bigint", "task_id       integer")
	next := schema.NewWith(pool, schema.Options{}, files)

	_, err = next.Apply(t.Context(), schema.ApplyOptions{})
	var destructive *schema.DestructiveError
	require.ErrorAs(t, err, &destructive)
	require.Len(t, destructive.Statements, 3)
	for _, loss := range []string{
		"dropping the table idempotency_keys loses its rows",
		"dropping the column users.full_name loses its values",
		"changing the type of operations.task_id from bigint to integer may lose",
	} {
		require.ErrorContains(t, err, loss)
	}
	require.Equal(t, before, catalog(t, pool))

	_, err = next.Apply(t.Context(), schema.ApplyOptions{AllowDestructive: true})
	require.NoError(t, err)
	requireNoDrift(t, next)

	// The way back brings the table's indexes with it, though not its rows.
	_, err = next.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
	require.NoError(t, err)
	requireNoDrift(t, schema.New(pool, schema.Options{}))
}

func TestUpgrade_brings_back_the_index_that_fell_with_a_column(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	files := schema.CurrentFiles()
	_, err := schema.NewWith(pool, schema.Options{PartitionCount: 2}, files).Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)

	files.Tables = replace(t, files.Tables, "    deleted_at       timestamptz, -- in the bin: content kept, chunks gone\n", "")
	files.Tables = replace(t, files.Tables, "    constraint ck_documents_deleted_at check ((status = 'deleted') = (deleted_at is not null)),\n", "")
	files.Tables = replace(t, files.Tables, "create index ix_documents_deleted_at on documents (deleted_at) where deleted_at is not null;\n", "")
	next := schema.NewWith(pool, schema.Options{}, files)
	_, err = next.Apply(t.Context(), schema.ApplyOptions{AllowDestructive: true})
	require.NoError(t, err)
	require.False(t, queryOne[bool](t, pool, "select to_regclass('ix_documents_deleted_at') is not null"))

	_, err = next.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
	require.NoError(t, err)
	requireNoDrift(t, schema.New(pool, schema.Options{}))
}

func TestPlan_warns_of_what_fails_on_a_table_with_rows(t *testing.T) {
	t.Parallel()
	pool, _ := newPrevious(t, servers[0])
	files := schema.CurrentFiles()
	files.Tables = replace(t, files.Tables, "    full_name       text,\n", "    full_name       text not null,\n    shoe_size integer not null,\n")
	m := schema.NewWith(pool, schema.Options{}, files)
	before := catalog(t, pool)

	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	var warnings strings.Builder
	for _, s := range plan.Statements {
		warnings.WriteString(s.Warning + "\n")
	}
	require.Contains(t, warnings.String(), "adding the column users.shoe_size, NOT NULL without a default, fails when the table has rows")
	require.Contains(t, warnings.String(), "making users.full_name NOT NULL fails when a row has none")
	require.Empty(t, plan.Destructive())

	_, err = m.Apply(t.Context(), schema.ApplyOptions{})
	require.ErrorContains(t, err, "shoe_size")
	require.Equal(t, before, catalog(t, pool), "what fails halfway leaves nothing")
}

func TestPlan_leaves_the_tables_of_others_alone(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	execute(t, pool, "create table guests (id integer primary key, user_id bigint references users (id)); create view names as select username from users")
	m := schema.New(pool, schema.Options{})
	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	require.True(t, plan.Empty(), "%+v", plan)
	drift, err := m.Check(t.Context())
	require.NoError(t, err)
	require.Equal(t, []schema.Drift{{Problem: schema.ProblemExtra, Object: "table guests", Detail: "not made by this program, and left alone"}}, drift)
}

func replace(t *testing.T, text, before, after string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, before), "%q", before)
	return strings.Replace(text, before, after, 1)
}

// cut removes what stands between two texts, the first included.
func cut(t *testing.T, text, from, to string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, from)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, to)
	require.True(t, ok)
	return before + to + after
}
