package partitions_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/partitions"
	"semantik/platform/database"
	"semantik/testworld"
)

var errUndo = errors.New("undo")

func TestReport_EstimatesWhatIsThereBeforeAndAfterAnAnalyze(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	look := func() partitions.Report {
		r, err := w.Partitions.Report(w.As(w.Root))
		require.NoError(t, err)
		require.Len(t, r.Health, 100)
		return r
	}
	empty := look()
	require.Zero(t, empty.TotalChunks, "a partition that was never analyzed says -1")
	require.Zero(t, empty.TotalSearchRows)
	require.Equal(t, 100, empty.HealthyCount)
	require.Empty(t, empty.Alerts)
	require.Empty(t, empty.Recommendations)
	require.InDelta(t, 100, empty.HealthPercentage(), 0)

	ids := fill(t, w, func(num int) int { return 10 + num })
	const all = 100*10 + 99*100/2
	filled := func(r partitions.Report) bool { return r.TotalChunks == all && r.TotalSearchRows == all }
	w.Await("the statistics know of the rows", func() bool { return filled(look()) })
	r := look()
	require.Equal(t, 100, r.HealthyCount, "a nearly empty system is healthy, however uneven")
	require.Empty(t, r.Alerts)
	require.EqualValues(t, 109, r.Health[99].Chunks.Rows)
	require.EqualValues(t, 109, r.Health[99].LargestChunks)
	require.Equal(t, ids[99], r.Health[99].Largest)
	require.EqualValues(t, 1, r.Health[99].Collections)
	require.InDelta(t, 109.0/59.5-1, r.Health[99].Skew, 0.001)
	require.InDelta(t, 10900.0/all, r.Health[99].Percentage, 0.001)
	require.InDelta(t, 59.5, r.Average, 0.001)
	require.InDelta(t, 28.866, r.Deviation, 0.001)
	require.EqualValues(t, 109*1500, r.Health[99].Chunks.Bytes, "nobody has counted the pages")
	require.Nil(t, r.Parents[0].LastAnalyze)

	w.Exec(`analyze chunks`)
	w.Exec(`analyze chunk_search`)
	require.True(t, filled(look()))
	require.NotNil(t, look().Parents[0].LastAnalyze)
	sized := look().Health[99]
	require.InEpsilon(t, w.Int(`select pg_total_relation_size('chunks_p99')`), sized.Chunks.Bytes, 0.3, "but for the map of free space, which is as large in a small table as in a large one")
	require.InEpsilon(t, w.Int(`select pg_total_relation_size('chunk_search_p99')`), sized.Search.Bytes, 0.3)
	exact, err := w.Partitions.Statistics(w.As(w.Root), &sized.Num, true)
	require.NoError(t, err)
	require.Equal(t, w.Int(`select pg_total_relation_size('chunks_p99')`), exact.One.Chunks.Bytes)
	require.Equal(t, w.Int(`select pg_total_relation_size('chunk_search_p99')`), exact.One.Search.Bytes)
	w.Exec(`delete from chunk_search where partition_key = 7`)
	w.Exec(`delete from chunks where partition_key = 7`)
	w.Exec(`update collections set chunk_count = 0, vector_count = 0 where partition_key = 7`)
	w.Await("the statistics know of the deletion", func() bool {
		r := look()
		return r.Health[7].Chunks.Rows == 0 && r.Health[7].Chunks.DeadRows == 17 && r.Health[7].LargestChunks == 0
	})
	// As after a crash, which loses the statistics; the catalog keeps what it noted.
	for _, table := range []string{"chunks_p8", "chunk_search_p8"} {
		w.Exec(`select pg_stat_reset_single_table_counters($1::regclass)`, table)
	}
	require.EqualValues(t, 18, look().Health[8].Chunks.Rows)
}

// looking runs a look inside a transaction and lists what it has locked of the
// partitions until then.
func looking(t *testing.T, w *testworld.World, look func(ctx context.Context) error) []string {
	t.Helper()
	var locked []string
	err := w.DB.InTx(w.As(w.Root), func(ctx context.Context) error {
		require.NoError(t, look(ctx))
		rows, err := w.DB.Querier(ctx).Query(testworld.Beside(ctx), `
select distinct coalesce(x.indrelid, l.relation)::regclass::text
from pg_locks l
join pg_class c on c.oid = l.relation
left join pg_index x on x.indexrelid = l.relation
where l.pid = pg_backend_pid()
  and c.relispartition`)
		require.NoError(t, err)
		locked, err = pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return errUndo
	}, database.ReadOnly())
	require.ErrorIs(t, err, errUndo)
	return locked
}

