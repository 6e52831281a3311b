package app_test

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/testworld/victim"
)

// startWorker starts a process of "semantik worker" beside a server.
func startWorker(t *testing.T, environ []string) (*exec.Cmd, *buffer) {
	t.Helper()
	log := &buffer{}
	worker := exec.Command(os.Args[0], "worker", "--json")
	worker.Env = slices.Concat(environ, []string{victim.AsProgram + "=1"})
	worker.Stdout, worker.Stderr = log, log
	require.NoError(t, worker.Start())
	t.Cleanup(func() {
		_ = worker.Process.Kill()
		_ = worker.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	require.Eventually(t, func() bool { return strings.Contains(log.String(), `"concurrency":`) }, 30*time.Second, 10*time.Millisecond, "%s", log.String())
	return worker, log
}

// A server that works on nothing, and two workers: each does a part of what it starts.
func TestWorker_ManyInProcessesOfTheirOwnShareTheWork(t *testing.T) {
	t.Parallel()
	url := pgtest.Partitioned(t, partitions)
	v := newVictim(t, url, "WORKER_CONCURRENCY=0")
	c := &client{t: t, url: v.URL()}
	c.token, _ = c.json(http.MethodPost, "/api/auth/login", map[string]string{"username": "admin", "password": "correct horse"}, 200)["access_token"].(string)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var operations []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		made := c.json(http.MethodPost, "/api/v2/collections", map[string]any{"name": name}, http.StatusCreated)
		id, _ := made["id"].(string)
		uploaded := c.upload(id, name+".txt", "The walrus "+name+" sleeps.", http.StatusAccepted)
		operation, _ := uploaded["operation_id"].(string)
		operations = append(operations, operation)
	}
	var begun int
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from operations where status <> 'pending'`).Scan(&begun))
	require.Zero(t, begun, "the server leaves it to others")

	// What a worker is at when a statement takes long, is held by a lock of the test's.
	hold, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = hold.Exec(t.Context(), `lock table chunk_search in share mode`)
	require.NoError(t, err)
	environ := home(t, "DATABASE_URL="+url, "WORKER_CONCURRENCY=2", "SHUTDOWN_TIMEOUT=1")
	first, firstLog := startWorker(t, environ)
	second, _ := startWorker(t, environ)
	require.Eventually(t, func() bool {
		var workers int
		require.NoError(t, hold.QueryRow(t.Context(), `select count(distinct worker) from operations where status = 'processing'`).Scan(&workers))
		return workers == 2
	}, 30*time.Second, 20*time.Millisecond, "both are at work")

	// The first one is told to stop in the middle of a step that does not end.
	asked := time.Now()
	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	require.NoError(t, first.Wait(), "%s", firstLog.String())
	require.Less(t, time.Since(asked), 5*time.Second)
	var left, back int
	require.NoError(t, hold.QueryRow(t.Context(), `
select count(distinct worker), count(*) filter (where status = 'pending' and attempt = 1) from operations where status in ('pending', 'processing')`).Scan(&left, &back))
	require.Equal(t, 1, left, "it holds nothing any more")
	require.Equal(t, 2, back, "it has handed back what it was at")

	require.NoError(t, hold.Rollback(t.Context()))
	for _, operation := range operations {
		require.Equal(t, "completed", c.await(operation)["status"])
	}
	require.NoError(t, second.Process.Signal(syscall.SIGTERM))
	require.NoError(t, second.Wait())
}

func TestWorker_NeedsADatabaseThatOthersReach(t *testing.T) {
	t.Parallel()
	r := command(t, home(t), "", "worker")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "set DATABASE_URL or the POSTGRES_ variables")
	r = command(t, home(t, "DATABASE_URL=postgres://127.0.0.1:1/x"), "", "worker", "--worker-concurrency", "0")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "WORKER_CONCURRENCY")
}
