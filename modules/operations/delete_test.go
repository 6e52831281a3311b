package operations_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/testworld"
)

// smallSlices let a small collection be purged in many transactions.
const smallSlices = "PURGE_ROWS=20"

// furnished makes a collection that has something in every table, chunks that
// belong to no document included.
func furnished(t *testing.T, w *testworld.World) collections.Collection {
	t.Helper()
	c := w.Collection(w.Root, testworld.ChunkSize(100))
	var files []testworld.File
	for i := range 6 {
		files = append(files, testworld.File{Path: fmt.Sprintf("%d.html", i), Content: "<p>" + strings.Repeat(fmt.Sprintf("Walrus number %d. ", i), 60) + "</p>"})
	}
	files = append(files, testworld.File{Path: "picture.png", Content: "\x89PNG\r\n\x1a\n"})
	w.AddDocuments(c, files...)
	loose(t, w, c, 50)
	w.Grant(c, w.User("reader"+c.ID.String()[:8]), collections.Read)
	w.Exec(`insert into sync_runs (collection_id, triggered_by, status) values ($1, 'manual', 'success')`, c.ID)
	require.Len(t, w.Left(c.ID), 7, "every table has something")
	return w.Read(c.ID)
}

// loose loads chunks that belong to no document, with their search rows.
func loose(t *testing.T, w *testworld.World, c collections.Collection, n int) {
	t.Helper()
	scope := w.Scope(c.ID)
	require.NoError(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		_, err := chunks.NewRepository(w.DB).CreateChunksBulk(ctx, chunks.Batch{Scope: scope, Rows: func(yield func(chunks.NewChunk) bool) {
			for i := range n {
				if !yield(chunks.NewChunk{ChunkIndex: i, Content: fmt.Sprintf("Heron number %d.", i)}) {
					return
				}
			}
		}})
		if err != nil {
			return err
		}
		_, err = w.DB.Querier(ctx).Exec(testworld.Beside(ctx), `
insert into chunk_search (partition_key, collection_id, chunk_id, search)
select partition_key, collection_id, id, chunk_search_vector(content) from chunks where collection_id = $1 and document_id is null`, c.ID)
		if err != nil {
			return err
		}
		return collections.NewRepository(w.DB).AddCounts(ctx, scope, collections.Counts{Chunks: int64(n), Vectors: int64(n)})
	}))
}

func TestPurge_LeavesNothingAndTakesNothingElse(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting(smallSlices))
	c, neighbour := furnished(t, w), furnished(t, w)
	before := w.Left(neighbour.ID)
	operationsOf := func() int64 { return w.Int(`select count(*) from operations where collection_id = $1`, c.ID) }
	operationsBefore := operationsOf() // one upload in two operations, if the first had ended
	o := w.AwaitOperation(w.Delete(c))
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.Empty(t, w.Left(c.ID))
	require.Equal(t, before, w.Left(neighbour.ID))
	require.EqualValues(t, c.ChunkCount, o.Meta.Result["chunks_deleted"])
	require.EqualValues(t, c.DocumentCount, o.Meta.Result["documents_deleted"])
	require.Equal(t, c.ChunkCount+c.DocumentCount, o.Meta.Progress.Done)
	require.Equal(t, o.Meta.Progress.Total, o.Meta.Progress.Done)
	require.Greater(t, c.ChunkCount, int64(60), "in many slices")
	require.EqualValues(t, 1, w.Int(`select count(*) from collections where id = $1`, c.ID), "the tombstone stays")
	require.Equal(t, operationsBefore+1, operationsOf(), "and its operations with it")
}
