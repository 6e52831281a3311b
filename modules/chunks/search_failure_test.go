package chunks_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/testworld"
)

// shutPartition keeps everybody from the search rows of a collection's partition
// until the function that it gives is called.
func shutPartition(t *testing.T, w *testworld.World, c collections.Collection) (open func()) {
	t.Helper()
	shut, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- w.DB.InTx(context.WithoutCancel(t.Context()), func(ctx context.Context) error {
			_, err := w.DB.Querier(ctx).Exec(ctx, "lock table chunk_search_p"+strconv.Itoa(c.PartitionKey)+" in access exclusive mode")
			close(shut)
			<-release
			return errors.Join(err, errUndo)
		})
	}()
	<-shut
	return func() {
		close(release)
		require.ErrorIs(t, <-done, errUndo)
	}
}

// apart makes two collections in different partitions, with a walrus each.
func apart(t *testing.T, w *testworld.World) (one, other collections.Collection) {
	t.Helper()
	one = w.Collection(w.Root)
	for other = w.Collection(w.Root); other.PartitionKey == one.PartitionKey; {
		other = w.Collection(w.Root)
	}
	for _, c := range []collections.Collection{one, other} {
		w.AddDocuments(c, testworld.File{Path: c.Name, Content: "A walrus of " + c.Name})
	}
	return one, other
}

func TestSearch_ACollectionThatTakesTooLongFailsAlone(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("SEARCH_TIMEOUT=0.6"))
	slow, quick := apart(t, w)
	open := shutPartition(t, w, slow)
	defer open()
	w.HTTP(t,
		testworld.Scenario{Name: "beside one that is quick", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusOK,
			Body: map[string]any{"collection_uuids": []string{slow.ID.String(), quick.ID.String()}, "query": "walrus"},
			Has: []string{`"partial_failure":true`, `"failed_collections":[{"collection_id":"` + slow.ID.String(), `"error":"search_timeout"`,
				`"total_results":1`, `"collections_searched":[{"id":"` + quick.ID.String()}},
		testworld.Scenario{Name: "alone", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search/single", Status: http.StatusServiceUnavailable,
			Body: map[string]any{"collection_id": slow.ID.String(), "query": "walrus"}, Has: []string{"search_timeout"}},
		testworld.Scenario{Name: "with one that does not exist", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusNotFound,
			Body: map[string]any{"collection_uuids": []string{slow.ID.String(), quick.ID.String(), uuid.NewString()}, "query": "walrus"}},
	)
	answer := w.Send(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search",
		Body: map[string]any{"collection_uuids": []string{slow.ID.String()}, "query": "walrus"}})
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
}

// brokenSearcher fails in one collection and leaves the others to another searcher.
type brokenSearcher struct {
	chunks.Searcher

	w      *testworld.World
	broken []uuid.UUID
}

func (b brokenSearcher) Search(ctx context.Context, scope collections.Scope, wanted chunks.Wanted) (chunks.Found, error) {
	for _, id := range b.broken {
		if id == scope.ID() {
			_, err := b.w.DB.Querier(ctx).Exec(ctx, "select 1/0")
			return chunks.Found{}, err
		}
	}
	return b.Searcher.Search(ctx, scope, wanted)
}

func TestSearch_ACollectionThatFailsIsNamedAndTellsNothingOfTheInside(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	one, other := apart(t, w)
	rows := chunks.NewRepository(w.DB)
	service := func(broken ...uuid.UUID) *chunks.Service {
		return chunks.NewService(chunks.Deps{
			DB: w.DB, Repository: rows, Searcher: brokenSearcher{rows, w, broken}, Collections: w.Collections, Documents: w.Documents,
		}, chunks.Config{SearchTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	}
	q := chunks.SearchQuery{CollectionIDs: []uuid.UUID{one.ID, other.ID}, Query: "walrus", K: 10}
	result, err := service(one.ID).Search(w.As(w.Root), q)
	require.NoError(t, err)
	require.Equal(t, []string{other.Name}, paths(result))
	require.Len(t, result.Failed, 1)
	require.Equal(t, one.ID, result.Failed[0].Collection.ID)
	require.Equal(t, "internal", result.Failed[0].Code)
	require.NotContains(t, result.Failed[0].Message, "zero")
	_, err = service(one.ID, other.ID).Search(w.As(w.Root), q)
	require.ErrorContains(t, err, "division by zero", "the whole fails, for the log")
}

func TestSearch_SeveralCollectionsAreMerged(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	var ids []uuid.UUID
	for range 10 {
		c := w.Collection(w.Root)
		w.AddDocuments(c, testworld.File{Path: c.Name, Content: "A walrus and a heron."}, testworld.File{Path: c.Name + "2", Content: "A walrus alone."})
		ids = append(ids, c.ID)
	}
	result := search(t, w, w.Root, "walrus heron", ids...)
	require.Len(t, result.Hits, 20)
	require.Len(t, result.Searched, 10)
	for i, h := range result.Hits {
		require.Equal(t, i < 10, h.Score >= 0.5, "what has both is first, wherever it is")
		require.Contains(t, h.Snippet, "<mark>walrus</mark>")
	}
	for _, s := range result.Searched {
		require.Equal(t, 2, s.Hits)
	}
	again := search(t, w, w.Root, "walrus heron", ids...)
	require.Equal(t, result.Hits, again.Hits, "the order is the same each time")
}

func TestSearchSingle_HasItsShape(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a", Content: "A walrus."})
	w.HTTP(t,
		testworld.Scenario{Name: "found", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search/single", Status: http.StatusOK,
			Body: map[string]any{"collection_id": c.ID.String(), "query": "walrus", "top_k": 3},
			Has:  []string{`"collections_searched":[]`, `"collection_name":""`, `"embedding_model":""`, `"collection_id":"` + c.ID.String(), `"total_results":1`, `"partial_failure":false`, `"failed_collections":null`}},
		testworld.Scenario{Name: "a list", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search/single", Status: http.StatusUnprocessableEntity,
			Body: map[string]any{"collection_uuids": []string{c.ID.String()}, "query": "walrus"}},
		testworld.Scenario{Name: "no id", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search/single", Status: http.StatusUnprocessableEntity,
			Body: map[string]any{"collection_id": "x", "query": "walrus"}},
	)
}
