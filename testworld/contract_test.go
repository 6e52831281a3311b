package testworld_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/testworld"
)

// contractRow is one line of the HTTP contract as a client relies on it: a request, its
// status, and what the answer has. The shape names each key that must be there, in its
// order of nesting: "documents.0.file_name" is a key of the first of a list.
type contractRow struct {
	name string
	// as is who asks; the superuser if nil.
	as      *users.User
	method  string
	url     string
	body    any
	headers map[string]string
	status  int
	// has are fragments of the answer.
	has []string
	// keys must be there, whatever their value; exactly when only is set.
	keys []string
	only bool
	// at is where in the answer the keys are; the answer itself if "".
	at string
	// values are what stands at some places.
	values map[string]any
}

const (
	operationKeys = "id collection_id type status config error_message created_at started_at completed_at"
	documentKeys  = "file_name metadata id collection_id file_path file_size mime_type content_hash status error_message chunk_count retry_count last_retry_at error_category created_at updated_at"
	sourceKeys    = "id collection_id source_type source_path source_config document_count size_bytes last_run_started_at last_run_completed_at last_run_status last_error last_indexed_at created_at updated_at has_password has_token has_ssh_key has_ssh_passphrase"
	runKeys       = "id collection_id triggered_by started_at completed_at status expected_sources completed_sources failed_sources partial_sources error_summary"
)

func keysOf(lists ...string) []string { return strings.Fields(strings.Join(lists, " ")) }

// place gives what stands at a place of an answer: "items.0.id".
func place(t *testing.T, answer any, at string) any {
	t.Helper()
	for step := range strings.SplitSeq(at, ".") {
		if at == "" {
			break
		}
		switch v := answer.(type) {
		case map[string]any:
			require.Contains(t, v, step, at)
			answer = v[step]
		case []any:
			require.NotEmpty(t, v, at)
			answer = v[0]
		default:
			require.FailNow(t, "there is nothing at "+at)
		}
	}
	return answer
}

func follow(t *testing.T, w *testworld.World, rows []contractRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := w.In(t)
			w.AwaitQuiet()
			if row.method == "" {
				row.method = http.MethodGet
			}
			if row.as == nil {
				row.as = &w.Root
			}
			a := w.Request(testworld.Scenario{As: row.as, Method: row.method, URL: row.url, Body: row.body, Headers: row.headers, Status: row.status, Has: row.has})
			if len(row.keys)+len(row.values) == 0 {
				return
			}
			var answer any
			require.NoError(t, json.Unmarshal([]byte(a.Body), &answer))
			if len(row.keys) > 0 {
				object, ok := place(t, answer, row.at).(map[string]any)
				require.True(t, ok, a.Body)
				for _, key := range row.keys {
					require.Contains(t, object, key)
				}
				if row.only {
					require.ElementsMatch(t, row.keys, slices.Collect(maps.Keys(object)))
				}
			}
			for at, value := range row.values {
				require.Equal(t, value, place(t, answer, at), at)
			}
		})
	}
}

// contractWorld has a collection with an upload and a folder, and a document that failed.
func contractWorld(t *testing.T) (w *testworld.World, collection, folder string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "a.txt"), []byte("A walrus."), 0o600))
	w = testworld.New(t, testworld.Setting("DOCUMENT_ROOTS="+root))
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "up.txt", Content: "A heron."}, testworld.File{Path: "empty.txt"})
	return w, "/api/v2/collections/" + c.ID.String(), root
}

