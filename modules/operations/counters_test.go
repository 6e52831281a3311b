package operations_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/testworld"
)

// recount is what a repair does: the row's lock first, then a look, then the
// counters.
const recount = `
select (select count(*) from documents where collection_id = $1 and partition_key = $2 and status <> 'deleted'),
       (select coalesce(sum(file_size), 0)::bigint from documents where collection_id = $1 and partition_key = $2 and status <> 'deleted'),
       (select count(*) from chunks where partition_key = $2 and collection_id = $1),
       (select count(*) from chunk_search where partition_key = $2 and collection_id = $1)`

// repair recounts, and tells whether a counter was wrong.
func repair(ctx context.Context, w *testworld.World, scope collections.Scope) (changed bool, err error) {
	rows := collections.NewRepository(w.DB)
	err = w.DB.InTx(ctx, func(ctx context.Context) error {
		if _, err := rows.Lock(ctx, scope); err != nil {
			return err
		}
		var c collections.Counts
		err := w.DB.Querier(ctx).QueryRow(testworld.Beside(ctx), recount, scope.ID(), scope.PartitionKey()).Scan(&c.Documents, &c.Bytes, &c.Chunks, &c.Vectors)
		if err != nil {
			return err
		}
		changed, err = rows.UpdateStats(ctx, scope, c)
		return err
	})
	return changed, err
}

// Files come, come again, change, and take each other's content, which deletes a
// document; the worker cuts them meanwhile. At no instant is a counter wrong, as
// seen by one who locks the row and counts.
func TestCounters_AreRightAtEveryInstantUnderLoad(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	scope := w.Scope(c.ID)
	var looking sync.WaitGroup
	done := make(chan struct{})
	looks := 0
	var wrong error
	looking.Go(func() {
		for {
			changed, err := repair(t.Context(), w, scope)
			if err != nil || changed {
				wrong = errors.Join(err, fmt.Errorf("at look %d a counter was wrong: %t", looks, changed))
				return
			}
			looks++
			select {
			case <-done:
				return
			default:
			}
		}
	})
	const writers = 4
	for _, err := range w.Race(writers, func(i int) error {
		for j := range 12 {
			path := fmt.Sprintf("%d/%d.txt", i, j%5)
			content := fmt.Sprintf("Sentence %d of writer %d. The house stands by the river.", j, i)
			if j%4 == 3 {
				content = fmt.Sprintf("What all writers have, %d.", j) // the same content for all: one document
			}
			w.Upload(w.Root, c, testworld.File{Path: path, Content: content})
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	w.AwaitQuiet()
	close(done)
	looking.Wait()
	require.NoError(t, wrong)
	require.Greater(t, looks, 10)
	require.Positive(t, w.Int(`select count(*) from documents where status = 'deleted'`), "some were deleted on the way")
	require.Positive(t, w.Read(c.ID).VectorCount)
}

func TestCounters_ARepairSetsThem(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	scope := w.Scope(c.ID)
	changed, err := repair(t.Context(), w, scope)
	require.NoError(t, err)
	require.False(t, changed)
	w.Exec(`update collections set document_count = 7, chunk_count = 0, vector_count = 3, total_size_bytes = 9 where id = $1`, c.ID)
	changed, err = repair(t.Context(), w, scope)
	require.NoError(t, err)
	require.True(t, changed)
	now := w.Read(c.ID)
	require.Equal(t, []int64{1, 1, 1, 30}, []int64{now.DocumentCount, now.ChunkCount, now.VectorCount, now.TotalSizeBytes})
	_, err = collections.NewRepository(w.DB).UpdateStats(t.Context(), scope, collections.Counts{})
	require.Error(t, err, "it needs a unit of work, or the lock would be gone")
}
