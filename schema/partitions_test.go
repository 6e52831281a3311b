package schema_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/schema"
)

func TestPartitions_hold_the_collections_that_the_formula_gives_them(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newDatabase(t, s)
		_, err := schema.New(pool, schema.Options{}).Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		w := newWorld(t, pool)
		for i := range 10 {
			collection, key := w.newCollection(fmt.Sprintf("random %d", i))
			w.accepted(`insert into chunks (collection_id, partition_key, chunk_index, content)
				select $1, $2, n, 'text' from generate_series(0, 99) n`, collection, key)
			expected := queryOne[int](t, w.pool, "select (abs(hashtext($1)::bigint) % 100)::integer", collection)
			require.Equal(t, expected, key)
			require.Equal(t, []string{fmt.Sprintf("chunks_p%d", expected)}, queryOne[[]string](t, w.pool,
				"select array_agg(distinct tableoid::regclass::text) from chunks where collection_id = $1", collection))
			require.Equal(t, 100, queryOne[int](t, w.pool, fmt.Sprintf("select count(*) from chunks_p%d where collection_id = $1", expected), collection))
		}
	})
}

func TestPartitions_key_is_computed_for_the_smallest_hash_too(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	// abs of the smallest int4 is out of range, of the bigint it is not.
	require.Equal(t, 48, queryOne[int](t, pool, "select (abs((-2147483648)::integer::bigint) % 100)::integer"))
	require.Contains(t, queryOne[string](t, pool, `
		select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d
		join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
		where d.adrelid = 'collections'::regclass and a.attname = 'partition_key'`), "abs((hashtext((id)::text))::bigint)")
}

func TestPartitions_may_be_another_number_when_the_schema_is_new(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newDatabase(t, s)
		m := schema.New(pool, schema.Options{PartitionCount: 7})
		applied, err := m.Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		require.Equal(t, 7, applied.Entry.PartitionCount)
		count, err := m.PartitionCount(t.Context())
		require.NoError(t, err)
		require.Equal(t, 7, count)
		require.Equal(t, 7, queryOne[int](t, pool, "select count(*) from pg_inherits where inhparent = 'chunks'::regclass"))
		requireNoDrift(t, m)

		t.Run("a manager without an opinion takes it as it is", func(t *testing.T) {
			requireNoDrift(t, schema.New(pool, schema.Options{}))
		})

		t.Run("another number is refused, and both are named", func(t *testing.T) {
			other := schema.New(pool, schema.Options{PartitionCount: 100})
			_, err := other.Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
			var mismatch *schema.PartitionCountError
			require.ErrorAs(t, err, &mismatch)
			require.Equal(t, schema.PartitionCountError{Configured: 100, Database: 7}, *mismatch)
			require.ErrorContains(t, err, "100 chunk partitions and the database has 7")
			_, err = other.Plan(t.Context())
			require.ErrorAs(t, err, &mismatch)
			_, err = other.Check(t.Context())
			require.ErrorAs(t, err, &mismatch)
		})
	})
}

func TestPartitions_number_is_bounded(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	for _, n := range []int{-1, 1001} {
		_, err := schema.New(pool, schema.Options{PartitionCount: n}).Apply(t.Context(), schema.ApplyOptions{})
		require.ErrorContains(t, err, "between 1 and 1000")
	}
}

func TestPartitions_of_the_audit_log_are_made_ahead_and_none_is_ever_missed(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newSchema(t, s)
		insert := func(at time.Time) {
			_, err := pool.Exec(t.Context(), "insert into audit_log (created_at, actor, action, object_type) values ($1, 'alice', 'test', 'test')", at)
			require.NoError(t, err)
		}
		where := func(at time.Time) string {
			return queryOne[string](t, pool, "select tableoid::regclass::text from audit_log where created_at = $1", at)
		}
		this := time.Now().UTC()
		first := time.Date(this.Year(), this.Month(), 1, 0, 0, 0, 0, time.UTC)
		for month := range 4 {
			at := first.AddDate(0, month, 0)
			insert(at)
			require.Equal(t, "audit_log_"+at.Format("2006_01"), where(at))
		}

		// A month that nobody made: the entry goes to the default partition, and
		// moves when the month is made. In a session of any time zone.
		late := first.AddDate(0, 6, 0)
		before := late.Add(-time.Microsecond)
		insert(late)
		insert(before)
		require.Equal(t, "audit_log_default", where(late))
		conn, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		defer conn.Release()
		_, err = conn.Exec(t.Context(), "set time zone 'Pacific/Auckland'")
		require.NoError(t, err)
		var made int
		require.NoError(t, conn.QueryRow(t.Context(), "select make_audit_log_partitions(6)").Scan(&made))
		require.Equal(t, 3, made)
		require.Equal(t, "audit_log_"+late.Format("2006_01"), where(late))
		require.Equal(t, "audit_log_"+before.Format("2006_01"), where(before))
		require.NoError(t, conn.QueryRow(t.Context(), "select make_audit_log_partitions(6)").Scan(&made))
		require.Zero(t, made)
		require.Equal(t, 6, queryOne[int](t, pool, "select count(*) from audit_log"))
		requireNoDrift(t, schema.New(pool, schema.Options{}))
	})
}
