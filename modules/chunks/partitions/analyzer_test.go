package partitions_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/partitions"
	"semantik/testworld"
)

func analyzer(w *testworld.World) *partitions.Analyzer {
	return partitions.NewAnalyzer(w.DB, partitions.NewRepository(w.DB), nil)
}

// churn is what has happened to a parent.
func churn(t *testing.T, w *testworld.World, table string) partitions.Churn {
	t.Helper()
	found, err := partitions.NewRepository(w.DB).Churn(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 2)
	for _, c := range found {
		if c.Table == table {
			return c
		}
	}
	require.FailNow(t, "there is no "+table)
	return partitions.Churn{}
}

// analyzes lists the parents that were analyzed meanwhile.
func analyzes(w *testworld.World, do func()) []string {
	var tables []string
	for _, s := range w.Trace.Record(do) {
		if strings.HasPrefix(s.SQL, "analyze") {
			tables = append(tables, s.SQL[strings.LastIndex(s.SQL, " ")+1:])
		}
	}
	return tables
}

// add inserts so many chunks into the first partition that has a collection.
func add(w *testworld.World, from, n int) {
	w.Exec(`
insert into chunks (collection_id, partition_key, chunk_index, content)
select c.id, c.partition_key, i, 'more' from (select * from collections order by partition_key limit 1) c, generate_series($1::int, $1 + $2 - 1) i`, from, n)
	w.Exec(`
insert into chunk_search_backlog (collection_id, partition_key, load_id, first_index, last_index, new_chunks)
select id, partition_key, 0, $1::int, $1 + $2 - 1, 0 from collections order by partition_key limit 1`, from, n)
	w.Exec(`update collections set chunk_count = chunk_count + $1 where id = (select id from collections order by partition_key limit 1)`, n)
}

// withoutAutovacuum keeps PostgreSQL from analyzing a partition by itself: what it counts
// while rows are being added is an estimate, and the test waits for exact numbers. Where
// it matters, the test does what autovacuum would do.
func withoutAutovacuum(w *testworld.World) {
	w.Exec(`
do $$
declare
  partition regclass;
begin
  for partition in
    select inhrelid::regclass from pg_inherits where inhparent in ('chunks'::regclass, 'chunk_search'::regclass)
  loop
    execute format('alter table %s set (autovacuum_enabled = false)', partition);
  end loop;
end $$`)
}

func TestAnalyzer_AnalyzesAParentOnceATenthHasChangedAndDaily(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	withoutAutovacuum(w)
	a := analyzer(w)
	keep := func() { require.NoError(t, a.Keep(t.Context())) }
	require.ElementsMatch(t, []string{"chunks", "chunk_search"}, analyzes(w, keep), "it never was")
	require.Empty(t, analyzes(w, keep))

	fill(t, w, func(int) int { return 200 })
	w.Await("the statistics know of the rows", func() bool { return churn(t, w, "chunks").Rows == 20_000 })
	w.Await("the statistics know of the search rows", func() bool { return churn(t, w, "chunk_search").Rows == 20_000 })
	require.ElementsMatch(t, []string{"chunks", "chunk_search"}, analyzes(w, keep), "all has changed")
	require.NotNil(t, churn(t, w, "chunks").LastAnalyze)
	require.InDelta(t, 20_000, churn(t, w, "chunks").NotedRows, 0)
	require.Positive(t, w.Int(`select count(*) from pg_stats where tablename = 'chunks' and inherited`))
	require.Empty(t, analyzes(w, keep), "nothing has changed since")

	add(w, 1000, 1900)
	w.Await("the statistics know of more", func() bool { return churn(t, w, "chunks").Rows == 21_900 })
	require.Empty(t, analyzes(w, keep), "less than a tenth has changed")
	// Autovacuum analyzes the partition, and what it has counted begins again.
	w.Exec(`analyze chunks_p0`)
	w.Exec(`update chunks set token_count = 1 where partition_key = 0 and chunk_index < 1100`)
	w.Await("the statistics know of an update", func() bool { return churn(t, w, "chunks").Changes >= 22_100 })
	require.Equal(t, []string{"chunks"}, analyzes(w, keep), "a tenth has changed, updates included")
	require.Empty(t, analyzes(w, keep))

	t.Run("another process tells by the number of rows what came before it", func(t *testing.T) {
		other := analyzer(w)
		require.Empty(t, analyzes(w, func() { require.NoError(t, other.Keep(t.Context())) }))
		add(w, 5000, 2300)
		w.Await("the statistics know of more", func() bool { return churn(t, w, "chunks").Rows == 24_200 })
		require.Equal(t, []string{"chunks"}, analyzes(w, func() { require.NoError(t, analyzer(w).Keep(t.Context())) }))
		require.Empty(t, analyzes(w, func() { require.NoError(t, other.Keep(t.Context())) }), "and leaves it to that one")
	})
	t.Run("a day is enough by itself", func(t *testing.T) {
		c := churn(t, w, "chunks")
		require.Empty(t, a.Due(c))
		c.At = c.LastAnalyze.Add(24*time.Hour - time.Second)
		require.Empty(t, a.Due(c))
		c.At = c.LastAnalyze.Add(24 * time.Hour)
		require.Equal(t, "a day has passed", a.Due(c))
	})
	t.Run("after a crash, which loses the statistics, it analyzes again", func(t *testing.T) {
		c := churn(t, w, "chunks")
		c.LastAnalyze = nil
		require.Equal(t, "it never was", a.Due(c))
	})
}