// evenly is a world with twenty chunks in each partition.
func evenly(t *testing.T) *testworld.World {
	t.Helper()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	fill(t, w, func(int) int { return 20 })
	w.Await("the statistics know of the rows", func() bool {
		r, err := w.Partitions.Report(w.As(w.Root))
		require.NoError(t, err)
		return r.TotalChunks == 2000
	})
	return w
}

func TestLook_IsCheap(t *testing.T) {
	t.Parallel()
	w := evenly(t)
	t.Run("a report reads no chunk and holds no lock on a partition", func(t *testing.T) {
		sent := w.Trace.Record(func() {
			require.Empty(t, looking(t, w, func(ctx context.Context) error {
				_, err := w.Partitions.Report(ctx)
				return err
			}))
		})
		about := 0
		for _, s := range sent {
			require.NotContains(t, s.SQL, "from chunks")
			if strings.Contains(s.SQL, "pg_inherits") {
				about++
			}
		}
		require.Equal(t, 1, about, "all partitions in one statement")
		require.Less(t, len(sent), 10)
	})
	t.Run("the health reads a sample of a few partitions, and others the next time", func(t *testing.T) {
		seen := map[int]bool{}
		for range 10 {
			var h partitions.Health
			locked := looking(t, w, func(ctx context.Context) error {
				var err error
				h, err = w.Partitions.Health(ctx)
				return err
			})
			require.Len(t, h.Verification.Sampled, 4)
			require.Len(t, locked, 4)
			require.EqualValues(t, 80, h.Verification.Chunks)
			require.Zero(t, h.Verification.ChunksWrong)
			require.EqualValues(t, 100, h.Verification.Collections)
			for _, num := range h.Verification.Sampled {
				seen[num] = true
			}
		}
		require.Greater(t, len(seen), 8)
	})
}

func TestLook_HoldsNoPartitionAndWaitsForNone(t *testing.T) {
	t.Parallel()
	w := evenly(t)
	t.Run("an exact count holds no partition when it is done with it", func(t *testing.T) {
		sent := w.Trace.Record(func() {
			s, err := w.Partitions.Statistics(w.As(w.Root), nil, true)
			require.NoError(t, err)
			require.True(t, s.Exact)
			require.EqualValues(t, 2000, s.TotalChunks)
			require.EqualValues(t, 2000, s.TotalSearchRows)
		})
		open := ""
		for _, s := range sent {
			switch {
			case strings.HasPrefix(s.SQL, "begin"), s.SQL == "commit", s.SQL == "rollback":
				open = ""
			case strings.Contains(s.SQL, "from chunk"):
				require.Empty(t, open, "one table in a transaction")
				open = s.SQL
			}
		}
	})
	t.Run("a partition that is locked away keeps nobody waiting", func(t *testing.T) {
		ctx := t.Context()
		conn, err := pgx.Connect(ctx, w.URL)
		require.NoError(t, err)
		defer func() { _ = conn.Close(ctx) }()
		tx, err := conn.Begin(ctx)
		require.NoError(t, err)
		_, err = tx.Exec(ctx, `lock table chunks_p3 in access exclusive mode`)
		require.NoError(t, err)
		began := time.Now()
		r, err := w.Partitions.Report(w.As(w.Root))
		require.NoError(t, err)
		require.Less(t, time.Since(began), time.Second)
		require.EqualValues(t, 20, r.Health[3].Chunks.Rows)
		require.NoError(t, tx.Rollback(ctx))
	})
}

// A statement on chunks names one partition, whatever its plan is made for.
func TestLook_ReadsOnePartitionAtATime(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	fill(t, w, func(int) int { return 3 })
	rows := partitions.NewRepository(w.DB)
	for name, call := range map[string]func(ctx context.Context) error{
		"Sample": func(ctx context.Context) error {
			looked, wrong, err := rows.Sample(ctx, partitions.Partition{Num: 42, Chunks: partitions.Table{Rows: 3}}, 100)
			require.EqualValues(t, 3, looked)
			require.Zero(t, wrong)
			return err
		},
		"CountChunks": func(ctx context.Context) error {
			n, bytes, err := rows.CountChunks(ctx, 42)
			require.EqualValues(t, 3, n)
			require.Positive(t, bytes)
			return err
		},
		"CountSearchRows": func(ctx context.Context) error {
			n, bytes, err := rows.CountSearchRows(ctx, 42)
			require.EqualValues(t, 3, n)
			require.Positive(t, bytes)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			locked := looking(t, w, func(ctx context.Context) error {
				for range 7 { // at its sixth execution PostgreSQL would weigh a plan for any partition
					if err := call(ctx); err != nil {
						return err
					}
				}
				return nil
			})
			require.Len(t, locked, 1)
			require.True(t, strings.HasSuffix(locked[0], "_p42"), locked)
		})
	}
}
