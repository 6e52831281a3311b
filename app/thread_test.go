package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/app"
	"semantik/platform/config"
	"semantik/platform/pgtest"
	"semantik/testworld/victim"
)

func TestMain(m *testing.M) {
	if os.Getenv(victim.AsProgram) != "" {
		os.Exit(app.Main(os.Args[1:]))
	}
	pgtest.Main(m)
}

// client talks to the program over HTTP.
type client struct {
	t     *testing.T
	url   string
	token string
}

func (c *client) do(method, path, contentType string, body io.Reader, want int) map[string]any {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, body)
	require.NoError(c.t, err)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	require.Equal(c.t, want, response.StatusCode, string(content))
	var answer map[string]any
	require.NoError(c.t, json.Unmarshal(content, &answer), string(content))
	return answer
}

func (c *client) json(method, path string, body any, want int) map[string]any {
	c.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(c.t, err)
	return c.do(method, path, "application/json", bytes.NewReader(encoded), want)
}

func (c *client) upload(collection, name, content string, want int) map[string]any {
	c.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	require.NoError(c.t, err)
	_, err = io.WriteString(part, content)
	require.NoError(c.t, err)
	require.NoError(c.t, w.Close())
	return c.do(http.MethodPost, "/api/v2/collections/"+collection+"/documents", w.FormDataContentType(), &form, want)
}

// await reads an operation until it has ended.
func (c *client) await(operation string) map[string]any {
	c.t.Helper()
	var o map[string]any
	require.Eventually(c.t, func() bool {
		o = c.do(http.MethodGet, "/api/v2/operations/"+operation, "", nil, http.StatusOK)
		return o["status"] != "pending" && o["status"] != "processing"
	}, 30*time.Second, 20*time.Millisecond)
	return o
}

func start(t *testing.T) *client {
	t.Helper()
	c, err := config.Load(config.Options{NoEnvFile: true, Environ: []string{
		"DATABASE_URL=" + pgtest.Partitioned(t, partitions), "BCRYPT_COST=4", "SEMANTIK_DATA=" + t.TempDir(), "DB_POOL_SIZE=4", "DB_MAX_OVERFLOW=4",
		fmt.Sprintf("CHUNK_PARTITION_COUNT=%d", partitions),
	}})
	require.NoError(t, err)
	a, err := app.Build(t.Context(), c, app.Options{Version: "test", Quick: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(a.Close)
	require.NoError(t, a.Worker.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, a.Worker.Stop(context.Background())) })
	server := httptest.NewServer(a.Server)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	t.Cleanup(server.Close)
	return &client{t: t, url: server.URL}
}

// A person signs up, makes a collection, uploads documents and finds them again.
func TestThread_ADocumentBecomesSearchable(t *testing.T) {
	t.Parallel()
	c := start(t)
	user := c.json(http.MethodPost, "/api/auth/register", map[string]any{"username": "alice", "email": "alice@example.com", "password": "correct horse"}, http.StatusCreated)
	require.Equal(t, true, user["is_superuser"])
	c.token, _ = c.json(http.MethodPost, "/api/auth/login", map[string]any{"username": "Alice", "password": "correct horse"}, http.StatusOK)["access_token"].(string)

	collection := c.json(http.MethodPost, "/api/v2/collections", map[string]any{"name": "Notes"}, http.StatusCreated)
	id, _ := collection["id"].(string)
	initial, _ := collection["initial_operation_id"].(string)
	require.Equal(t, "completed", c.await(initial)["status"])

	text := "# Häuser\n\nDas alte Haus steht am Fluss.\n\n# Running\n\nShe runs along the river.\n"
	uploaded := c.upload(id, "notes/river.md", text, http.StatusAccepted)
	operation, _ := uploaded["operation_id"].(string)
	require.Equal(t, "completed", c.await(operation)["status"])
	again := c.upload(id, "other/name.md", text, http.StatusAccepted)
	require.Nil(t, again["operation_id"])
	require.Contains(t, mustJSON(t, again), `"outcome":"duplicate"`)

	ready := c.do(http.MethodGet, "/api/v2/collections/"+id, "", nil, http.StatusOK)
	require.Equal(t, "ready", ready["status"])
	require.EqualValues(t, 1, ready["document_count"])
	require.Positive(t, ready["vector_count"])
	for _, query := range []string{"Haus", "run"} {
		found := c.json(http.MethodPost, "/api/v2/search", map[string]any{"collection_uuids": []string{id}, "query": query, "search_mode": "sparse"}, http.StatusOK)
		require.EqualValues(t, 1, found["total_results"], query)
		require.Contains(t, mustJSON(t, found), "notes/river.md")
	}
	chunks := c.do(http.MethodGet, "/api/v2/chunking/collections/"+id+"/chunks", "", nil, http.StatusOK)
	require.Equal(t, ready["vector_count"], chunks["total"])
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	encoded, err := json.Marshal(v)
	require.NoError(t, err)
	return string(encoded)
}
