package testworld_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/platform/auth"
	"semantik/testworld"
)

// consoleOrigin is a page of another server that may open sockets.
const consoleOrigin = "https://console.example"

// socketsWorld has a collection, and the paths of the three sockets.
func socketsWorld(t *testing.T, options ...testworld.Option) (w *testworld.World, paths []string) {
	t.Helper()
	w = testworld.New(t, append(options, testworld.NoWorker(), testworld.Setting("CORS_ORIGINS="+consoleOrigin))...)
	w.StartListening()
	operation := w.NewCollection(w.Root).InitialOperationID
	return w, []string{"/ws/operations", "/ws/operations/" + operation.String(), "/ws/directory-scan/" + uuid.NewString()}
}

func TestContract_Section81_Handshake(t *testing.T) {
	t.Parallel()
	w, paths := socketsWorld(t)
	_, key := w.NewKey(w.Root, nil, auth.ScopeRead, auth.ScopeWrite) // a preview needs the other one
	token, ofAlice := w.Token(w.Root), w.Token(w.User("alice"))
	by := func(tokens ...string) (protocols []string) {
		for _, token := range tokens {
			protocols = append(protocols, "access_token."+token)
		}
		return protocols
	}
	origin := func(o string) http.Header { return http.Header{"Origin": {o}} }
	for _, row := range []struct {
		name      string
		query     string
		headers   http.Header
		protocols []string
		status    int
		// code is why it is refused; only, the one path of which this is true.
		code, only string
	}{
		{name: "an access token", protocols: by(token), status: 101},
		{name: "an API key", protocols: by(key), status: 101},
		{name: "the token in the query", query: "?token=" + token, status: 101},
		{name: "the key in the query", query: "?token=" + key, status: 101},
		{name: "the server's own origin", headers: origin("http://" + w.Address()), protocols: by(token), status: 101},
		{name: "a listed origin", headers: origin(consoleOrigin), protocols: by(token), status: 101},
		{name: "no token", status: 403, code: "socket_token_missing"},
		{name: "a bad token", protocols: by("nonsense"), status: 403, code: "token_invalid"},
		{name: "a bad token in the query", query: "?token=nonsense", status: 403, code: "token_invalid"},
		{name: "another origin", headers: origin("https://evil.example"), protocols: by(token), status: 403, code: "origin_not_allowed"},
		{name: "another port", headers: origin("http://127.0.0.1:1"), protocols: by(token), status: 403, code: "origin_not_allowed"},
		{name: "somebody else's operation", protocols: by(ofAlice), status: 403, code: "operation_not_found", only: paths[1]},
	} {
		for _, path := range paths {
			if row.only != "" && row.only != path {
				continue
			}
			t.Run(row.name+path, func(t *testing.T) {
				conn, a := w.In(t).Handshake(path+row.query, row.headers, row.protocols...)
				require.Equal(t, row.status, a.Status)
				if row.status != http.StatusSwitchingProtocols {
					require.Contains(t, a.Body, `"code":"`+row.code+`"`)
					return
				}
				require.Equal(t, strings.Join(row.protocols, ""), conn.Subprotocol(), "the whole of it is echoed")
				_ = conn.CloseNow()
				w.Await("the socket is gone", func() bool { return w.Sockets.Count() == 0 })
			})
		}
	}
	require.NotContains(t, w.Log(), token)
}

func TestContract_Section81_TenSocketsAUserAndSoManyAnInstance(t *testing.T) {
	t.Parallel()
	w, paths := socketsWorld(t, testworld.Setting("WEBSOCKET_MAX_TOTAL=12"))
	open := func(token string, n int) {
		for i := range n {
			w.Watch(paths[0], token)
			require.LessOrEqual(t, i+1, w.Sockets.Count())
		}
	}
	refused := func(token, code string) {
		conn, a := w.Handshake(paths[0], nil, "access_token."+token)
		require.Nil(t, conn)
		require.Equal(t, http.StatusForbidden, a.Status)
		require.Contains(t, a.Body, code)
	}
	ofRoot, ofAlice := w.Token(w.Root), w.Token(w.User("alice"))
	open(ofRoot, 10)
	refused(ofRoot, "too_many_sockets")
	open(ofAlice, 2)
	refused(ofAlice, "sockets_exhausted")
}