func TestContract_Section4And5_Sources(t *testing.T) {
	t.Parallel()
	w, base, folder := contractWorld(t)
	directory := map[string]any{"source_type": "directory", "source_config": map[string]any{"path": folder, "recursive": true}}
	follow(t, w, []contractRow{
		{name: "a source is added", method: http.MethodPost, url: base + "/sources", body: directory, status: 202, keys: keysOf(operationKeys),
			values: map[string]any{"type": "append", "status": "pending", "config.source_type": "directory", "config.source_path": folder}},
		{name: "its config tells of it", method: http.MethodPost, url: base + "/sources", body: map[string]any{"sourceType": "directory", "sourcePath": folder}, status: 202,
			at: "config", keys: keysOf("source_id source_type source_config source_path additional_config")},
		{name: "a path alone is a directory", method: http.MethodPost, url: base + "/sources", body: map[string]any{"source_path": folder}, status: 202},
		{name: "a type that is not known", method: http.MethodPost, url: base + "/sources", body: map[string]any{"source_type": "carrier pigeon", "source_config": map[string]any{"path": "/"}}, status: 400},
		{name: "no path", method: http.MethodPost, url: base + "/sources", body: map[string]any{"source_type": "directory"}, status: 400},
		{name: "outside of the roots", method: http.MethodPost, url: base + "/sources", body: map[string]any{"source_path": "/etc"}, status: 403},
		{name: "the sources", url: base + "/sources", status: 200, keys: keysOf("items total offset limit"), only: true, values: map[string]any{"total": 2.0, "offset": 0.0, "limit": 50.0}},
		{name: "a source", url: base + "/sources", status: 200, at: "items.0", keys: keysOf(sourceKeys)},
		{name: "a run", method: http.MethodPost, url: base + "/sync/run", status: 202, keys: keysOf(runKeys), only: true, values: map[string]any{"triggered_by": "manual", "status": "running"}},
		{name: "the runs", url: base + "/sync/runs", status: 200, keys: keysOf("items total offset limit"), only: true},
		{name: "not continuous", method: http.MethodPost, url: base + "/sync/pause", status: 400},
		{name: "a source without a path", method: http.MethodDelete, url: base + "/sources", status: 422},
		{name: "no such source", method: http.MethodDelete, url: base + "/sources?source_path=nowhere", status: 404},
		{name: "a source is removed", method: http.MethodDelete, url: base + "/sources?source_path=" + folder, status: 202, keys: keysOf(operationKeys), values: map[string]any{"type": "remove_source"}},
		{name: "its id is an int", url: base + "/sources/999999", status: 404},
	})
}

func TestContract_Section6_Documents(t *testing.T) {
	t.Parallel()
	w, base, _ := contractWorld(t)
	id := func(file string) string {
		return testworld.Value[uuid.UUID](w, `select id from documents where file_name = $1`, file).String()
	}
	up, empty := base+"/documents/"+id("up.txt"), base+"/documents/"+id("empty.txt")
	follow(t, w, []contractRow{
		{name: "the list", url: base + "/documents", status: 200, keys: keysOf("documents total page per_page"), only: true, values: map[string]any{"total": 2.0, "page": 1.0, "per_page": 50.0}},
		{name: "failed first", url: base + "/documents", status: 200, at: "documents.0", keys: keysOf(documentKeys), values: map[string]any{"documents.0.file_name": "empty.txt"}},
		{name: "limit for per_page", url: base + "/documents?page=1&limit=1", status: 200, values: map[string]any{"per_page": 1.0}},
		{name: "a filter that does not exist", url: base + "/documents?status=lost", status: 400},
		{name: "one", url: up, status: 200, keys: keysOf(documentKeys), only: true, values: map[string]any{"status": "completed", "error_category": nil, "chunk_count": 1.0}},
		{name: "one that failed", url: empty, status: 200, values: map[string]any{"status": "failed", "error_category": "permanent"}},
		{name: "one of nowhere", url: base + "/documents/" + uuid.NewString(), status: 404},
		{name: "its bytes", url: up + "/content", status: 200},
		{name: "one that has not failed is not retried", method: http.MethodPost, url: up + "/retry", status: 400},
		{name: "one that has is", method: http.MethodPost, url: empty + "/retry", status: 200, keys: keysOf(documentKeys), only: true, values: map[string]any{"status": "pending", "retry_count": 1.0}},
		{name: "nothing to retry", method: http.MethodPost, url: base + "/documents/retry-failed", status: 200, keys: keysOf("reset_count pending_count operation_id message"), only: true, values: map[string]any{"operation_id": nil}},
		{name: "how many failed", url: base + "/documents/failed/count", status: 200, keys: keysOf("transient permanent unknown total"), only: true, values: map[string]any{"permanent": 1.0, "total": 1.0}},
		{name: "how many can be retried", url: base + "/documents/failed/count?retryable_only=true", status: 200, values: map[string]any{"total": 0.0}},
		{name: "it is deleted", method: http.MethodDelete, url: up, status: 204},
		{name: "and gone", url: up, status: 404},
		{name: "but in the bin", url: base + "/documents?deleted=true", status: 200, at: "documents.0", keys: keysOf(documentKeys, "deleted_at restorable_until"), only: true},
		{name: "and comes back", method: http.MethodPost, url: up + "/restore", status: 202, keys: keysOf("document operation_id"), only: true,
			values: map[string]any{"document.status": "pending", "document.chunk_count": 0.0}},
		{name: "only once", method: http.MethodPost, url: up + "/restore", status: 409, has: []string{"document_not_deleted"}},
	})
	a := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: empty + "/content", Status: http.StatusOK})
	require.Equal(t, "private, max-age=3600", a.Header.Get("Cache-Control"))
	require.Contains(t, a.Header.Get("Content-Disposition"), `filename="empty.txt"; filename*=UTF-8''empty.txt`)
}

