package documents_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/platform/apperr"
	"semantik/testworld"
)

func TestRestore_ADeletedDocumentIsWorkedOnAgainAndFoundAsBefore(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c,
		testworld.File{Path: "a.html", Content: "<p>A walrus sleeps.</p>"}, testworld.File{Path: "b.txt", Content: "A heron stands."})
	before := w.Read(c.ID)
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, docs[0].ID))
	path := "/api/v2/collections/" + c.ID.String() + "/documents"
	listed := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: path + "?deleted=true", Status: 200,
		Has: []string{`"total":1`, "a.html", `"deleted_at":"`, `"restorable_until":"`}, HasNot: []string{"b.txt"}, Pure: true})
	var bin struct {
		Documents []struct {
			DeletedAt       time.Time `json:"deleted_at"`
			RestorableUntil time.Time `json:"restorable_until"`
		} `json:"documents"`
	}
	require.NoError(t, json.Unmarshal([]byte(listed.Body), &bin))
	require.Equal(t, 30*24*time.Hour, bin.Documents[0].RestorableUntil.Sub(bin.Documents[0].DeletedAt))

	var restored struct {
		OperationID uuid.UUID `json:"operation_id"`
	}
	answer := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: path + "/" + docs[0].ID.String() + "/restore", Status: 202,
		Has: []string{`"status":"pending"`, `"chunk_count":0`}, HasNot: []string{"deleted_at"}})
	require.NoError(t, json.Unmarshal([]byte(answer.Body), &restored))
	operation := w.Operation(restored.OperationID)
	require.Equal(t, operations.TypeRetry, operation.Type)
	w.Finish(operation.UUID)
	d := w.Document(c.ID, docs[0].ID)
	require.Equal(t, documents.StatusCompleted, d.Status)
	require.Equal(t, docs[0].ChunkCount, d.ChunkCount)
	require.Nil(t, d.DeletedAt)
	after := w.Read(c.ID)
	require.Equal(t, []int64{before.DocumentCount, before.ChunkCount, before.TotalSizeBytes}, []int64{after.DocumentCount, after.ChunkCount, after.TotalSizeBytes})
	w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Status: 200, Has: []string{"sleeps"},
		Body: map[string]any{"collection_uuids": []string{c.ID.String()}, "query": "walrus"}})
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'document.restore' and object_id = $1 and details ? 'deleted_at'`, d.ID.String()))
	w.CheckRules()
}

func TestRestore_NotWhatIsNotInTheBin(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	reader := w.User("reader")
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	w.Grant(c, reader, collections.Read)
	d := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."})[0]
	gone := w.AddDocuments(c, testworld.File{Path: "b.txt", Content: "A heron."})[0]
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, gone.ID))
	url := func(c collections.Collection, id uuid.UUID) string {
		return "/api/v2/collections/" + c.ID.String() + "/documents/" + id.String() + "/restore"
	}
	list := strings.TrimSuffix(url(c, uuid.Nil), "/"+uuid.Nil.String()+"/restore")
	post := http.MethodPost
	w.HTTP(t,
		testworld.Scenario{Name: "one that lives", As: &w.Root, Method: post, URL: url(c, d.ID), Status: 409, Has: []string{"document_not_deleted"}, Pure: true},
		testworld.Scenario{Name: "one of nowhere", As: &w.Root, Method: post, URL: url(c, uuid.New()), Status: 404, Has: []string{"document_not_found"}, Pure: true},
		testworld.Scenario{Name: "one of another collection", As: &w.Root, Method: post, URL: url(other, gone.ID), Status: 404, Has: []string{"document_not_found"}, Pure: true},
		testworld.Scenario{Name: "by a reader", As: &reader, Method: post, URL: url(c, gone.ID), Status: 403, Pure: true},
		testworld.Scenario{Name: "who may list the bin", As: &reader, URL: list + "?deleted=true&status=deleted", Status: 200, Has: []string{`"total":1`}, Pure: true},
		testworld.Scenario{Name: "two filters that exclude each other", As: &w.Root, URL: list + "?deleted=true&status=failed", Status: 400, Has: []string{"document_filters_exclude"}, Pure: true},
		testworld.Scenario{Name: "what is no yes or no", As: &w.Root, URL: list + "?deleted=perhaps", Status: 422, Pure: true},
	)
	w.AwaitOperation(w.Delete(c))
	w.HTTP(t, testworld.Scenario{Name: "of a collection that was deleted", As: &w.Root, Method: post, URL: url(c, gone.ID), Status: 404})
}

func TestRestore_NotOnceTheTimeIsOverNorWhereTheContentHasBegunToGo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."}, testworld.File{Path: "b.txt", Content: strings.Repeat("A heron. ", 50_000)})
	for _, d := range docs {
		require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, d.ID))
	}
	w.Exec(`update documents set deleted_at = now() - interval '30 days 1 second' where id = $1`, docs[0].ID)
	// As if the time had been shorter.
	w.Exec(`delete from document_contents where document_id = $1 and kind = 'original' and slice = 0`, docs[1].ID)
	for _, d := range docs {
		_, err := w.Documents.Restore(w.As(w.Root), c.ID, d.ID)
		require.ErrorIs(t, err, documents.ErrPurged)
	}
	require.Zero(t, w.Read(c.ID).DocumentCount)
	w.Exec(`delete from document_contents`)
}

func TestRestore_NotBesideADocumentThatHasItsContentOrItsPath(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	old := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."})[0]
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, old.ID))
	url := "/api/v2/collections/" + c.ID.String() + "/documents/" + old.ID.String() + "/restore"
	same := w.AddDocuments(c, testworld.File{Path: "b.txt", Content: "A walrus."})[0]
	w.HTTP(t, testworld.Scenario{Name: "the content", As: &w.Root, Method: http.MethodPost, URL: url, Status: 409,
		Has: []string{"document_duplicate", `"document_id":"` + same.ID.String()}, Pure: true})
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, same.ID))
	path := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A heron."})[0]
	w.HTTP(t, testworld.Scenario{Name: "the path", As: &w.Root, Method: http.MethodPost, URL: url, Status: 409,
		Has: []string{"document_path_taken", `"document_id":"` + path.ID.String()}, Pure: true})
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, path.ID))
	r, err := w.Documents.Restore(w.As(w.Root), c.ID, old.ID)
	require.NoError(t, err)
	w.Finish(*r.OperationID)
}

