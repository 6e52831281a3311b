package chunks_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/chunks/query"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/users"
	"semantik/testworld"
)

func search(t *testing.T, w *testworld.World, as users.User, query string, ids ...uuid.UUID) chunks.SearchResult {
	t.Helper()
	result, err := w.Chunks.Search(w.As(as), chunks.SearchQuery{CollectionIDs: ids, Query: query, K: 50})
	require.NoError(t, err)
	return result
}

// paths are the documents of the hits, in their order.
func paths(r chunks.SearchResult) []string {
	found := []string{}
	for _, h := range r.Hits {
		found = append(found, h.FilePath)
	}
	return found
}

func TestSearch_FindsGermanAndEnglishWordsInAnyForm(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c,
		testworld.File{Path: "de.md", Content: "Die alten Häuser standen dicht am Ufer des Flusses."},
		testworld.File{Path: "en.md", Content: "She was running along the rivers and indexed her databases."},
		testworld.File{Path: "tcp.md", Content: "TCP/IP carries List<String> from max@example.org, well-known since 1983."},
	)
	for query, expected := range map[string][]string{
		"Haus": {"de.md"}, "haus": {"de.md"}, "FLUSS": {"de.md"}, "alte": {"de.md"},
		"run": {"en.md"}, "river": {"en.md"}, "database": {"en.md"}, "index": {"en.md"},
		"tcp": {"tcp.md"}, "string": {"tcp.md"}, "max": {"tcp.md"}, "1983": {"tcp.md"},
		"elephant": {},
	} {
		t.Run(query, func(t *testing.T) {
			require.Equal(t, expected, paths(search(t, w, w.Root, query, c.ID)))
		})
	}
	t.Run("any of the words will do, more of them are better", func(t *testing.T) {
		require.Equal(t, []string{"en.md", "de.md"}, paths(search(t, w, w.Root, "run river database Haus", c.ID)))
	})
	t.Run("the snippet marks the words and escapes the rest", func(t *testing.T) {
		w.AddDocuments(c, testworld.File{Path: "evil.txt", Content: "<script>alert('zebra')</script> \ue000zebra\ue001 & zebras."})
		hit := search(t, w, w.Root, "zebra", c.ID).Hits[0]
		require.Contains(t, hit.Snippet, "<mark>zebra</mark>")
		require.Equal(t, 3, strings.Count(hit.Snippet, "<mark>"))
		require.NotContains(t, hit.Snippet, "<script")
		require.NotContains(t, hit.Snippet, "\ue000")
		require.Contains(t, hit.Snippet, "&amp;")
	})
}

