package schema_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// newLoose is the small schema with a column that may be null and is, in most rows, on a
// plain table and on a partitioned one.
func newLoose(t *testing.T, s server) (*pgxpool.Pool, schema.Files) {
	t.Helper()
	pool, files := newSmall(t, s), smallFiles()
	files.Tables = replace(t, files.Tables, "    place integer not null\n", "    place integer not null,\n    colour text\n")
	_, err := schema.NewWith(pool, schema.Options{}, files).Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	execute(t, pool, "update parts set colour = 'red' where id % 100 = 0")
	return pool, files
}

// declared is the same with the column NOT NULL and the way there.
func declared(t *testing.T, files schema.Files, value string) schema.Files {
	t.Helper()
	files.Tables = replace(t, files.Tables, "    colour text\n", "    colour text not null\n")
	files.Tightenings = []schema.Tightening{{Table: "parts", Column: "colour", Value: value}}
	return files
}

func TestTighten_a_column_becomes_not_null_by_slices(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool, files := newLoose(t, s)
		files = declared(t, files, "'blue ' || id")
		m := schema.NewWith(pool, schema.Options{}, files)

		var seen []schema.TightenProgress
		require.NoError(t, m.Tighten(t.Context(), files.Tightenings[0], func(p schema.TightenProgress) { seen = append(seen, p) }))
		require.Greater(t, len(seen), 10)
		last := seen[len(seen)-1]
		require.Equal(t, "parts_2", last.Table)
		require.Equal(t, last.Total, last.Pages)
		require.Equal(t, int64(29700), last.Rows)
		require.Equal(t, 300, queryOne[int](t, pool, "select count(*) from parts where colour = 'red'"))
		require.Equal(t, 29700, queryOne[int](t, pool, "select count(*) from parts where colour = 'blue ' || id"))
		requireNoDrift(t, m)
		require.NoError(t, m.Tighten(t.Context(), files.Tightenings[0], func(schema.TightenProgress) { t.Error("there is nothing left to do") }))
	})
}

func TestTighten_is_done_by_the_apply_that_declares_it(t *testing.T) {
	t.Parallel()
	pool, files := newLoose(t, servers[0])
	files = declared(t, files, "'blue'")
	m := schema.NewWith(pool, schema.Options{}, files)
	applied, err := m.Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
	require.NoError(t, err)
	require.Empty(t, applied.Statements, "nothing is left to alter")
	requireNoDrift(t, m)
}

func TestTighten_that_was_killed_goes_on(t *testing.T) {
	t.Parallel()
	pool, files := newLoose(t, servers[0])
	files = declared(t, files, "'blue'")
	m := schema.NewWith(pool, schema.Options{}, files)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slices := 0
	err := m.Tighten(ctx, files.Tightenings[0], func(schema.TightenProgress) {
		if slices++; slices == 4 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	done := queryOne[int](t, pool, "select count(*) from parts where colour = 'blue'")
	require.NotZero(t, done, "what was done stays done")
	require.NotZero(t, queryOne[int](t, pool, "select count(*) from parts where colour is null"))

	// Killed at the next step: the check is there, and not validated.
	execute(t, pool, "alter table parts add constraint ck_parts_colour_tightening check (colour is not null) not valid")
	require.NoError(t, m.Tighten(t.Context(), files.Tightenings[0], nil))
	requireNoDrift(t, m)
	require.Equal(t, 29700, queryOne[int](t, pool, "select count(*) from parts where colour = 'blue'"))
}

func TestTighten_where_the_value_is_null_leaves_the_column_as_it_was(t *testing.T) {
	t.Parallel()
	pool, files := newLoose(t, servers[0])
	before := catalog(t, pool)
	tightening := schema.Tightening{Table: "parts", Column: "colour", Value: "case when id > 10 then 'blue' end"}
	m := schema.NewWith(pool, schema.Options{}, files)
	err := m.Tighten(t.Context(), tightening, nil)
	require.ErrorContains(t, err, "rows of parts are left for which case when id > 10 then 'blue' end is null")
	require.Equal(t, before, catalog(t, pool))
	require.Equal(t, 10, queryOne[int](t, pool, "select count(*) from parts where colour is null"))
	for _, nonsense := range []schema.Tightening{{}, {Table: "parts", Column: "colour"}, {Table: `x"; drop table parts`, Column: "colour", Value: "1"}} {
		require.Error(t, m.Tighten(t.Context(), nonsense, nil))
	}
}
