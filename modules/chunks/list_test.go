package chunks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// threeDocuments makes a collection whose documents have 120, 80 and 50 chunks,
// and 30 that belong to none: most indexes are there several times.
func threeDocuments(t *testing.T, w *testworld.World) (collection uuid.UUID, documents []uuid.UUID, total int) {
	t.Helper()
	c := w.Collection(w.Root)
	for _, n := range []int{120, 80, 50} {
		d := document(t, w, c.ID)
		documents = append(documents, d.ID)
		load(t, w, c.ID, numbered(&d.ID, n, sentence))
		w.Exec(`update documents set chunk_count = $2 where id = $1`, d.ID, n)
	}
	load(t, w, c.ID, numbered(nil, 30, sentence))
	return c.ID, documents, 280
}

func TestList_PagesByKeyHaveEveryChunkOnceInOrder(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	collection, documents, total := threeDocuments(t, w)
	for _, size := range []int{1, 7, 280, 999, 5000} {
		for only, expected := range map[*uuid.UUID]int{nil: total, &documents[1]: 80} {
			name := fmt.Sprintf("%d a page, %d in all", size, expected)
			t.Run(name, func(t *testing.T) {
				if size == 1 && only == nil {
					size = 3 // a round trip for each of them shows nothing more
				}
				seen := map[int64]bool{}
				var last chunks.Key
				after, pages := &chunks.Key{}, 0
				for after != nil {
					page, err := w.Chunks.List(w.As(w.Root), collection, chunks.PageQuery{DocumentID: only, PageSize: min(size, chunks.MaxPage), After: after})
					require.NoError(t, err)
					require.EqualValues(t, expected, *page.Total)
					require.Equal(t, page.Next != nil, page.HasNext)
					for _, c := range page.Chunks {
						require.False(t, seen[c.ID], "chunk %d came twice", c.ID)
						key := chunks.Key{ChunkIndex: c.ChunkIndex, ID: c.ID}
						require.True(t, len(seen) == 0 || last.ChunkIndex < key.ChunkIndex || last.ChunkIndex == key.ChunkIndex && last.ID < key.ID)
						seen[c.ID], last = true, key
					}
					after = page.Next
					pages++
				}
				require.Len(t, seen, expected)
			})
		}
	}
}

func TestList_PagesByNumberHaveEveryChunkOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	collection, documents, total := threeDocuments(t, w)
	seen := map[int64]bool{}
	more := true
	for number := 1; more; number++ {
		page, err := w.Chunks.List(w.As(w.Root), collection, chunks.PageQuery{Page: number, PageSize: 100})
		require.NoError(t, err)
		for _, c := range page.Chunks {
			require.False(t, seen[c.ID])
			seen[c.ID] = true
		}
		more = page.HasNext
	}
	require.Len(t, seen, total)
	page, err := w.Chunks.List(w.As(w.Root), collection, chunks.PageQuery{DocumentID: &documents[2], Page: 1, PageSize: 20})
	require.NoError(t, err)
	require.EqualValues(t, 50, *page.Total)
	require.Len(t, page.Chunks, 20)
}

func TestList_PagesByNumberEndAtALimit(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, _, err := chunks.NewRepository(w.DB).GetChunksByOffset(t.Context(), w.Scope(c.ID), nil, chunks.MaxOffset, 20)
	require.Equal(t, apperr.Malformed, apperr.KindOf(err))
	require.Equal(t, "page_too_deep", apperr.CodeOf(err))
	path := "/api/v2/chunking/collections/" + c.ID.String() + "/chunks"
	w.HTTP(t,
		testworld.Scenario{Name: "the last page", As: &w.Root, Method: http.MethodGet, URL: path + "?page=1000&page_size=100", Status: http.StatusOK},
		testworld.Scenario{Name: "one too deep", As: &w.Root, Method: http.MethodGet, URL: path + "?page=1001&page_size=100", Status: http.StatusBadRequest, Has: []string{"page_too_deep", "after"}},
		testworld.Scenario{Name: "a number that overflows", As: &w.Root, Method: http.MethodGet, URL: path + "?page=9223372036854775807", Status: http.StatusUnprocessableEntity},
		testworld.Scenario{Name: "page 0", As: &w.Root, Method: http.MethodGet, URL: path + "?page=0", Status: http.StatusUnprocessableEntity},
		testworld.Scenario{Name: "a key that is none", As: &w.Root, Method: http.MethodGet, URL: path + "?after=" + url.QueryEscape("' or 1=1"), Status: http.StatusUnprocessableEntity},
		testworld.Scenario{Name: "a document that is none", As: &w.Root, Method: http.MethodGet, URL: path + "?document_id=42", Status: http.StatusBadRequest, Has: []string{"invalid_document_id"}},
		testworld.Scenario{Name: "another collection's document", As: &w.Root, Method: http.MethodGet, URL: path + "?document_id=" + uuid.NewString(), Status: http.StatusNotFound},
		testworld.Scenario{Name: "a chunk that is not there", As: &w.Root, Method: http.MethodGet, URL: path + "/9223372036854775807", Status: http.StatusNotFound},
		testworld.Scenario{Name: "a chunk id that is no number", As: &w.Root, Method: http.MethodGet, URL: path + "/one", Status: http.StatusUnprocessableEntity},
	)
}