func TestSearch_WhatIsGoneIsNotFound(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	c, rest := w.Collection(alice), w.Collection(alice)
	docs := w.AddDocuments(c,
		testworld.File{Path: "a.txt", Content: "A walrus sleeps."}, testworld.File{Path: "b.txt", Content: "A walrus swims."},
		testworld.File{Path: "c.txt", Content: "A walrus eats."})
	w.AddDocuments(rest, testworld.File{Path: "d.txt", Content: "A walrus dives."})
	scope, rows := w.Scope(c.ID), chunks.NewRepository(w.DB)
	walrus := chunks.Wanted{Plan: query.Plan{All: "'walrus'", Rank: "'walrus'"}, K: 10}
	found := func() []string {
		names := paths(search(t, w, alice, "walrus", c.ID))
		slices.Sort(names)
		return names
	}
	require.Equal(t, []string{"a.txt", "b.txt", "c.txt"}, found())

	t.Run("a chunk that is disabled", func(t *testing.T) {
		hit := search(t, w, alice, "sleeps", c.ID).Hits[0]
		enable := func(enabled bool) {
			_, err := w.Chunks.Edit(w.As(alice), c.ID, hit.ChunkID, chunks.EditInput{Edit: chunks.Edit{Enabled: &enabled}})
			require.NoError(t, err)
		}
		enable(false)
		require.Equal(t, []string{"b.txt", "c.txt"}, found())
		enable(true)
		require.Equal(t, []string{"a.txt", "b.txt", "c.txt"}, found())
	})
	t.Run("a document that is deleted, although its search rows are there", func(t *testing.T) {
		err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, documents.NewRepository(w.DB).Delete(ctx, scope, docs[1].ID))
			got, err := rows.Search(ctx, scope, walrus)
			require.NoError(t, err)
			require.Len(t, got.Hits, 2)
			return errUndo
		})
		require.ErrorIs(t, err, errUndo)
		require.Equal(t, []string{"a.txt", "b.txt", "c.txt"}, found(), "it was undone")
	})
	t.Run("a chunk that is deleted, although its search row is there", func(t *testing.T) {
		err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
			_, err := w.DB.Querier(ctx).Exec(testworld.Beside(ctx), `delete from chunks where document_id = $1`, docs[0].ID)
			require.NoError(t, err)
			got, err := rows.Search(ctx, scope, walrus)
			require.NoError(t, err)
			require.Len(t, got.Hits, 2)
			return errUndo
		})
		require.ErrorIs(t, err, errUndo)
	})
	t.Run("a collection that is deleted", func(t *testing.T) {
		w.Delete(w.Read(scope.ID()))
		_, err := w.Chunks.Search(w.As(alice), chunks.SearchQuery{CollectionIDs: []uuid.UUID{rest.ID, c.ID}, Query: "walrus", K: 10})
		require.ErrorIs(t, err, collections.ErrNotFound, "and the search says so")
		got, err := rows.Search(t.Context(), scope, walrus)
		require.NoError(t, err)
		require.Empty(t, got.Hits, "a scope from before finds nothing either")
		require.Equal(t, []string{"d.txt"}, paths(search(t, w, alice, "walrus", rest.ID)))
	})
}

// A search that runs while its collection is deleted has all of it or none.
func TestSearch_AnswersAsOfOneMoment(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	const inEach, searchers = 5, 6
	ids := []uuid.UUID{}
	for i := range 3 {
		c := w.Collection(w.Root)
		var files []testworld.File
		for j := range inEach {
			files = append(files, testworld.File{Path: fmt.Sprintf("%d.txt", j), Content: fmt.Sprintf("walrus %d %d", i, j)})
		}
		w.AddDocuments(c, files...)
		ids = append(ids, c.ID)
	}
	errs := w.Race(searchers+1, func(i int) error {
		if i == 0 {
			return w.DB.InTx(w.As(w.Root), func(ctx context.Context) error {
				for _, id := range ids {
					if err := w.Collections.Delete(ctx, id); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for {
			result, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: ids, Query: "walrus", K: 50})
			if err != nil {
				return err
			}
			if len(result.Hits) != 3*inEach {
				return fmt.Errorf("a search found %d of %d", len(result.Hits), 3*inEach)
			}
		}
	})
	require.NoError(t, errs[0])
	for _, err := range errs[1:] {
		require.ErrorIs(t, err, collections.ErrNotFound)
	}
}

func TestSearch_OrderAndThreshold(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root, testworld.ChunkSize(100))
	var same []string
	for range 6 {
		same = append(same, strings.Repeat("The heron stands in shallow water. ", 2))
	}
	w.AddDocuments(c, testworld.File{Path: "same.txt", Content: strings.Join(same, "\n\n")},
		testworld.File{Path: "most.txt", Content: strings.Repeat("heron ", 3)})
	hits := search(t, w, w.Root, "heron", c.ID).Hits
	require.Greater(t, len(hits), 5)
	require.Equal(t, "most.txt", hits[0].FilePath)
	for i := 1; i < len(hits); i++ {
		require.LessOrEqual(t, hits[i].Score, hits[i-1].Score)
		if hits[i].Score == hits[i-1].Score {
			require.Greater(t, hits[i].ChunkID, hits[i-1].ChunkID, "ties are broken by id")
		}
	}
	require.Equal(t, hits[1].Score, hits[2].Score, "there was a tie") //nolint:testifylint // the same computation on the same text
	for _, h := range hits {
		require.Greater(t, h.Score, 0.0)
		require.Less(t, h.Score, 1.0)
	}
	ask := func(k int, threshold float64) []chunks.Hit {
		result, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID, c.ID}, Query: "heron", K: k, Threshold: threshold})
		require.NoError(t, err)
		require.Len(t, result.Searched, 1, "a collection that is named twice is searched once")
		return result.Hits
	}
	require.Len(t, ask(50, hits[0].Score), 1, "the threshold itself is enough")
	require.Empty(t, ask(50, 1))
	require.Len(t, ask(2, 0), 2)
	require.Equal(t, []int64{hits[0].ChunkID, hits[1].ChunkID}, []int64{ask(2, 0)[0].ChunkID, ask(2, 0)[1].ChunkID})
}

