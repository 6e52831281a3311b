package sockets_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/events"
	"semantik/platform/sockets"
	"semantik/platform/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// world is a server with sockets whose feeds the test fills.
type world struct {
	t       *testing.T
	addr    string
	hub     *sockets.Hub
	logs    *logBuffer
	feeds   chan *feed
	stop    context.CancelFunc
	stopped chan error

	mu      sync.Mutex
	revoked map[string]bool
}

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

// feed sends each notice as it is, once it has asked who the client is.
type feed struct {
	notices   chan *events.Notice
	done      chan struct{}
	closed    chan struct{}
	begin     string
	checked   chan struct{}
	closeOnce sync.Once
}

func (f *feed) Notices() <-chan *events.Notice { return f.notices }
func (f *feed) Done() <-chan struct{}          { return f.done }
func (f *feed) Close()                         { f.closeOnce.Do(func() { close(f.closed) }) }

func (f *feed) Begin(ctx context.Context, s *sockets.Socket) error {
	if f.begin == "" {
		return nil
	}
	return s.Send(ctx, f.begin, time.Now(), map[string]any{"a": 1})
}

func (f *feed) Hear(ctx context.Context, s *sockets.Socket, n *events.Notice) error {
	if _, err := s.Who(ctx); err != nil {
		return err
	}
	return s.Send(ctx, n.Type, n.At, n.Data)
}

func (f *feed) Check(ctx context.Context, s *sockets.Socket) error {
	_, err := s.Who(ctx)
	select {
	case f.checked <- struct{}{}:
	default:
	}
	return err
}

// Authenticate knows users by tokens of the form alice7: 7 is the id.
func (w *world) Authenticate(_ context.Context, token string) (auth.Identity, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var id int64
	switch _, err := fmt.Sscanf(token, "alice%d", &id); {
	case token == "undecided":
		return auth.Identity{}, apperr.New(apperr.Unavailable, "database_unavailable", "Try again.")
	case token == "inactive":
		return auth.Identity{}, apperr.New(apperr.Forbidden, "inactive_user", "Inactive user")
	case err != nil, w.revoked[token]:
		return auth.Identity{}, auth.ErrTokenInvalid
	}
	return auth.Identity{UserID: id, Username: token}, nil
}

func (w *world) revoke(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revoked[token] = true
}

func newWorld(t *testing.T, config sockets.Config) *world {
	t.Helper()
	w := &world{t: t, logs: &logBuffer{}, feeds: make(chan *feed, 1000), stopped: make(chan error, 1), revoked: map[string]bool{}}
	log := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := web.New(web.Config{CORSOrigins: []string{"https://console.example"}}, web.Deps{Logger: log, Authenticator: w})
	config.Logger = log
	w.hub = sockets.New(config, w)
	server.Socket("/ws/things/:name", func(h *web.Handshake) error {
		return w.hub.Open(h, func(context.Context) (sockets.Feed, error) {
			if h.Param("name") == "hidden" {
				return nil, apperr.New(apperr.NotFound, "thing_not_found", "There is no such thing.")
			}
			f := &feed{
				notices: make(chan *events.Notice), done: make(chan struct{}), closed: make(chan struct{}), checked: make(chan struct{}, 1),
			}
			if h.Param("name") == "begun" {
				f.begin = "first"
			}
			w.feeds <- f
			return f, nil
		})
	})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.addr = listener.Addr().String()
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	go func() { w.stopped <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		w.stop()
		require.NoError(t, <-w.stopped)
		w.stopped <- nil
		require.Zero(t, w.hub.Count(), "every place was given back")
		require.NotContains(t, w.logs.String(), "alice7", "a token was logged")
	})
	return w
}

// answer is what a handshake was answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// dial asks for a socket.
func (w *world) dial(path string, headers http.Header, protocols ...string) (*websocket.Conn, answer) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	conn, response, err := websocket.Dial(ctx, "ws://"+w.addr+path, &websocket.DialOptions{
		HTTPHeader: headers, Host: headers.Get("Host"), Subprotocols: protocols, HTTPClient: &http.Client{Transport: transport},
	})
	if response == nil {
		require.NoError(w.t, err)
	}
	a := answer{status: response.StatusCode, header: response.Header}
	if conn != nil {
		w.t.Cleanup(func() { _ = conn.CloseNow() })
		return conn, a
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	require.NoError(w.t, err)
	a.body = string(body)
	return nil, a
}

// open opens a socket that must come about.
func (w *world) open(token string) (*websocket.Conn, *feed) {
	w.t.Helper()
	conn, a := w.dial("/ws/things/any", nil, "access_token."+token)
	require.NotNil(w.t, conn, a.body)
	return conn, <-w.feeds
}

// hear gives a feed something to send.
func (w *world) hear(f *feed, kind string, data string) {
	w.t.Helper()
	select {
	case f.notices <- &events.Notice{Type: kind, At: time.Now(), Data: []byte(data)}:
	case <-f.closed:
	case <-time.After(patience):
		require.FailNow(w.t, "nobody takes the notice")
	}
}

// read gives the next text.
func (w *world) read(conn *websocket.Conn) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, text, err := conn.Read(ctx)
	require.NoError(w.t, err)
	return strings.TrimSpace(string(text))
}

// dropped waits for the end of a connection, which must come without a farewell.
func (w *world) dropped(conn *websocket.Conn) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			require.NoError(w.t, ctx.Err(), "it was not dropped")
			require.Equal(w.t, websocket.StatusCode(-1), websocket.CloseStatus(err), "%v", err)
			return
		}
	}
}

func (w *world) say(conn *websocket.Conn, text string) {
	w.t.Helper()
	require.NoError(w.t, conn.Write(w.t.Context(), websocket.MessageText, []byte(text)))
}
