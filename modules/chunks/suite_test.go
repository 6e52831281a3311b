package chunks_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/testworld"
)

func TestSuite_ChunksUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		c := w.Collection(w.Root)
		d := document(t, w, c.ID)
		load(t, w, c.ID, numbered(&d.ID, 50, sentence))
		scope := w.Scope(c.ID)
		for _, err := range w.Race(4, func(int) error {
			return w.DB.InTx(t.Context(), func(ctx context.Context) error {
				_, err := chunks.NewRepository(w.DB).BuildSearchRows(ctx, scope, d.ID, 0, 20)
				return err
			})
		}) {
			require.NoError(t, err)
		}
		w.Exec(`update collections set vector_count = (select count(*) from chunk_search) where id = $1`, c.ID)
		page, err := w.Chunks.List(w.As(w.Root), c.ID, chunks.PageQuery{PageSize: 100, After: &chunks.Key{}})
		require.NoError(t, err)
		require.Len(t, page.Chunks, 50)
		for _, err := range w.Race(4, func(int) error {
			result, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "sentence", K: 5})
			if err == nil && len(result.Hits) != 5 {
				t.Errorf("%d hits", len(result.Hits))
			}
			return err
		}) {
			require.NoError(t, err)
		}
	}, testworld.NoWorker())
}
