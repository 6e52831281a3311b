package documents_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/testworld"
)

func TestDelete_NoReadAndNoSearchSeesItAnyMore(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus sleeps."}, testworld.File{Path: "b.txt", Content: "A heron stands."})
	path := "/api/v2/collections/" + c.ID.String() + "/documents/"
	search := map[string]any{"collection_uuids": []string{c.ID.String()}, "query": "walrus"}
	w.HTTP(t,
		testworld.Scenario{Name: "it is found", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Body: search, Status: 200, Has: []string{"sleeps"}},
		testworld.Scenario{Name: "it is deleted", As: &w.Root, Method: http.MethodDelete, URL: path + docs[0].ID.String(), Status: 204},
		testworld.Scenario{Name: "a search does not find it", As: &w.Root, Method: http.MethodPost, URL: "/api/v2/search", Body: search, Status: 200, HasNot: []string{"sleeps"}},
		testworld.Scenario{Name: "it cannot be read", As: &w.Root, URL: path + docs[0].ID.String(), Status: 404, Has: []string{"document_not_found"}},
		testworld.Scenario{Name: "it is not listed", As: &w.Root, URL: path[:len(path)-1], Status: 200, Has: []string{`"total":1`}, HasNot: []string{"a.txt"}},
		testworld.Scenario{Name: "but in the bin", As: &w.Root, URL: path[:len(path)-1] + "?status=deleted", Status: 200, Has: []string{"a.txt"}},
		testworld.Scenario{Name: "a second time there is nothing to delete", As: &w.Root, Method: http.MethodDelete, URL: path + docs[0].ID.String(), Status: 404},
	)
	now := w.Read(c.ID)
	require.EqualValues(t, 1, now.DocumentCount)
	require.EqualValues(t, 1, now.ChunkCount)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'document.delete' and object_id = $1`, docs[0].ID.String()))
	w.CheckRules()
}

func TestDelete_TheSameFileCanComeBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	file := testworld.File{Path: "a.txt", Content: "A walrus sleeps."}
	old := w.AddDocuments(c, file)[0]
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, old.ID))
	results, operation := w.Upload(w.Root, c, file)
	require.Equal(t, documents.Created, results[0].Outcome)
	require.NotEqual(t, old.ID, results[0].Document.ID)
	w.Finish(*operation)
	require.EqualValues(t, 1, w.Read(c.ID).ChunkCount)
}

func TestDelete_OfManyAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	d := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus sleeps."})[0]
	succeeded := 0
	for _, err := range w.Race(6, func(int) error { return w.Documents.Delete(w.As(w.Root), c.ID, d.ID) }) {
		if err == nil {
			succeeded++
			continue
		}
		require.ErrorIs(t, err, documents.ErrNotFound)
	}
	require.Equal(t, 1, succeeded)
	w.CheckRules()
}

// A new content for the path and the deletion of its document, at once: either the new
// content is a document of its own, or it came first and went with the document.
func TestDelete_RacesAnUploadOfTheSamePath(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	for round := range 5 {
		word := string(rune('a' + round))
		d := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus sleeps " + word})[0]
		for _, err := range w.Race(2, func(i int) error {
			if i == 0 {
				return w.Documents.Delete(w.As(w.Root), c.ID, d.ID)
			}
			w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "A heron stands " + word})
			return nil
		}) {
			require.NoError(t, err)
		}
		w.AwaitQuiet()
		w.CheckRules()
		require.Equal(t, apperr.NotFound, apperr.KindOf(w.Documents.Delete(w.As(w.Root), c.ID, d.ID)))
		w.Exec(`update documents set file_path = id::text where collection_id = $1`, c.ID) // the next round begins anew
	}
}

func TestRetry_AFailedDocumentIsWorkedOnAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	d := w.AddDocuments(c, testworld.File{Path: "empty.txt", Content: ""})[0]
	require.Equal(t, documents.StatusFailed, d.Status)
	path := "/api/v2/collections/" + c.ID.String() + "/documents/"
	w.HTTP(t, testworld.Scenario{Name: "it waits again", As: &w.Root, Method: http.MethodPost, URL: path + d.ID.String() + "/retry",
		Status: 200, Has: []string{`"status":"pending"`, `"retry_count":1`, `"error_message":null`, `"last_retry_at":"`}})
	w.AwaitQuiet()
	require.EqualValues(t, 1, w.Int(`select count(*) from operations where type = 'retry_documents'`))
	again := w.Document(c.ID, d.ID)
	require.Equal(t, documents.StatusFailed, again.Status, "an empty file stays empty")
	require.Equal(t, 1, again.RetryCount)
	w.CheckRules()
}

func TestRetry_OnlyFailedDocuments(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	d := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."})[0]
	path := "/api/v2/collections/" + c.ID.String() + "/documents/"
	w.HTTP(t, testworld.Scenario{Name: "completed", As: &w.Root, Method: http.MethodPost, URL: path + d.ID.String() + "/retry",
		Status: 400, Has: []string{"Only failed documents can be retried."}, Pure: true})
}

func TestRetryFailed_LeavesWhatFailsForGood(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c,
		testworld.File{Path: "empty.txt", Content: ""},
		testworld.File{Path: "a.txt", Content: "A walrus."},
		testworld.File{Path: "b.txt", Content: "A heron."})
	fail := func(d documents.Document, category documents.Category) {
		w.Exec(`
with gone as (delete from chunk_search where collection_id = $2 and document_id = $1),
     cut as (delete from chunks where collection_id = $2 and document_id = $1),
     less as (update collections set chunk_count = chunk_count - 1, vector_count = vector_count - 1 where id = $2)
update documents set status = 'failed', error_message = 'It broke.', error_category = $3, chunk_count = 0, chunked_hash = null where id = $1`,
			d.ID, c.ID, string(category))
	}
	fail(docs[1], documents.CategoryTransient)
	fail(docs[2], documents.CategoryUnknown)
	url := "/api/v2/collections/" + c.ID.String() + "/documents/retry-failed"
	w.HTTP(t, testworld.Scenario{Name: "two of three", As: &w.Root, Method: http.MethodPost, URL: url,
		Status: 200, Has: []string{`"reset_count":2`, `"pending_count":2`, `"operation_id":"`}})
	w.AwaitQuiet()
	require.Equal(t, documents.StatusCompleted, w.Document(c.ID, docs[1].ID).Status)
	require.Equal(t, documents.StatusCompleted, w.Document(c.ID, docs[2].ID).Status)
	empty := w.Document(c.ID, docs[0].ID)
	require.Equal(t, documents.StatusFailed, empty.Status)
	require.Zero(t, empty.RetryCount, "it was not tried blindly")
	w.HTTP(t, testworld.Scenario{Name: "nothing is left to retry", As: &w.Root, Method: http.MethodPost, URL: url,
		Status: 200, Has: []string{`"reset_count":0`, `"pending_count":0`, `"operation_id":null`, "nothing to retry"}, Pure: true})
	w.CheckRules()
}
