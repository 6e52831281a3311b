package web_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

func TestStartup_SaysWhatIsWaitedForAndHandsTheListenerOver(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tcp, ok := listener.(*net.TCPListener)
	require.True(t, ok)
	s := web.BeginStartup(tcp, slog.New(slog.DiscardHandler))
	s.WaitFor("its database")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, http.Header, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+path, nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, response.Header, string(body)
	}
	for path, want := range map[string]struct {
		status   int
		fragment string
	}{
		"/api/health/healthz":     {200, `"check":"liveness"`},
		"/api/health/startupz":    {503, `"waits_for":"its database"`},
		"/api/health/readyz/":     {503, `"problems":["The server is starting and waits for its database."]`},
		"/health":                 {503, `"code":"server_starting"`},
		"/api/v2/collections?x=y": {503, `waits for its database. Try again in a moment.`},
	} {
		status, header, body := get(path)
		require.Equal(t, want.status, status, path)
		require.Contains(t, body, want.fragment, path)
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.NotEmpty(t, header.Get("X-Correlation-ID"))
		if status == http.StatusServiceUnavailable {
			require.NotEmpty(t, header.Get("Retry-After"))
		}
	}
	require.NoError(t, s.End(t.Context()))

	// Whoever connects between the two is answered by the one that comes.
	early, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = early.Close() }()
	server := web.New(web.Config{}, web.Deps{Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.ServeProbes(ctx, listener) }()
	require.NoError(t, early.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(early, "GET /api/health/startupz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(early)
	require.NoError(t, err)
	require.Contains(t, string(answer), "200 OK")
	status, _, _ := get("/openapi.json")
	require.Equal(t, http.StatusNotFound, status, "probes are all that there is")
	status, _, _ = get("/metricsandmore")
	require.Equal(t, http.StatusNotFound, status)
	cancel()
	require.NoError(t, <-served)
}
