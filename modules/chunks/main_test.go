package chunks_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/pgtest"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// numbered gives chunks with the indexes from 0, of a document or of none.
func numbered(document *uuid.UUID, n int, content func(i int) string) iter.Seq[chunks.NewChunk] {
	return func(yield func(chunks.NewChunk) bool) {
		for i := range n {
			if !yield(chunks.NewChunk{DocumentID: document, ChunkIndex: i, Content: content(i)}) {
				return
			}
		}
	}
}

func sentence(i int) string { return fmt.Sprintf("This is sentence number %d.", i) }

// load loads chunks as a load does: with the counters, in one transaction.
func load(t *testing.T, w *testworld.World, c uuid.UUID, rows iter.Seq[chunks.NewChunk]) {
	t.Helper()
	scope := w.Scope(c)
	err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
		n, err := chunks.NewRepository(w.DB).CreateChunksBulk(ctx, chunks.Batch{Scope: scope, Rows: rows})
		if err != nil {
			return err
		}
		return collections.NewRepository(w.DB).AddCounts(ctx, scope, collections.Counts{Chunks: n})
	})
	require.NoError(t, err)
	// Those of documents are looked at once the document is done.
	w.Exec(`insert into chunk_search_backlog (collection_id, partition_key, load_id, first_index, last_index, new_chunks)
select collection_id, partition_key, 0, min(chunk_index), max(chunk_index), 0
from chunks where collection_id = $1 and document_id is null group by collection_id, partition_key`, c)
}

// document registers a document that has no content.
func document(t *testing.T, w *testworld.World, c uuid.UUID) documents.Document {
	t.Helper()
	scope := w.Scope(c)
	d := documents.Document{
		ID: uuid.New(), FilePath: uuid.NewString() + ".txt", FileName: "a.txt", ContentHash: fmt.Sprintf("%064x", uuid.New().ID()),
		Status: documents.StatusPending,
	}
	err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
		if err := documents.NewRepository(w.DB).Create(ctx, scope, &d); err != nil {
			return err
		}
		return collections.NewRepository(w.DB).AddCounts(ctx, scope, collections.Counts{Documents: 1})
	})
	require.NoError(t, err)
	return d
}