func TestAnalyzer_OneAtATime(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	fill(t, w, func(int) int { return 1 })
	w.Await("the statistics know of the rows", func() bool {
		return churn(t, w, "chunks").Rows == 100 && churn(t, w, "chunk_search").Rows == 100
	})
	tables := analyzes(w, func() {
		for _, err := range w.Race(6, func(int) error { return analyzer(w).Keep(t.Context()) }) {
			require.NoError(t, err)
		}
	})
	require.ElementsMatch(t, []string{"chunks", "chunk_search"}, tables)
}

// A vacuum, an analyze or an index build of a partition goes on, and the analyzer
// does not wait for it; nor does a load wait for the analyzer.
func TestAnalyzer_StopsNobodyAndWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	fill(t, w, func(int) int { return 1 })
	w.Await("the statistics know of the rows", func() bool {
		return churn(t, w, "chunks").Rows == 100 && churn(t, w, "chunk_search").Rows == 100
	})
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, w.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	lock := func(table string) pgx.Tx {
		tx, err := conn.Begin(ctx)
		require.NoError(t, err)
		_, err = tx.Exec(ctx, `lock table only `+table+` in share update exclusive mode`)
		require.NoError(t, err)
		return tx
	}
	tx := lock("chunks_p3")
	began := time.Now()
	require.NoError(t, analyzer(w).Keep(ctx))
	require.Less(t, time.Since(began), 4*time.Second)
	require.NoError(t, tx.Rollback(ctx))
	require.NotNil(t, churn(t, w, "chunks").LastAnalyze)

	w.Exec(`select pg_stat_reset_single_table_counters('chunks'::regclass)`)
	tx = lock("chunks")
	require.ErrorContains(t, analyzer(w).Keep(ctx), "chunks is locked by something else")
	require.NoError(t, tx.Rollback(ctx))

	pause := w.Trace.PauseAt("commit")
	kept := make(chan error, 1)
	go func() { kept <- analyzer(w).Keep(ctx) }()
	<-pause.Reached()
	_, err = conn.Exec(ctx, `set lock_timeout = '1s'`)
	require.NoError(t, err)
	tag, err := conn.Exec(ctx, `update chunks set content = 'written meanwhile'`)
	require.NoError(t, err)
	require.EqualValues(t, 100, tag.RowsAffected())
	pause.Resume()
	require.NoError(t, <-kept)
}

func TestAnalyzer_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, analyzer(w).Keep(ctx))
}

// The settings that the schema gives every partition, and that make autovacuum come
// after a hundredth has changed.
func TestAnalyzer_ThePartitionsThemselvesAreAutovacuums(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker(), testworld.Empty())
	require.EqualValues(t, 200, w.Int(`
select count(*)
from pg_class c
join pg_inherits i on i.inhrelid = c.oid
where i.inhparent in ('chunks'::regclass, 'chunk_search'::regclass)
  and c.reloptions @> array['autovacuum_vacuum_scale_factor=0.01', 'autovacuum_analyze_scale_factor=0.01']`))
}