func TestRepository_CreateGetUpdateDelete(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	d := document(t, w, c.ID)
	rows, scope := chunks.NewRepository(w.DB), w.Scope(c.ID)
	start, end, tokens := int64(0), int64(len(sentence(0))), 6
	load(t, w, c.ID, func(yield func(chunks.NewChunk) bool) {
		yield(chunks.NewChunk{DocumentID: &d.ID, Content: sentence(0), StartOffset: &start, EndOffset: &end, TokenCount: &tokens, Metadata: []byte(`{"n": 1.0000000000000000001}`)})
	})
	found, _, err := rows.GetChunksByCollection(t.Context(), scope, chunks.Key{}, 10)
	require.NoError(t, err)
	require.Len(t, found, 1)
	one, err := rows.GetChunkByID(t.Context(), scope, found[0].ID)
	require.NoError(t, err)
	require.Equal(t, found[0], one)
	require.Equal(t, sentence(0), one.Content)
	require.Equal(t, end, *one.EndOffset)
	require.Equal(t, tokens, *one.TokenCount)
	require.True(t, one.Enabled)
	require.Contains(t, string(one.Metadata), "1.0000000000000000001", "a number keeps its digits")

	_, err = rows.GetChunkByID(t.Context(), w.Scope(other.ID), one.ID)
	require.ErrorIs(t, err, chunks.ErrNotFound, "by another collection's scope it is not there")
	_, err = rows.UpdateChunk(t.Context(), scope, one.ID, chunks.Edit{})
	require.Error(t, err, "without a transaction nobody has locked it")

	_, _, err = rows.DeleteChunksByDocument(t.Context(), scope, d.ID)
	require.Error(t, err, "without a transaction somebody could see half of it")
	w.Exec(`update collections set chunk_count = 0 where id = $1`, c.ID)
	require.NoError(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		deleted, _, err := rows.DeleteChunksByDocument(ctx, scope, d.ID)
		require.EqualValues(t, 1, deleted)
		return err
	}))
	_, err = rows.GetChunkByID(t.Context(), scope, one.ID)
	require.ErrorIs(t, err, chunks.ErrNotFound)
}

func TestRepository_ALoadIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	mine, theirs := document(t, w, c.ID), document(t, w, other.ID)
	load(t, w, c.ID, numbered(&mine.ID, 3, sentence))
	load(t, w, c.ID, numbered(nil, 3, sentence))
	nobody := uuid.New()
	cases := map[string]struct {
		row  chunks.NewChunk
		code string
	}{
		"an index that the document has":     {chunks.NewChunk{DocumentID: &mine.ID, ChunkIndex: 2, Content: "x"}, "chunk_exists"},
		"an index that there is without one": {chunks.NewChunk{ChunkIndex: 2, Content: "x"}, "chunk_exists"},
		"a document of another collection":   {chunks.NewChunk{DocumentID: &theirs.ID, ChunkIndex: 9, Content: "x"}, "chunk_document_not_found"},
		"a document that there is not":       {chunks.NewChunk{DocumentID: &nobody, ChunkIndex: 9, Content: "x"}, "chunk_document_not_found"},
		"an index below 0":                   {chunks.NewChunk{ChunkIndex: -1, Content: "x"}, "chunk_invalid"},
		"a NUL byte":                         {chunks.NewChunk{ChunkIndex: 9, Content: "a\x00b"}, "internal"},
		"bytes that are no UTF-8":            {chunks.NewChunk{ChunkIndex: 9, Content: "a\xff"}, "invalid_text"},
		"a NUL character in the metadata":    {chunks.NewChunk{ChunkIndex: 9, Content: "x", Metadata: []byte(`{"a": "\u0000"}`)}, "invalid_text"},
	}
	before := w.Snapshot()
	for name, bad := range cases {
		t.Run(name, func(t *testing.T) {
			err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
				_, err := chunks.NewRepository(w.DB).CreateChunksBulk(ctx, chunks.Batch{Scope: w.Scope(c.ID), Rows: func(yield func(chunks.NewChunk) bool) {
					_ = yield(chunks.NewChunk{DocumentID: &mine.ID, ChunkIndex: 100, Content: "good"}) && yield(bad.row)
				}})
				return err
			})
			require.Equal(t, bad.code, apperr.CodeOf(err), "%v", err)
			require.Empty(t, before.Changed(w.Snapshot()))
		})
	}
}
