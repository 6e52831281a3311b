package chunks_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// edited is a collection with a document of ten chunks that a search finds.
func edited(t *testing.T, w *testworld.World) (c collections.Collection, document uuid.UUID, chunk int64) {
	t.Helper()
	c = w.Collection(w.Root)
	document = completed(t, w, c.ID)
	var lines strings.Builder
	for i := range 10 {
		fmt.Fprintf(&lines, `{"document_id": %q, "chunk_index": %d, "content": "A walrus, %d.", "token_count": 4, "embedding_vector_id": "v-%d", "metadata": {"n": %d}}`+"\n", document, i, i, i, i)
	}
	counted(t, post(w, c, "", lines.String()))
	w.Index()
	return c, document, w.Int(`select id from chunks where document_id = $1 and chunk_index = 4`, document)
}

func chunkPath(c collections.Collection, id int64) string {
	return fmt.Sprintf("%s/%d", loadPath(c), id)
}

func patch(w *testworld.World, path string, body any, headers map[string]string) testworld.Answer {
	return w.Send(testworld.Scenario{As: &w.Root, Method: http.MethodPatch, URL: path, Body: body, Headers: headers})
}

func hits(t *testing.T, w *testworld.World, c collections.Collection, query string) []string {
	t.Helper()
	found, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: query, K: 50})
	require.NoError(t, err)
	list := []string{}
	for _, h := range found.Hits {
		list = append(list, h.Content)
	}
	return list
}

func TestEdit_ASearchFindsWhatTheChunkIsNow(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, document, id := edited(t, w)
	path := chunkPath(c, id)

	a := patch(w, path, `{"content": "An oyster.", "metadata": {"m": 1.50}}`, nil)
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	said := a.JSON(t)
	require.Equal(t, "An oyster.", said["content"])
	require.Nil(t, said["token_count"], "it was that of the old content")
	require.Nil(t, said["embedding_vector_id"])
	require.NotNil(t, said["edited_at"])
	require.Contains(t, a.Body, `"metadata":{"m": 1.50}`)
	require.Equal(t, []string{"An oyster."}, hits(t, w, c, "oyster"))
	require.Len(t, hits(t, w, c, "walrus"), 9)

	require.Equal(t, http.StatusOK, patch(w, path, `{"enabled": false}`, nil).Status)
	require.Empty(t, hits(t, w, c, "oyster"))
	require.Equal(t, http.StatusOK, patch(w, path, `{"enabled": true, "content": null}`, nil).Status)
	require.Equal(t, []string{"An oyster."}, hits(t, w, c, "oyster"))

	now := w.Read(c.ID)
	require.EqualValues(t, 10, now.ChunkCount)
	require.EqualValues(t, 10, now.VectorCount)
	require.EqualValues(t, 10, w.Document(c.ID, document).ChunkCount)
	require.EqualValues(t, 3, w.Int(`select count(*) from audit_log where action = 'chunk.update' and object_id = $1`, c.ID.String()))
	require.Zero(t, w.Int(`select count(*) from audit_log where details::text like '%oyster%'`), "what a chunk says is not for the audit log")
}

func TestEdit_WhatIsSoAlreadyChangesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, _, id := edited(t, w)
	w.HTTP(t,
		testworld.Scenario{Name: "nothing", As: &w.Root, Method: http.MethodPatch, URL: chunkPath(c, id), Body: `{}`, Status: 200, Has: []string{`"edited_at":null`}, Pure: true},
		testworld.Scenario{Name: "the same", As: &w.Root, Method: http.MethodPatch, URL: chunkPath(c, id), Body: `{"content": "A walrus, 4.", "enabled": true, "metadata": { "n" :4}}`, Status: 200, Has: []string{`"edited_at":null`}, Pure: true},
	)
}

