package chunks_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

// The formula as the documentation gives it, computed apart from the generated
// column that the code reads.
const formula = `select (abs(hashtext($1::text)::bigint) % 100)::int`

func TestPartitions_EachCollectionsChunksLieWhereTheFormulaSays(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	const inEach = 100
	expected := map[string]int64{}
	for range 10 {
		c := w.Collection(w.Root)
		load(t, w, c.ID, numbered(nil, inEach, sentence))
		key := testworld.Value[int](w, formula, c.ID.String())
		require.Equal(t, key, c.PartitionKey)
		expected[fmt.Sprintf("chunks_p%d %s", key, c.ID)] = inEach
	}
	rows, err := w.DB.Querier(t.Context()).Query(testworld.Beside(t.Context()),
		`select tableoid::regclass || ' ' || collection_id, count(*) from chunks group by 1`)
	require.NoError(t, err)
	found := map[string]int64{}
	var place string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&place, &n}, func() error { found[place] = n; return nil })
	require.NoError(t, err)
	require.Equal(t, expected, found)
}

func TestPartitions_HashesSmallestNumberHasAPartitionToo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker(), testworld.Empty())
	// abs of the smallest int4 is out of range for an int4.
	require.EqualValues(t, 48, w.Int(`select abs((-2147483648)::int::bigint) % 100`))
	require.EqualValues(t, 100, w.Int(`
select count(distinct (abs(hashtext(i::text)::bigint) % 100)::int) from generate_series(1, 5000) i`), "every partition is used")
	require.EqualValues(t, 100, w.Int(`select count(*) from pg_inherits where inhparent = 'chunks'::regclass`))
	require.EqualValues(t, 100, w.Int(`select count(*) from pg_inherits where inhparent = 'chunk_search'::regclass`))
}
