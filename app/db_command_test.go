package app_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"semantik/app"
	"semantik/platform/database"
	"semantik/platform/pgtest"
)

type sessionList struct {
	Sessions []struct {
		PID         int
		Application string
		Query       string
		Ended       *bool
	}
	Ended int
}

func TestDB_KillAsksBeforeItEndsAndLeavesBackupsAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	environ := home(t, "DATABASE_URL="+url)
	ended := make(chan error, 2)
	for _, name := range []string{"report", "pg_dump"} {
		config, err := pgx.ParseConfig(url)
		require.NoError(t, err)
		config.RuntimeParams["application_name"] = name
		conn, err := pgx.ConnectConfig(t.Context(), config)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		t.Cleanup(func() { cancel(); <-done; _ = conn.Close(context.Background()) })
		go func() {
			defer close(done)
			_, err := conn.Exec(ctx, `select pg_sleep(60), 'hunter2'`)
			ended <- err
		}()
	}
	var listed sessionList
	require.Eventually(t, func() bool {
		listed = decode[sessionList](t, command(t, environ, "", "db", "kill", "--older-than", "0s", "--json"))
		return len(listed.Sessions) == 1
	}, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, "report", listed.Sessions[0].Application)
	require.Equal(t, "select pg_sleep(?), ?", listed.Sessions[0].Query)
	require.Nil(t, listed.Sessions[0].Ended, "nobody was asked, and nothing was ended")
	r := command(t, environ, "", "db", "kill")
	require.Equal(t, 0, r.code)
	require.Contains(t, r.stdout, "No statement has run for so long that can be ended.", "an hour is the least by itself")
	require.Contains(t, command(t, environ, "", "db", "slow", "--slow-query-ms", "1").stdout, "report")
	require.Contains(t, command(t, environ, "", "db", "kill", "--older-than", "0s").stdout, "Nothing was ended.")
	r = command(t, environ, "", "db", "kill", "--older-than", "0s", "--yes")
	require.Contains(t, r.stdout, "Ended: 1.", r.stderr)
	require.ErrorContains(t, <-ended, "57014")
}

func TestDB_EachCommandTellsOfADatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.Partitioned(t, 10)
	environ := home(t, "DATABASE_URL="+url)
	for args, fragment := range map[string]string{
		"slow": "", "connections": "connections are in use", "locks": "Nobody waits for a lock.", "sizes": "chunk_search", "vacuum": "",
		"operations": "No operation is active.", "vacuum users": "Vacuumed: 1 of 1 table.", "vacuum chunks": "Vacuumed: 10 of 10 tables.",
	} {
		r := command(t, environ, "", append([]string{"db"}, strings.Fields(args)...)...)
		require.Equal(t, 0, r.code, "%s: %s", args, r.stderr)
		require.Contains(t, r.stdout, fragment, args)
		asJSON := command(t, environ, "", append(append([]string{"db"}, strings.Fields(args)...), "--json")...)
		require.Equal(t, 0, asJSON.code, "%s: %s", args, asJSON.stderr)
		require.NotEmpty(t, decode[map[string]any](t, asJSON), args)
	}
	require.Contains(t, command(t, environ, "", "db", "vacuum", "nothing").stderr, `there is no table "nothing"`)
	for _, args := range [][]string{
		{"db", "kill", "--older-than", "-1s"}, {"db", "kill", "--idle"}, {"db", "slow", "--limit", "0"}, {"db", "sizes", "--limit", "1001"},
		{"db", "vacuum", "--all", "chunks"}, {"db", "vacuum", "a", "b"}, {"db", "slow", "--slow-query-ms", "0"},
	} {
		r := command(t, environ, "", args...)
		require.Equal(t, 2, r.code, "%v: %s", args, r.stderr)
	}
	r := command(t, home(t, "DATABASE_URL=postgres://semantik:hunter2@127.0.0.1:1/semantik"), "", "db", "locks")
	require.Equal(t, 1, r.code)
	require.NotContains(t, r.stderr, "hunter2")
	r = command(t, home(t, "DATABASE_URL="+pgtest.Empty(t)), "", "db", "operations")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "has not the schema of this program")
	require.NotContains(t, r.stderr, "SQLSTATE")
}

// What looks makes no database, and says which it has looked for.
func TestDB_AndWhatElseLooksAtOneMakesNone(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	environ := home(t, "DATABASE_URL=", "SEMANTIK_DATA="+data)
	for _, args := range [][]string{{"db", "locks"}, {"db", "kill"}, {"doctor"}, {"schema", "status"}, {"schema", "plan"}, {"schema", "check"}, {"schema", "history"}, {"schema", "rollback"}, {"backup", "create"}} {
		r := command(t, environ, "", args...)
		require.Equal(t, 1, r.code, args)
		require.Contains(t, r.stderr, "no DATABASE_URL is set, and "+data, args)
	}
	require.NoDirExists(t, filepath.Join(data, "postgres"))
}

// One that takes connections and answers none, as a server does that is frozen.
func TestDB_AServerThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	environ := home(t, "DATABASE_URL=postgres://semantik@"+listener.Addr().String()+"/semantik?sslmode=disable&connect_timeout=1")
	for _, args := range [][]string{{"db", "locks"}, {"schema", "status"}} {
		r := command(t, environ, "", args...)
		require.Equal(t, 1, r.code, args)
		require.Contains(t, r.stderr, "PostgreSQL does not answer", args)
	}
	db, err := database.Open(t.Context(), database.Config{URL: pgtest.Empty(t)})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	require.Equal(t, database.DefaultConnectTimeout, db.Pool().Config().ConnConfig.ConnectTimeout)
}

func TestDB_NoConnectionLeftSaysWhatToDo(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, database.Refusal(fmt.Errorf("failed to connect: %w", &pgconn.PgError{Code: "53300"})), database.ErrUsedUp)
	require.Contains(t, app.Explain(&pgconn.PgError{Code: "53300"}), "raise max_connections")
}

func TestWorker_AnswersMetricsAndProbesAtAnAddressOfItsOwnAndNothingElse(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	const token = "a-token-for-metrics-of-forty-characters-"
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	var stderr buffer
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "WORKER_ADDR="+addr, "METRICS_TOKEN="+token)
	go func() {
		ended <- app.Shell{Stdin: strings.NewReader(""), Stdout: &buffer{}, Stderr: &stderr, Environ: environ}.Run(ctx, "worker")
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		if err != nil {
			return 0 // it does not listen yet
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	require.Eventually(t, func() bool { return get("/api/health/readyz") == http.StatusOK }, 20*time.Second, 10*time.Millisecond, "%s", &stderr)
	for path, status := range map[string]int{
		"/metrics": 200, "/health": 200, "/api/health/healthz": 200, "/api/metrics": 404, "/api/v2/collections": 404, "/openapi.json": 404, "/": 404,
	} {
		require.Equal(t, status, get(path), path)
	}
	cancel()
	require.Equal(t, 0, <-ended, stderr.String())
}
