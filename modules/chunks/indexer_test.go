package chunks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
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

// The indexer comes right after a load, when PostgreSQL has no statistics of what was
// loaded and takes a collection for a few rows. A plan that reads a collection to find a
// document in it takes minutes then for what takes a second.
func TestIndexer_NeedsNoStatistics(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.AllPartitions())
	w.Exec(`alter table chunks_p0 set (autovacuum_enabled = off)`)
	id := testworld.Value[uuid.UUID](w, `
select id from (select gen_random_uuid() as id from generate_series(1, 5000)) candidates
where abs(hashtext(id::text)::bigint) % 100 = 0 limit 1`)
	const n = 2000
	w.Exec(`insert into collections (id, name, owner_id, vector_store_name, status, document_count, chunk_count)
values ($1, 'Many', $2, 'col_many', 'ready', $3::int, 5 * $3::int)`, id, w.Root.ID, n)
	w.Exec(`insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count)
select $1, 0, i || '.txt', i || '.txt', 0, lpad(to_hex(i), 64, '0'), 'completed', 5 from generate_series(1, $2::int) i`, id, n)
	w.Exec(`insert into chunks (collection_id, partition_key, document_id, chunk_index, content)
select d.collection_id, 0, d.id, i, 'This is sentence number ' || i from documents d, generate_series(0, 4) i`)
	w.Exec(`insert into chunk_search_backlog (collection_id, partition_key, load_id, document_id, first_index, last_index, new_chunks)
select collection_id, 0, 1, id, 0, 4, 5 from documents order by id limit 1000`)
	w.Exec(`insert into chunk_search_backlog (collection_id, partition_key, load_id, document_id, first_index, last_index, new_chunks)
select collection_id, 0, 2, id, 0, 100000, 5 from documents order by id offset 1000 limit 1`)
	looked := 0
	for _, s := range w.Trace.Record(w.Index) {
		if !strings.Contains(s.SQL, "chunk_search_vector(") {
			continue
		}
		looked++
		var raw []byte
		err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
			ctx = testworld.Beside(ctx)
			if _, err := w.DB.Querier(ctx).Exec(ctx, `delete from chunk_search`); err != nil {
				return err
			}
			if err := w.DB.Querier(ctx).QueryRow(ctx, "explain (analyze, format json) "+s.SQL, s.Args...).Scan(&raw); err != nil {
				return err
			}
			return errUndo
		})
		require.ErrorIs(t, err, errUndo)
		passedOver := regexp.MustCompile(`"Rows Removed by (?:Index Recheck|Filter)": (\d+)`).FindAllStringSubmatch(string(raw), -1)
		for _, found := range passedOver {
			require.LessOrEqual(t, len(found[1]), 1, "rows that were read for nothing: %s", raw)
		}
	}
	require.Equal(t, 2, looked, "documents together, and a large one")
	w.Exec(`insert into chunk_search_backlog (collection_id, partition_key, load_id, document_id, first_index, last_index, new_chunks)
select collection_id, 0, 3, id, 0, 4, 5 from documents`)
	w.Index()
}
