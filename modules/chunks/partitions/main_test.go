package partitions_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fill puts a collection into each of the partitions, with so many chunks in the
// one of the number, and gives their ids by number.
func fill(t *testing.T, w *testworld.World, chunks func(num int) int) [100]uuid.UUID {
	t.Helper()
	rows, err := w.DB.Querier(t.Context()).Query(t.Context(), `
select distinct on (1) (abs(hashtext(id::text)::bigint) % 100)::integer, id
from (select gen_random_uuid() as id from generate_series(1, 5000)) as candidates
order by 1`)
	require.NoError(t, err)
	var ids [100]uuid.UUID
	var num, filled int
	var id uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&num, &id}, func() error { ids[num] = id; filled++; return nil })
	require.NoError(t, err)
	require.Equal(t, 100, filled)
	for num, id := range ids {
		n := chunks(num)
		w.Exec(`insert into collections (id, name, owner_id, vector_store_name, status, chunk_count, vector_count)
values ($1, $2, $3, $2, 'ready', $4, $4)`, id, id.String(), w.Root.ID, n)
		w.Exec(`insert into chunks (collection_id, partition_key, chunk_index, content)
select $1, $2, i, 'This is sentence number ' || i from generate_series(1, $3::integer) i`, id, num, n)
		w.Exec(`insert into chunk_search (partition_key, collection_id, chunk_id, search)
select partition_key, collection_id, id, ''::tsvector from chunks where partition_key = $1`, num)
	}
	return ids
}
