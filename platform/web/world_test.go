package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBuffer collects log lines of several goroutines.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines gives the records whose message it is.
func (b *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(b.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		if record["msg"] == message {
			found = append(found, record)
		}
	}
	return found
}

// world is a server on a real connection, with the routes of a test.
type world struct {
	server *web.Server
	addr   string
	url    string
	client *http.Client
	logs   *logBuffer
	stop   context.CancelFunc
	// stopped gives what Serve returned.
	stopped <-chan error
}

// people knows two tokens, and one that it cannot decide about.
type people struct{}

func (people) Authenticate(_ context.Context, token string) (auth.Identity, error) {
	switch token {
	case "alice":
		return auth.Identity{UserID: 7, Username: "alice"}, nil
	case "inactive":
		return auth.Identity{}, apperr.New(apperr.Forbidden, "inactive_user", "Inactive user")
	case "undecided":
		return auth.Identity{}, apperr.New(apperr.Unavailable, "database_unavailable", "The database cannot be reached.").
			WithCause(io.ErrUnexpectedEOF)
	default:
		return auth.Identity{}, auth.ErrTokenInvalid
	}
}

func newWorld(t *testing.T, config web.Config, checks []web.Check, routes func(api huma.API)) *world {
	t.Helper()
	w := &world{logs: &logBuffer{}}
	w.server = web.New(config, web.Deps{
		Logger:        slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Authenticator: people{},
		Checks:        checks,
	})
	if routes != nil {
		routes(w.server.API())
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.addr = listener.Addr().String()
	w.url = "http://" + w.addr
	transport := &http.Transport{DisableCompression: true}
	w.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	w.stop = cancel
	served, stopped := make(chan error, 1), make(chan struct{})
	go func() {
		served <- w.server.Serve(ctx, listener)
		close(stopped)
	}()
	w.stopped = served
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		<-stopped
	})
	return w
}

// scenario is one request and what is expected of its answer.
type scenario struct {
	name   string
	method string
	path   string
	header map[string]string
	body   string

	status  int
	has     []string          // in the body
	lacks   []string          // neither in the body nor in a header
	headers map[string]string // "" for one that must not be there
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) problem(t *testing.T) map[string]any {
	t.Helper()
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), a.body)
	var p map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &p), a.body)
	return p
}

func (w *world) do(t *testing.T, s scenario) answer {
	t.Helper()
	if s.method == "" {
		s.method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), s.method, w.url+s.path, strings.NewReader(s.body))
	require.NoError(t, err)
	for name, value := range s.header {
		r.Header.Set(name, value)
	}
	res, err := w.client.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{status: res.StatusCode, header: res.Header, body: string(data)}
}

// run does each scenario and checks, besides what it expects, what holds for
// every answer.
func (w *world) run(t *testing.T, scenarios []scenario) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			a := w.do(t, s)
			require.Equal(t, s.status, a.status, a.body)
			requireStandard(t, a)
			for _, fragment := range s.has {
				require.Contains(t, a.body, fragment)
			}
			var headers strings.Builder
			require.NoError(t, a.header.Write(&headers))
			for _, fragment := range s.lacks {
				require.NotContains(t, a.body, fragment)
				require.NotContains(t, headers.String(), fragment)
			}
			for name, value := range s.headers {
				require.Equal(t, value, a.header.Get(name), name)
			}
			if s.status < 400 || s.method == http.MethodHead {
				return
			}
			p := a.problem(t)
			require.EqualValues(t, s.status, p["status"])
			require.Equal(t, http.StatusText(s.status), p["title"])
			require.Equal(t, "about:blank", p["type"])
			require.NotEmpty(t, p["detail"])
			require.Regexp(t, `^[a-z][a-z0-9_]+$`, p["code"])
			require.Equal(t, a.header.Get("X-Correlation-ID"), p["correlation_id"])
			require.NotContains(t, p["instance"], "?")
			_, hasErrors := p["errors"]
			require.True(t, !hasErrors || s.status == 422, "errors is for 422 alone")
		})
	}
}

func requireStandard(t *testing.T, a answer) {
	t.Helper()
	require.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, a.header.Get("X-Correlation-ID"))
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	require.Equal(t, "DENY", a.header.Get("X-Frame-Options"))
	require.Equal(t, "strict-origin-when-cross-origin", a.header.Get("Referrer-Policy"))
	require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, a.header.Values("Vary"), "Origin")
}