func TestEdit_OfWhatSomebodyElseHasChanged(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, _, id := edited(t, w)
	path := chunkPath(c, id)
	seen := w.Send(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: path}).Header.Get("ETag")
	require.NotEmpty(t, seen)
	first := patch(w, path, `{"content": "An oyster."}`, map[string]string{"If-Match": seen})
	require.Equal(t, http.StatusOK, first.Status, first.Body)
	second := patch(w, path, `{"content": "A carpenter."}`, map[string]string{"If-Match": seen})
	require.Equal(t, http.StatusPreconditionFailed, second.Status, second.Body)
	require.Contains(t, second.Body, "chunk_changed")
	third := patch(w, path, `{"content": "A carpenter."}`, map[string]string{"If-Match": first.Header.Get("ETag")})
	require.Equal(t, http.StatusOK, third.Status, third.Body)
	require.Equal(t, []string{"A carpenter."}, hits(t, w, c, "carpenter"))
	require.Empty(t, hits(t, w, c, "oyster"))
}

// An instant of before would hide the change from whoever asks for what is new, and
// would be a tag that somebody may still have.
func TestEdit_TheTimeOfAChangeIsAlwaysLater(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	counted(t, post(w, c, "", linesOf(d, 0, 0)))
	id := w.Int(`select id from chunks`)
	for name, change := range map[string]func() int{
		"an edit": func() int { return patch(w, chunkPath(c, id), map[string]any{"content": "another"}, nil).Status },
		"a vector's name": func() int {
			return patch(w, loadPath(c)+"/embeddings", fmt.Sprintf(`{"chunk_id": %d, "vector_id": "v"}`, id), map[string]string{"Content-Type": "application/x-ndjson"}).Status
		},
		"a replace": func() int { return post(w, c, "?on_conflict=replace", linesOf(d, 0, 0)).Status },
	} {
		// Somebody whose clock is ahead, or whose transaction began later, was faster.
		w.Exec(`update chunks set updated_at = now() + interval '1 hour'`)
		before := testworld.Value[time.Time](w, `select updated_at from chunks`)
		require.Contains(t, []int{http.StatusOK, http.StatusCreated}, change(), name)
		require.True(t, testworld.Value[time.Time](w, `select updated_at from chunks`).After(before), name)
	}
}

func TestEdit_BadInputChangesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, _, id := edited(t, w)
	other := w.Collection(w.Root)
	for body, has := range map[string]string{
		`{"content": ""}`:         "body.content",
		`{"content": "a\u0000b"}`: "body.content",
		`{"content": "` + strings.Repeat("é", 1_000_001) + `"}`: "body.content",
		`{"content": 7}`:                    "body.content",
		`{"enabled": "yes"}`:                "body.enabled",
		`{"metadata": []}`:                  "body.metadata",
		`{"metadata": {"a": "\u0000"}}`:     "body.metadata",
		`{"content": "", "metadata": "x"}`:  "body.metadata",
		`{"chunk_index": 7}`:                "chunk_index",
		`{"content": "good", "edited": {}}`: "edited",
	} {
		w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPatch, URL: chunkPath(c, id), Body: body, Status: 422, Has: []string{has}, Pure: true})
	}
	w.HTTP(t,
		testworld.Scenario{Name: "as large as may be", As: &w.Root, Method: http.MethodPatch, URL: chunkPath(c, id), Body: `{"content": "` + strings.Repeat("é ", 500_000) + `"}`, Status: 200},
		testworld.Scenario{Name: "by another collection", As: &w.Root, Method: http.MethodPatch, URL: chunkPath(other, id), Body: `{"enabled": false}`, Status: 404, Pure: true},
		testworld.Scenario{Name: "not there", As: &w.Root, Method: http.MethodPatch, URL: chunkPath(c, 1<<60), Body: `{"enabled": false}`, Status: 404, Pure: true},
		testworld.Scenario{Name: "no body", As: &w.Root, Method: http.MethodPatch, URL: chunkPath(c, id), Status: 400, Pure: true},
	)
}

