package app_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/app"
	"semantik/platform/pgtest"
)

func TestHealth_IsGoodOfAServerThatServes(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, 4), "CHUNK_PARTITION_COUNT=4")
	u := up(t, environ, t.TempDir())
	defer u.stop(t)
	// The address of HTTP_ADDR is asked without a word.
	r := command(t, append(environ, "HTTP_ADDR="+strings.TrimPrefix(u.result.URL, "http://")), "", "health", "--json")
	require.Equal(t, 0, r.code, r.stderr)
	require.Equal(t, true, decode[map[string]any](t, r)["ready"])
	r = command(t, environ, "", "health", "--url", u.result.URL)
	require.Equal(t, 0, r.code, r.stderr)
	// What is degraded, such as a disk that is nearly full, keeps it from nothing.
	require.True(t, strings.HasPrefix(r.stdout, u.result.URL+" can serve.\n"), r.stdout)
}

func TestHealth_IsBadOfAServerThatCannotServe(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status     int
		body, says string
	}{
		"that says what is wrong":      {503, `{"ready":false,"problems":["The database does not answer."]}`, "cannot serve: The database does not answer."},
		"that says ready with a 503":   {503, `{"ready":true}`, "cannot serve"},
		"that is another program":      {200, `<html>`, "is no Semantik"},
		"that is a page for not found": {404, `{"ready":true}`, "is no Semantik"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(answer.status)
				_, _ = io.WriteString(w, answer.body)
			}))
			defer server.Close()
			r := command(t, home(t), "", "health", "--url", server.URL)
			require.Equal(t, 1, r.code)
			require.Contains(t, r.stderr, answer.says)
			require.Empty(t, r.stdout)
		})
	}
}

func TestHealth_IsBadOfNobody(t *testing.T) {
	t.Parallel()
	r := command(t, home(t), "", "health", "--url", "http://127.0.0.1:1")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "http://127.0.0.1:1 does not answer")
	for _, args := range [][]string{
		{"health"}, {"health", "--worker"}, {"health", "--wait", "-1s"}, {"health", "--url", "nonsense"}, {"health", "--url", "http://127.0.0.1:1", "--worker"},
		{"health", "--url", "http://127.0.0.1:1", "--pid", "1"},
	} {
		r := command(t, home(t), "", args...) // whose HTTP_ADDR has no port
		require.Equal(t, 2, r.code, "%v: %s", args, r.stderr)
	}
}

func TestHealth_WaitsUntilTheAnswerIsGood(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		if len(asked) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"ready":false,"problems":["The server is starting and waits for its database."]}`)
			return
		}
		_, _ = io.WriteString(w, `{"ready":true,"problems":["The disk is nearly full."]}`)
	}))
	defer server.Close()
	r := command(t, home(t), "", "health", "--url", server.URL, "--wait", "1m")
	require.Equal(t, 0, r.code, r.stderr)
	require.Equal(t, server.URL+" can serve.\ndegraded: The disk is nearly full.\n", r.stdout)
	require.Len(t, asked, 3)
}

func TestHealth_StopsWaitingForAProcessThatHasEnded(t *testing.T) {
	t.Parallel()
	ended := exec.CommandContext(t.Context(), "true")
	require.NoError(t, ended.Run())
	r := command(t, home(t), "", "health", "--url", "http://127.0.0.1:1", "--wait", "1h", "--pid", strconv.Itoa(ended.Process.Pid))
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "does not answer")
}

func TestHealth_StopsWaitingWhenToldTo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"ready":false}`)
		cancel()
	}))
	defer server.Close()
	code := app.Shell{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Environ: home(t)}.Run(ctx, "health", "--url", server.URL, "--wait", "1h")
	require.Equal(t, 130, code)
}
