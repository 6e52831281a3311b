package chunks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/testworld"
)

// A slice of an export counts metadata as it is sent, however small it is on the disk.
func TestLong_AnExportHoldsOnlySoMuch(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	var lines strings.Builder
	for i := range 60 {
		fmt.Fprintf(&lines, `{"chunk_index": %d, "content": "x", "metadata": {"wide": [%s1]}}`+"\n", i, strings.Repeat("1,", 32_000))
	}
	counted(t, post(w, c, "", lines.String()))
	rows, total := chunks.NewRepository(w.DB), 0
	for after := (chunks.Exported{NoDocument: true, ChunkIndex: -1}); ; {
		found, err := rows.ExportChunks(t.Context(), w.Scope(c.ID), after)
		require.NoError(t, err)
		if len(found) == 0 {
			break
		}
		require.LessOrEqual(t, len(found)*len(found[0].Metadata), 3<<20)
		total, after.ChunkIndex = total+len(found), found[len(found)-1].ChunkIndex
	}
	require.Equal(t, 60, total)
}

// However long chunks are, an answer has only so much of them: a thousand of a million
// characters would be gigabytes in the server's memory.
func TestLong_AnAnswerHasOnlySoMuch(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	const n = 36
	megabyte := "walrus " + strings.Repeat("é", 499_990)
	var lines strings.Builder
	for i := range n {
		lines.WriteString(lineOf(d, i, megabyte))
	}
	counted(t, post(w, c, "", lines.String()))

	for name, q := range map[string]chunks.PageQuery{
		"of the collection": {PageSize: 1000}, "of a document": {PageSize: 1000, DocumentID: &d}, "without a vector": {PageSize: 1000, WithoutVector: true},
	} {
		t.Run("a page "+name, func(t *testing.T) {
			var indexes, pages []int
			for q.After = (&chunks.Key{}); q.After != nil; {
				page, err := w.Chunks.List(w.As(w.Root), c.ID, q)
				require.NoError(t, err)
				require.Equal(t, page.HasNext, page.Next != nil)
				for _, found := range page.Chunks {
					indexes = append(indexes, found.ChunkIndex)
				}
				pages, q.After = append(pages, len(page.Chunks)), page.Next
			}
			require.Equal(t, []int{17, 17, 2}, pages)
			for i, index := range indexes {
				require.Equal(t, i, index, "each once, and in order")
			}
		})
	}
	w.Index()
	found, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "walrus", K: 10})
	require.NoError(t, err)
	require.Len(t, found.Hits, 10)
	list := loadPath(c) + "?"
	search := fmt.Sprintf(`{"collection_uuids": [%q], "query": "walrus", "k": 30`, c.ID)
	w.HTTP(t,
		testworld.Scenario{Name: "a page by number", As: &w.Root, Method: http.MethodGet, URL: list + "page=1&page_size=30", Status: 422, Has: []string{"page_too_long", "16 MiB"}},
		testworld.Scenario{Name: "a smaller one", As: &w.Root, Method: http.MethodGet, URL: list + "page=3&page_size=10", Status: 200, Has: []string{`"chunk_index":29`, `"has_next":true`}},
		testworld.Scenario{Name: "results", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Body: search + `}`, Status: 422, Has: []string{"results_too_long", "include_content"}},
		testworld.Scenario{Name: "without their texts", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Body: search + `, "include_content": false}`, Status: 200, Has: []string{`"total_results":30`, `"text":""`}},
	)
}