// A document that is worked on gets new chunks: an edit of the old ones would be lost
// without a word.
func TestEdit_WaitsForNoDocumentThatIsWorkedOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, document, id := edited(t, w)
	for _, status := range []string{"pending", "processing"} {
		w.Exec(`update documents set status = $2 where id = $1`, document, status)
		w.HTTP(t,
			testworld.Scenario{Name: status + ", edit", As: &w.Root, Method: http.MethodPatch, URL: chunkPath(c, id), Body: `{"enabled": false}`, Status: 409, Has: []string{"document_not_loadable", status}, Pure: true},
			testworld.Scenario{Name: status + ", delete", As: &w.Root, Method: http.MethodDelete, URL: loadPath(c) + "?document_id=" + document.String(), Status: 409, Has: []string{"document_not_loadable", status}, Pure: true},
		)
	}
	w.Exec(`update documents set status = 'completed' where id = $1`, document)
}

// While search rows are being made of a chunk's old content, it is edited.
func TestEdit_IsNotOvertakenByTheIndexer(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	counted(t, post(w, c, "", lineOf(d, 0, "A walrus.")))
	id := w.Int(`select id from chunks`)
	pause := w.Trace.PauseAt("delete from chunk_search_backlog")
	t.Cleanup(pause.Resume)
	indexed, changed := make(chan error, 1), make(chan testworld.Answer, 1)
	go func() { indexed <- w.Indexer.WorkAll(context.Background()) }()
	<-pause.Reached()
	go func() { changed <- patch(w, chunkPath(c, id), `{"content": "An oyster."}`, nil) }()
	w.Await("the other waits", func() bool {
		return w.Int(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 1
	})
	pause.Resume()
	require.NoError(t, <-indexed)
	require.Equal(t, http.StatusOK, (<-changed).Status)
	require.Equal(t, []string{"An oyster."}, hits(t, w, c, "oyster"))
	require.Empty(t, hits(t, w, c, "walrus"))
}

// One that has no search row yet gets that of its new content.
func TestEdit_BeforeTheIndexerHasComeBy(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	counted(t, post(w, c, "", `{"chunk_index": 0, "content": "A walrus."}`))
	require.Equal(t, http.StatusOK, patch(w, chunkPath(c, w.Int(`select id from chunks`)), `{"content": "An oyster."}`, nil).Status)
	w.Index()
	require.Equal(t, []string{"An oyster."}, hits(t, w, c, "oyster"))
	require.EqualValues(t, 1, w.Read(c.ID).VectorCount)
}

func TestEdit_ManyAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, document, _ := edited(t, w)
	var ids []int64
	for i := range 10 {
		ids = append(ids, w.Int(`select id from chunks where document_id = $1 and chunk_index = $2`, document, i))
	}
	for _, err := range w.Race(8, func(i int) error {
		for n := range ids {
			content := fmt.Sprintf("An oyster of %d.", i)
			_, err := w.Chunks.Edit(w.As(w.Root), c.ID, ids[(n+i)%len(ids)], chunks.EditInput{Edit: chunks.Edit{Content: &content}})
			if err != nil {
				return err
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	require.Len(t, hits(t, w, c, "oyster"), 10)
	require.Empty(t, hits(t, w, c, "walrus"))
}

func TestEdit_BrokenOffAtAnyStatementLeavesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c, document, id := edited(t, w)
	root, content, name := w.As(w.Root), "An oyster.", "v"
	require.Equal(t, []string{"public.audit_log", "public.chunk_search", "public.chunks", "public.collections"}, w.FailEach(func() error {
		_, err := w.Chunks.Edit(root, c.ID, id, chunks.EditInput{Edit: chunks.Edit{Content: &content}})
		return err
	}))
	require.Equal(t, []string{"public.audit_log", "public.chunks", "public.collections"}, w.FailEach(func() error {
		_, err := w.Chunks.NameVectors(root, c.ID, func() {}, func() ([]chunks.Vector, error) {
			return []chunks.Vector{{ChunkID: id, Name: &name}, {ChunkID: 1 << 40}}, nil
		})
		return err
	}))
	require.Equal(t, []string{"public.audit_log", "public.chunk_search", "public.chunks", "public.collections", "public.documents"}, w.FailEach(func() error {
		_, err := w.Chunks.DeleteOfDocument(root, c.ID, document)
		return err
	}))
}

func TestDelete_TheChunksOfADocument(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, document, _ := edited(t, w)
	empty, deleted := completed(t, w, c.ID), completed(t, w, c.ID)
	w.Exec(`update documents set status = 'deleted', deleted_at = now() where id = $1`, deleted)
	w.Exec(`update collections set document_count = document_count - 1 where id = $1`, c.ID)
	counted(t, post(w, c, "", `{"chunk_index": 0, "content": "A walrus of nobody."}`))
	w.Index()
	of := func(document string) string { return loadPath(c) + "?document_id=" + document }
	w.HTTP(t,
		testworld.Scenario{Name: "of no document", As: &w.Root, Method: http.MethodDelete, URL: loadPath(c), Status: 400, Has: []string{"document_id"}, Pure: true},
		testworld.Scenario{Name: "of what is no id", As: &w.Root, Method: http.MethodDelete, URL: of("seven"), Status: 400, Has: []string{"invalid_document_id"}, Pure: true},
		testworld.Scenario{Name: "of one that is not there", As: &w.Root, Method: http.MethodDelete, URL: of(uuid.NewString()), Status: 404, Pure: true},
		testworld.Scenario{Name: "of one that is deleted", As: &w.Root, Method: http.MethodDelete, URL: of(deleted.String()), Status: 404, Pure: true},
		testworld.Scenario{Name: "of one that has none", As: &w.Root, Method: http.MethodDelete, URL: of(empty.String()), Status: 200, Has: []string{`"deleted":0`}, Pure: true},
		testworld.Scenario{Name: "of one that has", As: &w.Root, Method: http.MethodDelete, URL: of(document.String()), Status: 200, Has: []string{`"deleted":10`}},
		testworld.Scenario{Name: "again", As: &w.Root, Method: http.MethodDelete, URL: of(document.String()), Status: 200, Has: []string{`"deleted":0`}, Pure: true},
	)
	require.Equal(t, []string{"A walrus of nobody."}, hits(t, w, c, "walrus"))
	now := w.Read(c.ID)
	require.EqualValues(t, 1, now.ChunkCount)
	require.EqualValues(t, 1, now.VectorCount)
	require.Zero(t, w.Document(c.ID, document).ChunkCount)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'chunk.delete'`))
	require.Equal(t, [4]float64{1, 0, 0, 1}, counted(t, post(w, c, "", lineOf(document, 0, "A walrus that is back."))), "it takes chunks again")
}

// Loads, edits and deletions of one document at once end with counters that are true.
func TestDelete_WhileOthersLoadAndEdit(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, document, _ := edited(t, w)
	enabled := false
	for _, err := range w.Race(6, func(i int) error {
		for round := range 5 {
			var err error
			switch i % 3 {
			case 0:
				_, err = w.Chunks.DeleteOfDocument(w.As(w.Root), c.ID, document)
			case 1:
				if a := post(w, c, "?on_conflict=replace", linesOf(document, 0, 20+round)); a.Status != http.StatusCreated {
					return fmt.Errorf("%d: %s", a.Status, a.Body)
				}
			case 2:
				var id int64
				id, err = someChunk(w, document)
				if err == nil && id > 0 {
					_, err = w.Chunks.Edit(w.As(w.Root), c.ID, id, chunks.EditInput{Edit: chunks.Edit{Enabled: &enabled}})
				}
			}
			if err != nil && apperr.KindOf(err) != apperr.NotFound {
				return err
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	w.Index()
	require.Equal(t, w.Int(`select count(*) from chunks`), w.Read(c.ID).ChunkCount)
}

func someChunk(w *testworld.World, document uuid.UUID) (int64, error) {
	var id int64
	err := w.DB.Querier(testworld.Beside(context.Background())).QueryRow(testworld.Beside(context.Background()),
		`select coalesce(max(id), 0) from chunks where document_id = $1`, document).Scan(&id)
	return id, err
}
