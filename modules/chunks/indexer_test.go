package chunks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/testworld"
)

// While search rows are being made, their chunks are deleted or replaced.
func TestIndexer_WhoeverChangesChunksMeanwhileIsNotOvertaken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *testworld.World, c collections.Collection, d uuid.UUID) error{
		"deleted": func(w *testworld.World, c collections.Collection, d uuid.UUID) error {
			scope := w.Scope(c.ID)
			return w.DB.InTx(context.Background(), func(ctx context.Context) error {
				gone, rows, err := chunks.NewRepository(w.DB).DeleteChunksByDocument(ctx, scope, d)
				if err != nil {
					return err
				}
				w.DB.Session(ctx).Model(&documents.Document{}).Where("id = ?", d).Update("chunk_count", 0)
				return collections.NewRepository(w.DB).AddCounts(ctx, scope, collections.Counts{Chunks: -gone, Vectors: -rows})
			})
		},
		"replaced": func(w *testworld.World, c collections.Collection, d uuid.UUID) error {
			if a := post(w, c, "?on_conflict=replace", lineOf(d, 3, "a walrus")); a.Status != http.StatusCreated {
				return errors.New(a.Body)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			c := w.Collection(w.Root)
			d := completed(t, w, c.ID)
			counted(t, post(w, c, "", linesOf(d, 0, 9)))
			pause := w.Trace.PauseAt("delete from chunk_search_backlog")
			t.Cleanup(pause.Resume)
			indexed, changed := make(chan error, 1), make(chan error, 1)
			go func() { indexed <- w.Indexer.WorkAll(context.Background()) }()
			<-pause.Reached() // the search rows are made, and not committed
			go func() { changed <- change(w, c, d) }()
			w.Await("the other waits", func() bool {
				return w.Int(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 1
			})
			pause.Resume()
			require.NoError(t, <-indexed)
			require.NoError(t, <-changed)
			w.Index()
			require.Equal(t, w.Int(`select count(*) from chunks`), w.Int(`select count(*) from chunk_search`))
			require.Zero(t, w.Int(`select count(*) from chunk_search s join chunks k on k.id = s.chunk_id where s.search <> chunk_search_vector(k.content)`))
		})
	}
}

func TestIndexer_WhatIsBrokenOffIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	counted(t, post(w, c, "", linesOf(d, 0, 99)+`{"chunk_index": 0, "content": "alone"}`))
	for n, reached := 0, true; reached; n++ {
		counted(t, post(w, c, "?on_conflict=replace", linesOf(d, 0, 99)+`{"chunk_index": 0, "content": "alone"}`))
		reached = w.FailAt(n, func() { _ = w.Indexer.WorkAll(t.Context()) })
		w.CheckRules()
		w.Index()
		require.EqualValues(t, 101, w.Read(c.ID).VectorCount)
	}
}

func TestIndexer_WorksByItselfAndOnAnothersLoads(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	other := testworld.New(t, testworld.On(w), testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	counted(t, post(w, c, "", linesOf(d, 0, 6000)))
	w.Await("they can be found", func() bool { return w.Read(c.ID).VectorCount == 6001 })
	i := -1
	_, err := other.Chunks.Load(w.As(w.Root), c.ID, chunks.LoadQuery{OnConflict: chunks.OnConflictError, Interrupt: func() {}, Next: func() (chunks.NewChunk, error) {
		if i++; i == 10 {
			return chunks.NewChunk{}, io.EOF
		}
		return chunks.NewChunk{ChunkIndex: i, Content: sentence(i)}, nil
	}})
	require.NoError(t, err)
	w.Await("those of the other process as well", func() bool { return w.Read(c.ID).VectorCount == 6011 })
}

func TestIndexer_AGapInTheIndexesIsNotGoneThrough(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	counted(t, post(w, c, "", lineOf(d, 0, "first")+lineOf(d, 2_147_483_647, "last")+`{"chunk_index": 2147483647, "content": "alone"}`))
	w.Index()
	require.EqualValues(t, 3, w.Read(c.ID).VectorCount)
}