func TestContract_Section8_Operations(t *testing.T) {
	t.Parallel()
	w, base, _ := contractWorld(t)
	operation := "/api/v2/operations/" + testworld.Value[uuid.UUID](w, `select uuid from operations where type = 'append' limit 1`).String()
	follow(t, w, []contractRow{
		{name: "the list", url: "/api/v2/operations?status=processing,pending&page=1&per_page=100", status: 200, keys: keysOf("operations total page per_page"), only: true, values: map[string]any{"total": 0.0, "per_page": 100.0}},
		{name: "one of the list", url: "/api/v2/operations?operation_type=append", status: 200, at: "operations.0", keys: keysOf(operationKeys)},
		{name: "a status that does not exist", url: "/api/v2/operations?status=lost", status: 400},
		{name: "a type that does not exist", url: "/api/v2/operations?operation_type=guess", status: 400},
		{name: "whatever the case", url: "/api/v2/operations?status=COMPLETED", status: 200},
		{name: "one", url: operation, status: 200, keys: keysOf(operationKeys, "progress progress_detail result"), values: map[string]any{"type": "append", "status": "completed", "progress": 100.0, "error_message": nil}},
		{name: "its detail", url: operation, status: 200, at: "progress_detail", keys: keysOf("done total message")},
		{name: "one that has ended is not cancelled", method: http.MethodDelete, url: operation, status: 400},
		{name: "one of nowhere", url: "/api/v2/operations/" + uuid.NewString(), status: 404},
		{name: "those of a collection are an array", url: base + "/operations", status: 200, at: "0", keys: keysOf(operationKeys)},
		{name: "a reindex", method: http.MethodPost, url: base + "/reindex", body: map[string]any{}, status: 202, keys: keysOf(operationKeys), values: map[string]any{"type": "reindex", "config.blue_green": true}},
	})
}

func TestContract_Section14_SmallEndpoints(t *testing.T) {
	t.Parallel()
	w, _, folder := contractWorld(t)
	scan := uuid.NewString()
	preview := "/api/v2/directory-scan/preview"
	follow(t, w, []contractRow{
		{name: "the connectors", url: "/api/v2/connectors", status: 200, at: "connectors.directory", keys: keysOf("name description icon fields secrets supports_sync preview_endpoint"),
			values: map[string]any{"connectors.directory.fields.0.name": "path", "connectors.directory.secrets": []any{}}},
		{name: "a preview", method: http.MethodPost, url: preview, body: map[string]any{"path": folder, "scan_id": scan, "recursive": true}, status: 200,
			keys: keysOf("scan_id path files total_files total_size warnings"), only: true, values: map[string]any{"scan_id": scan, "total_files": 1.0, "total_size": 9.0}},
		{name: "a file of it", method: http.MethodPost, url: preview, body: map[string]any{"path": folder, "scan_id": scan}, status: 200, at: "files.0",
			keys: keysOf("file_path file_name file_size mime_type content_hash modified_at"), only: true},
		{name: "outside", method: http.MethodPost, url: preview, body: map[string]any{"path": "/etc", "scan_id": scan}, status: 403},
		{name: "not there", method: http.MethodPost, url: preview, body: map[string]any{"path": folder + "/none", "scan_id": scan}, status: 404},
	})
}