func TestContract_Section81_Keepalive(t *testing.T) {
	t.Parallel()
	w, paths := socketsWorld(t)
	for _, path := range paths {
		s := w.Watch(path, w.Token(w.Root))
		if path == paths[1] {
			require.Equal(t, "current_state", s.Next().Type)
		}
		for _, ignored := range []string{"hello", "{", `{"type":"subscribe"}`, `["ping"]`, "null", "pong", `{"type":"pong"}`} {
			s.Say(ignored)
		}
		for _, ping := range []string{`{"type":"ping"}`, "ping"} {
			s.Say(ping)
			require.JSONEq(t, `{"type":"pong"}`, s.Next().Text)
		}
	}
	quick := testworld.New(t, testworld.On(w), testworld.NoWorker(), testworld.Setting("WEBSOCKET_PING_SECONDS=0.05"))
	conn, _ := quick.Handshake(paths[0], nil, "access_token."+w.Key(w.Root, nil, auth.ScopeRead))
	for range 2 {
		_, text, err := conn.Read(t.Context())
		require.NoError(t, err)
		require.JSONEq(t, `{"type":"ping"}`, string(text))
	}
}

// A client that is told goodbye does not come back; one that is dropped does.
func TestContract_Section16_OnShutdownASocketIsDroppedWithoutACloseFrame(t *testing.T) {
	t.Parallel()
	w, paths := socketsWorld(t)
	s := w.Watch(paths[0], w.Token(w.Root))
	s.Nothing()
	w.StopServing()
	_, err := s.Ended()
	require.Equal(t, websocket.StatusCode(-1), websocket.CloseStatus(err), err)
}

// dataOf is what the data of each type of event has, besides operation_id and
// collection_id. Of processing_embeddings there is none: no embeddings are made.
var dataOf = map[string]string{
	"operation_started":       "status type",
	"scanning_documents":      "status source",
	"document_extracted":      "uri chunks_created",
	"document_failed":         "uri error",
	"scanning_completed":      "status total_files_found new_documents_registered documents_updated unchanged_documents_skipped errors_count",
	"collection_stats":        "stats",
	"document_processed":      "processed failed total current_document stats",
	"processing_progress":     "processed failed total message",
	"removing_documents":      "removed total progress_percent",
	"index_completed":         "qdrant_collection vector_dim",
	"append_completed":        "source source_type documents_added documents_updated total_files_scanned unchanged_skipped",
	"reindex_completed":       "processed",
	"remove_source_completed": "source_path documents_removed vectors_removed",
	"operation_completed":     "status result",
	"operation_failed":        "status error_message",
	"operation_cancelled":     "status",
}

// statusOf is what the status is, in the events that have one.
var statusOf = map[string]string{
	"operation_started": "processing", "scanning_documents": "scanning", "scanning_completed": "scanning_completed",
	"operation_completed": "completed", "operation_failed": "failed", "operation_cancelled": "cancelled",
}

