package profiling_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/profiling"
)

func TestServe_ProfilesForThisMachine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	listener, err := profiling.Listen(ctx, "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- profiling.Serve(ctx, listener, slog.New(slog.DiscardHandler)) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path, host string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+path, nil)
		require.NoError(t, err)
		if host != "" {
			request.Host = host
		}
		response, err := client.Do(request)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	status, body := get("/debug/pprof/goroutine?debug=1", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "goroutine profile")
	status, body = get("/debug/pprof/", "localhost:6060")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "heap")
	status, _ = get("/", "")
	require.Equal(t, http.StatusNotFound, status)
	for _, host := range []string{"rebound.example.com", "10.0.0.1:6060", "127.0.0.1.example.com"} {
		status, body = get("/debug/pprof/heap", host)
		require.Equal(t, http.StatusForbidden, status, host)
		require.NotContains(t, body, "heap")
	}
	cancel()
	require.NoError(t, <-served)
	_, err = profiling.Listen(t.Context(), listener.Addr().String())
	require.NoError(t, err, "the port is free again")
}

func TestListen_APortThatIsTaken(t *testing.T) {
	t.Parallel()
	listener, err := profiling.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, err = profiling.Listen(t.Context(), listener.Addr().String())
	require.ErrorContains(t, err, "PPROF_ADDR")
}
