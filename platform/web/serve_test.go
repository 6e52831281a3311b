package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

// waiting is a route that says when it is entered and waits to be let go.
type waiting struct {
	entered chan struct{}
	release chan struct{}
	ended   chan error
}

func newWaiting() *waiting {
	return &waiting{make(chan struct{}), make(chan struct{}), make(chan error, 1)}
}

func (b *waiting) routes(api huma.API) {
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/wait"},
		func(ctx context.Context, _ *struct{}) (*textOutput, error) {
			b.entered <- struct{}{}
			select {
			case <-b.release:
				b.ended <- nil
				return said("finished"), nil
			case <-ctx.Done():
				b.ended <- ctx.Err()
				return nil, ctx.Err()
			}
		})
}

func (w *world) begin(t *testing.T, path string) <-chan string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
	require.NoError(t, err)
	answered := make(chan string, 1)
	go func() {
		res, err := w.client.Do(r)
		if err != nil {
			answered <- "error: " + err.Error()
			return
		}
		data, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		answered <- string(data)
	}()
	return answered
}

func TestServe_finishesWhatItBegan(t *testing.T) {
	t.Parallel()
	b := newWaiting()
	w := newWorld(t, web.Config{ShutdownTimeout: 20 * time.Second}, nil, b.routes)
	answered := w.begin(t, "/wait")
	<-b.entered
	w.stop()
	<-w.server.Stopping()
	require.Eventually(t, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 5*time.Second, time.Millisecond, "nothing new is taken")

	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/health/readyz", nil))
	require.Equal(t, http.StatusServiceUnavailable, recorder.Code, "a server that stops is not ready")

	close(b.release)
	require.Contains(t, <-answered, "finished")
	require.NoError(t, <-w.stopped)
}

func TestServe_cutsOffWhatDoesNotFinish(t *testing.T) {
	t.Parallel()
	b := newWaiting()
	w := newWorld(t, web.Config{ShutdownTimeout: 50 * time.Millisecond}, nil, b.routes)
	answered := w.begin(t, "/wait")
	<-b.entered
	w.stop()
	require.NoError(t, <-w.stopped)
	require.ErrorIs(t, <-b.ended, context.Canceled, "its context is cancelled, and Serve waits for it to return")
	require.Contains(t, <-answered, "error")
	require.Len(t, w.logs.lines(t, "requests did not finish in time and are cut off"), 1)
}

func TestServe_saysSoWhenAHandlerDoesNotReturn(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	w := newWorld(t, web.Config{ShutdownTimeout: -1}, nil, func(api huma.API) {
		web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/deaf"},
			func(context.Context, *struct{}) (*textOutput, error) {
				entered <- struct{}{}
				<-release
				return said(""), nil
			})
	})
	answered := w.begin(t, "/deaf")
	<-entered
	w.stop()
	require.ErrorContains(t, <-w.stopped, "goes on although it was cancelled")
	close(release)
	<-answered
}

func TestServe_aListenerThatFails(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, web.New(web.Config{}, web.Deps{}).Serve(t.Context(), listener), net.ErrClosed)
}

func TestServer_correlationID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	for given, kept := range map[string]string{
		someUUID:                  someUUID,
		strings.ToUpper(someUUID): someUUID,
		"":                        "",
		"my-request":              "",
		"{" + someUUID + "}":      "",
		someUUID + "x":            "",
		strings.Repeat("x", 36):   "",
		"urn:uuid:" + someUUID:    "",
	} {
		a := w.do(t, scenario{path: "/public", header: map[string]string{"X-Correlation-ID": given}})
		requireStandard(t, a)
		if kept != "" {
			require.Equal(t, kept, a.header.Get("X-Correlation-ID"))
		} else {
			require.NotEqual(t, given, a.header.Get("X-Correlation-ID"))
		}
	}
}