func TestContract_Section81_Events(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "a.txt"), []byte("A walrus."), 0o600))
	w := testworld.New(t, testworld.Setting("DOCUMENT_ROOTS="+root))
	w.StartListening()
	own := w.Watch("/ws/operations", w.Token(w.Root))
	own.Nothing()
	seen := map[string][]testworld.Frame{}
	hear := func(end string) {
		for _, f := range own.Until(end) {
			seen[f.Type] = append(seen[f.Type], f)
		}
	}
	created := w.NewCollection(w.Root, testworld.ChunkSize(100))
	hear("operation_completed") // index
	c := w.Read(created.ID)
	base := "/api/v2/collections/" + c.ID.String()
	do := func(method, path string, body any, status int) {
		w.Request(testworld.Scenario{As: &w.Root, Method: method, URL: path, Body: body, Status: status})
	}
	do(http.MethodPost, base+"/sources", map[string]any{"source_path": root}, http.StatusAccepted)
	hear("operation_completed") // append, of a folder
	w.Upload(w.Root, c, testworld.File{Path: "long.txt", Content: longText(chunks.SearchSlice + 100)})
	hear("operation_completed") // append, of an upload
	do(http.MethodPost, base+"/reindex", map[string]any{}, http.StatusAccepted)
	hear("operation_completed")
	do(http.MethodDelete, base+"/sources?source_path="+root, nil, http.StatusAccepted)
	hear("operation_completed")
	other := w.Collection(w.Root)
	hear("operation_completed")
	_, failing := w.Upload(w.Root, other, testworld.File{Path: "empty.txt"})
	hear("operation_failed")
	do(http.MethodDelete, "/api/v2/collections/"+other.ID.String(), nil, http.StatusNoContent)
	hear("operation_completed")
	require.NoError(t, w.Worker.Stop(t.Context()))
	_, waiting := w.Upload(w.Root, c, testworld.File{Path: "b.txt", Content: "b"})
	do(http.MethodDelete, "/api/v2/operations/"+waiting.String(), nil, http.StatusOK)
	hear("operation_cancelled")

	for kind, keys := range dataOf {
		require.NotEmpty(t, seen[kind], kind)
		for _, f := range seen[kind] {
			for _, key := range keysOf(keys, "operation_id collection_id") {
				require.Contains(t, f.Data, key, f.Text)
			}
			if status := statusOf[kind]; status != "" {
				require.Equal(t, status, f.Data["status"], f.Text)
			}
			if stats, ok := f.Data["stats"].(map[string]any); ok {
				require.ElementsMatch(t, keysOf("document_count vector_count total_size_bytes"), slices.Collect(maps.Keys(stats)), f.Text)
			}
			require.ElementsMatch(t, keysOf("timestamp type data"), members(t, f.Text))
			require.Regexp(t, `"timestamp":"[0-9-]+T[0-9:.]+Z"`, f.Text)
		}
	}
	require.GreaterOrEqual(t, len(seen["removing_documents"]), 2, "of the source, and of the collection")
	require.Equal(t, failing.String(), seen["operation_failed"][0].Data["operation_id"])
	for kind := range seen {
		require.Contains(t, dataOf, kind, "it stands in the table")
	}
}

// The first frame is the state of the operation, without its id.
func TestContract_Section81_TheFirstFrame(t *testing.T) {
	t.Parallel()
	w, paths := socketsWorld(t)
	token := w.Token(w.Root)
	first := w.Watch(paths[1], token).Next()
	require.Equal(t, "current_state", first.Type)
	require.ElementsMatch(t, keysOf("timestamp type data"), members(t, first.Text))
	require.ElementsMatch(t, keysOf("status operation_type created_at started_at completed_at error_message"), slices.Collect(maps.Keys(first.Data)))
	require.Subset(t, first.Data, map[string]any{"status": "pending", "operation_type": "index"})
	w.Watch(paths[0], token).Nothing()
	w.Watch(paths[2], token).Nothing()
}

func TestContract_Section81_ADirectoryScan(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	w, paths := socketsWorld(t, testworld.Setting("DOCUMENT_ROOTS="+root))
	id := strings.TrimPrefix(paths[2], "/ws/directory-scan/")
	s := w.Watch(paths[2], w.Token(w.Root))
	w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: "/api/v2/directory-scan/preview", Body: map[string]any{"path": root, "scan_id": id}, Status: http.StatusOK})
	for _, f := range s.Until("scan_completed") {
		require.ElementsMatch(t, keysOf("type scan_id data"), members(t, f.Text))
		require.Equal(t, id, f.ScanID)
	}
}

// members are those of a JSON object.
func members(t *testing.T, text string) []string {
	t.Helper()
	var object map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &object), text)
	return slices.Collect(maps.Keys(object))
}

// longText has so many chunks of a hundred characters, at the least.
func longText(chunks int) string {
	var text strings.Builder
	for i := range chunks {
		fmt.Fprintf(&text, "%098d\n\n", i)
	}
	return text.String()
}