func TestSearch_HostileQueriesAreAnsweredOrRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "It's 100% of the \\path & (more|less) !important :* <-> zürich 東京 данные"})
	queries := []string{
		"'", "''", `"`, `\`, `\\`, "&", "|", "!", "(", ")", "((((", "<->", ":*", "a:*", "a & b", "!a", "'; drop table chunks; --", "$1", "%", "_",
		"\u0001", "\u202e", "\ue000\ue001", "<script>alert(1)</script>", "a\tb\nc", " ", "　",
		"zürich", "東京", "данные", "😀", strings.Repeat("(", 1000), strings.Repeat("~/", 500), strings.Repeat("a_", 500), strings.Repeat("ü", 1000),
		strings.Repeat("a ", 500), "the", "und", "a' | 'b", "\u00e9 e\u0301", "-1", "1e309", "null", "\\u0000",
	}
	for _, q := range queries {
		answer := w.Request(testworld.Scenario{
			As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusOK, HasNot: []string{"SQLSTATE", "pgx", "ERROR:"},
			Body: map[string]any{"collection_uuids": []string{c.ID.String()}, "query": q, "k": 5},
		})
		require.Contains(t, answer.Body, `"search_mode_used":"sparse"`)
	}
	refused := map[string]any{
		"nothing": "", "too much": strings.Repeat("a", 1001), "no text": 42, "no value": nil,
	}
	for name, q := range refused {
		t.Run(name, func(t *testing.T) {
			w.In(t).Request(testworld.Scenario{
				As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusUnprocessableEntity, Pure: true,
				Body: map[string]any{"collection_uuids": []string{c.ID.String()}, "query": q},
			})
		})
	}
	w.HTTP(t,
		testworld.Scenario{Name: "a NUL character", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusUnprocessableEntity,
			Body: `{"collection_uuids": ["` + c.ID.String() + `"], "query": "a\u0000b"}`},
		testworld.Scenario{Name: "bytes that are no UTF-8", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusBadRequest,
			Body: `{"collection_uuids": ["` + c.ID.String() + `"], "query": "` + "\xff" + `"}`},
		testworld.Scenario{Name: "an operator that there is not", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusBadRequest,
			Body: map[string]any{"collection_uuids": []string{c.ID.String()}, "query": "a", "metadata_filter": map[string]any{"a": map[string]any{"$regex": "x"}}},
			Has:  []string{"metadata_filter_invalid", "$regex", "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $any, $all"}},
		testworld.Scenario{Name: "no collection", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusUnprocessableEntity,
			Body: map[string]any{"collection_uuids": []string{}, "query": "a"}},
		testworld.Scenario{Name: "eleven collections", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusUnprocessableEntity,
			Body: map[string]any{"collection_uuids": slices.Repeat([]string{c.ID.String()}, 11), "query": "a"}},
	)
}