func TestServer_cors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{CORSOrigins: []string{"https://app.example.com"}}, nil, routes)
	ask := func(method, path, origin string) answer {
		header := map[string]string{"Origin": origin}
		if method == http.MethodOptions {
			header["Access-Control-Request-Method"] = "PUT"
			header["Access-Control-Request-Headers"] = "authorization"
		}
		return w.do(t, scenario{method: method, path: path, header: header})
	}
	for _, path := range []string{"/public", "/me", "/nowhere", "/panic", "/names/%ff"} {
		a := ask(http.MethodGet, path, "https://app.example.com")
		require.Equal(t, "https://app.example.com", a.header.Get("Access-Control-Allow-Origin"), path)
		require.Equal(t, "true", a.header.Get("Access-Control-Allow-Credentials"))
		require.Contains(t, a.header.Get("Access-Control-Expose-Headers"), "X-Correlation-ID")

		for _, origin := range []string{"https://evil.example.com", "http://app.example.com", "https://app.example.com.evil", "null", "*", "https://app.example.com:443"} {
			a := ask(http.MethodGet, path, origin)
			require.Empty(t, a.header.Get("Access-Control-Allow-Origin"), origin)
			require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"), origin)
		}

		a = ask(http.MethodOptions, path, "https://app.example.com")
		require.Equal(t, http.StatusNoContent, a.status)
		require.Equal(t, "GET, POST, PUT, PATCH, DELETE, OPTIONS", a.header.Get("Access-Control-Allow-Methods"))
		require.Equal(t, "Authorization, Content-Type, Accept, Origin, X-Requested-With, X-Correlation-ID, If-Match, Idempotency-Key", a.header.Get("Access-Control-Allow-Headers"))
		requireStandard(t, a)

		a = ask(http.MethodOptions, path, "https://evil.example.com")
		require.Equal(t, http.StatusNoContent, a.status)
		require.Empty(t, a.header.Get("Access-Control-Allow-Methods"))
	}
}

func TestServer_health(t *testing.T) {
	t.Parallel()
	var database, index web.Health
	w := newWorld(t, web.Config{}, []web.Check{
		{Name: "database", Probe: func(context.Context) web.Health { return database }},
		{Name: "index", Optional: true, Probe: func(context.Context) web.Health { return index }},
	}, nil)
	require.JSONEq(t, `{"status":"healthy","service":"webui"}`, w.do(t, scenario{path: "/health"}).body)
	require.JSONEq(t, `{"status":"healthy","check":"liveness"}`, w.do(t, scenario{path: "/api/health/healthz"}).body)

	database = web.Health{Status: web.StatusHealthy, Message: "It answers.", Details: map[string]any{"connections": 3}}
	index = web.Health{Status: web.StatusUnhealthy, Message: "It is being rebuilt."}
	a := w.do(t, scenario{path: "/api/health/readyz"})
	require.Equal(t, http.StatusOK, a.status, "an optional component degrades and does not unready")
	require.JSONEq(t, `{"ready":true,"check":"readiness","services":{
		"database":{"status":"healthy","message":"It answers.","connections":3},
		"index":{"status":"degraded","message":"It is being rebuilt."}},"problems":["It is being rebuilt."]}`, a.body)

	database = web.Health{Status: web.StatusUnhealthy, Message: "It does not answer."}
	a = w.do(t, scenario{path: "/api/health/readyz"})
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "5", a.header.Get("Retry-After"))
	require.Contains(t, a.body, `"ready":false`)
	require.Contains(t, a.body, `"problems":["It does not answer.","It is being rebuilt."]`)
}

func TestServer_aProbeThatHangsOrPanics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, []web.Check{
		{Name: "hangs", Probe: func(ctx context.Context) web.Health {
			<-ctx.Done()
			return web.Health{Status: web.StatusUnhealthy, Message: "It took too long."}
		}},
		{Name: "panics", Probe: func(context.Context) web.Health { panic(errors.New("secret")) }},
	}, nil)
	a := w.do(t, scenario{path: "/api/health/readyz"})
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.NotContains(t, a.body, "secret")
	var body struct{ Services map[string]map[string]any }
	require.NoError(t, json.Unmarshal([]byte(a.body), &body))
	require.Equal(t, "unhealthy", body.Services["hangs"]["status"])
	require.Equal(t, "unhealthy", body.Services["panics"]["status"])
}
