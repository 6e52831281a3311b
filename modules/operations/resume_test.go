package operations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

func TestAppend_ALargeDocumentGoesOnWhereItWasBrokenOff(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting(quickLease))
	c := w.Collection(w.Root, testworld.ChunkSize(100))
	var text strings.Builder
	for i := range chunks.SearchSlice + 500 {
		fmt.Fprintf(&text, "Paragraph number %d is about walrus %d, and it is long enough to be a chunk by itself.\n\n", i, i)
	}
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "large.txt", Content: text.String()})
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status)
	d := w.Document(c.ID, results[0].Document.ID)
	require.Greater(t, d.ChunkCount, int64(chunks.SearchSlice))
	lastChunk := w.Int("select max(id) from chunks where document_id = $1", d.ID)

	// As a worker leaves it that is killed after its first slice.
	gone := w.Exec(`delete from chunk_search s using chunks c
where c.document_id = $1 and s.chunk_id = c.id and s.partition_key = c.partition_key and c.chunk_index >= $2`, d.ID, chunks.SearchSlice)
	w.Exec("update collections set vector_count = vector_count - $2, status = 'processing' where id = $1", c.ID, gone)
	w.Exec("update documents set status = 'processing' where id = $1", d.ID)
	w.Exec("update operations set status = 'processing', attempt = 1, lease_until = now(), completed_at = null, meta = '{}' where uuid = $1", *operation)

	w.Await("it is done again", func() bool { return w.Operation(*operation).Status == operations.StatusCompleted })
	require.Equal(t, documents.StatusCompleted, w.Document(c.ID, d.ID).Status)
	require.Equal(t, lastChunk, w.Int("select max(id) from chunks where document_id = $1", d.ID), "its chunks were not made anew")
	require.Equal(t, w.Read(c.ID).ChunkCount, w.Read(c.ID).VectorCount)
	require.Equal(t, d.ChunkCount, w.Operation(*operation).Meta.Progress.Chunks, "and are counted once")
	w.CheckRules()
}
