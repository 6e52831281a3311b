package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/app/ingest"
	"semantik/platform/pgtest"
	"semantik/testworld/victim"
)

// signedIn is the environment of somebody who uses the server.
func signedIn(t *testing.T, v *victim.Program) []string {
	t.Helper()
	c := &client{t: t, url: v.URL()}
	c.token, _ = c.json(http.MethodPost, "/api/auth/login", map[string]string{"username": "admin", "password": "correct horse"}, 200)["access_token"].(string)
	key, _ := c.json(http.MethodPost, "/api/v2/api-keys", map[string]string{"name": "loader"}, 201)["api_key"].(string)
	return home(t, "SEMANTIK_SERVER="+c.url, "SEMANTIK_API_KEY="+key)
}

// begun runs a command beside the test.
func begun(t *testing.T, environ []string, args ...string) <-chan ran {
	t.Helper()
	ended := make(chan ran, 1)
	go func() { ended <- command(t, environ, "", args...) }()
	return ended
}

// counted asks a database for a number.
func counted(t *testing.T, conn *pgx.Conn, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func connected(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Somebody loads a folder and somebody else watches, while the server is killed with
// kill -9 in the middle of the uploads and in the middle of the indexing. Nobody does
// anything but start it again: both end by themselves, and with the totals of a load
// during which nothing has happened.
func TestKill_AnIngestAndAWatchEndByThemselvesWithTheSameTotals(t *testing.T) {
	t.Parallel()
	const files = 400
	folder := filepath.Join(t.TempDir(), "large")
	contents := map[string]string{}
	for i := range files {
		contents[fmt.Sprintf("%02d/%d.txt", i%10, i)] = strings.Repeat(fmt.Sprintf("Paragraph of the walrus number %d.\n\n", i), 60)
	}
	writeFiles(t, folder, contents)
	url := pgtest.Partitioned(t, partitions)
	v := newVictim(t, url, "OPERATION_LEASE_SECONDS=3")
	environ := signedIn(t, v)
	conn := connected(t, url)
	reached := func(query string, n int) {
		await(t, func() bool { return counted(t, conn, query) >= n })
	}

	loading := begun(t, environ, "ingest", folder, "-c", "killed", "--json")
	reached(`select count(*) from documents`, files/4)
	v.Kill()
	require.Less(t, counted(t, conn, `select count(*) from documents`), files, "it was in the middle of the uploads")
	time.Sleep(1500 * time.Millisecond) // long enough to be told
	v.Start()
	reached(`select count(*) from documents`, files)
	watching := begun(t, environ, "operations", "watch", "-c", "killed", "--json")
	reached(`select count(*) from documents where status = 'completed'`, counted(t, conn, `select count(*) from documents where status = 'completed'`)+20)
	v.Kill()
	require.Less(t, counted(t, conn, `select count(*) from documents where status = 'completed'`), files, "it was in the middle of the indexing")
	time.Sleep(1500 * time.Millisecond)
	v.Start()

	r := <-loading
	require.Equal(t, 0, r.code, r.stderr)
	require.Contains(t, r.stderr, "Waiting for the server")
	require.Contains(t, r.stderr, "answers again")
	killed := decode[ingest.Report](t, r)
	w := <-watching
	require.Equal(t, 0, w.code, w.stderr)
	lines := strings.Split(strings.TrimSpace(w.stdout), "\n")
	var last map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	require.Equal(t, "completed", last["status"])
	t.Logf("%d lines of the watch, %.1f s", len(lines), killed.Seconds)

	r = command(t, environ, "", "ingest", folder, "-c", "undisturbed", "--json")
	require.Equal(t, 0, r.code, r.stderr)
	calm := decode[ingest.Report](t, r)
	require.Equal(t, []int{files, files, 0, 0}, []int{calm.Files, calm.Uploaded, calm.Present, calm.Replaced})
	require.Equal(t, calm.Bytes, killed.Bytes)
	require.Equal(t, calm.Chunks, killed.Chunks)
	require.Equal(t, []int{files, files, 0, 0}, []int{killed.Files, killed.Uploaded, killed.Present, killed.Replaced}, "what was sent again counts once")
	require.Empty(t, killed.Unfinished)
}