func TestRestore_ARegisteredDocumentIsCompletedAndWaitsForItsChunks(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	d, err := w.Documents.Register(w.As(w.Root), c.ID, documents.Registration{FileName: "a.txt", FileSize: 7, ContentHash: strings.Repeat("a", 64)})
	require.NoError(t, err)
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, d.ID))
	r, err := w.Documents.Restore(w.As(w.Root), c.ID, d.ID)
	require.NoError(t, err)
	require.Nil(t, r.OperationID)
	require.Equal(t, documents.StatusCompleted, r.Document.Status)
	require.EqualValues(t, 7, w.Read(c.ID).TotalSizeBytes)
	w.CheckRules()
}

func TestRestore_WaitsForNoOperationOfAnotherKind(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	d := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."})[0]
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, d.ID))
	w.Exec(`insert into operations (collection_id, user_id, type, status, config, attempt, worker, lease_until, started_at)
values ($1, $2, 'reindex', 'processing', '{"a": 1}', 1, 'elsewhere', now() + interval '1 hour', now())`, c.ID, w.Root.ID)
	_, err := w.Documents.Restore(w.As(w.Root), c.ID, d.ID)
	require.Equal(t, apperr.Conflict, apperr.KindOf(err))
	require.Zero(t, w.Read(c.ID).DocumentCount)
	w.Exec(`delete from operations where worker = 'elsewhere'`)
}

func TestRestore_OfManyAtOnceOneSucceedsAndCountsOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	file := testworld.File{Path: "a.txt", Content: "A walrus."}
	for range 3 {
		d := w.AddDocuments(c, file)[0]
		require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, d.ID))
		living := 0
		for i, err := range w.Race(4, func(i int) error {
			if i == 3 { // somebody uploads the same file
				_, _, err := w.Documents.Upload(w.As(w.Root), c.ID, documents.Upload{Next: testworld.Sequence(file)})
				return err
			}
			_, err := w.Documents.Restore(w.As(w.Root), c.ID, d.ID)
			return err
		}) {
			switch {
			case i == 3:
				require.NoError(t, err)
			case err == nil:
				living++
			default:
				require.Equal(t, apperr.Conflict, apperr.KindOf(err))
			}
		}
		require.LessOrEqual(t, living, 1)
		w.AwaitQuiet()
		require.EqualValues(t, 1, w.Read(c.ID).DocumentCount)
		w.CheckRules()
		for _, d := range listDocuments(t, w, c) {
			require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, d.ID))
		}
	}
}

func listDocuments(t *testing.T, w *testworld.World, c collections.Collection) []documents.Document {
	t.Helper()
	found, _, err := w.Documents.List(w.As(w.Root), c.ID, documents.ListQuery{})
	require.NoError(t, err)
	return found
}

func TestRestore_BrokenOffAtAnyStatementNothingIsChanged(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	w.Exec(`
insert into documents (id, collection_id, partition_key, file_path, file_name, file_size, content_hash, status, deleted_at, chunked_hash)
select gen_random_uuid(), id, partition_key, 'a.txt', 'a.txt', 1, repeat('0', 64), 'deleted', now(), repeat('0', 64) from collections`)
	w.Exec(`insert into document_contents (document_id, collection_id, partition_key, kind, slice, data) select id, collection_id, partition_key, 'original', 0, 'a' from documents`)
	id := testworld.Value[uuid.UUID](w, `select id from documents`)
	changed := w.FailEach(func() error {
		_, err := w.Documents.Restore(w.As(w.Root), c.ID, id)
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collections", "public.documents", "public.operations", "river.river_job"}, changed)
}
