package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"semantik/app/client"
)

// watchable is a server with one operation, whose sockets do what sockets says, one after
// another, and the last from then on.
type watchable struct {
	mu      sync.Mutex
	status  string
	done    int
	tokens  []string // of the handshakes
	refuse  string   // a token that is not taken by the API
	sockets []func(conn *websocket.Conn)
	looks   int
}

func (w *watchable) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.HasPrefix(r.URL.Path, "/ws/") {
		w.looks++
		if w.refuse != "" && r.Header.Get("Authorization") == "Bearer "+w.refuse {
			problem(http.StatusUnauthorized)(out, r)
			return
		}
		answer(fmt.Sprintf(`{"id":"op","status":%q,"progress_detail":{"done":%d,"total":3}}`, w.status, w.done))(out, r)
		return
	}
	protocol := r.Header.Get("Sec-WebSocket-Protocol")
	w.tokens = append(w.tokens, strings.TrimPrefix(protocol, "access_token."))
	if len(w.sockets) == 0 {
		problem(http.StatusForbidden)(out, r)
		return
	}
	does := w.sockets[0]
	if len(w.sockets) > 1 {
		w.sockets = w.sockets[1:]
	}
	conn, err := websocket.Accept(out, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}})
	if err != nil {
		return
	}
	w.mu.Unlock()
	does(conn)
	_ = conn.CloseNow()
	w.mu.Lock()
}

func (w *watchable) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// says sends frames.
func says(t *testing.T, conn *websocket.Conn, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := conn.Write(context.Background(), websocket.MessageText, []byte(f)); err != nil {
			t.Error(err)
		}
	}
}

func (w *watchable) serve(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	c := client.New(server.URL, o)
	t.Cleanup(c.Close)
	return c
}

// heard is what a watch has told, one word each.
type heard struct{ words []string }

func (h *heard) tell(o client.Operation) {
	word := o.Status
	if o.Progress != nil {
		word += fmt.Sprintf(" %d/%d", o.Progress.Done, o.Progress.Total)
	}
	h.words = append(h.words, word)
}

const processed = `{"type":"document_processed","data":{"processed":1,"failed":1,"skipped":0,"total":3,"current_document":"a.txt"}}`

func TestWatch_ListensOnASocketToTheEnd(t *testing.T) {
	t.Parallel()
	w := &watchable{status: "pending"}
	w.sockets = append(w.sockets, func(conn *websocket.Conn) {
		says(t, conn, `{"type":"current_state","data":{"status":"pending"}}`, `{"type":"ping"}`, `{"type":"collection_stats","data":{}}`,
			`{"timestamp":"2026-07-15T10:00:00Z","type":"operation_started","data":{"status":"processing"}}`, processed, processed)
		w.set(func() { w.status, w.done = "completed", 3 })
		says(t, conn, `{"type":"operation_completed","data":{"status":"completed"}}`)
		_, _, _ = conn.Read(context.Background())
	})
	c := w.serve(t, client.Options{Token: client.StaticToken("key")})
	var h heard
	o, err := c.Watch(t.Context(), "op", h.tell)
	require.NoError(t, err)
	require.Equal(t, "completed", o.Value.Status)
	require.Equal(t, []string{"pending 0/3", "processing 0/3", "processing 2/3", "completed 3/3"}, h.words, "each change once")
	require.Equal(t, []string{"key"}, w.tokens)
	require.Equal(t, 2, w.looks, "nothing is asked for again and again")
}

func TestWatch_LooksWhereThereIsNoSocket(t *testing.T) {
	t.Parallel()
	w := &watchable{status: "processing"}
	c := w.serve(t, client.Options{})
	var h heard
	o, err := c.Watch(t.Context(), "op", func(o client.Operation) {
		h.tell(o)
		w.set(func() {
			if w.done++; w.done == 3 {
				w.status = "failed"
			}
		})
	})
	require.NoError(t, err)
	require.Equal(t, "failed", o.Value.Status)
	require.Equal(t, []string{"processing 0/3", "processing 1/3", "processing 2/3", "failed 3/3"}, h.words)
}

// The socket is cut with the token; both are new after it.
func TestWatch_OpensAnotherSocketWithAFreshToken(t *testing.T) {
	t.Parallel()
	w := &watchable{status: "processing"}
	w.sockets = append(w.sockets, func(*websocket.Conn) {
		w.set(func() { w.refuse = "old" })
	}, func(conn *websocket.Conn) {
		says(t, conn, processed)
		w.set(func() { w.status, w.done = "cancelled", 2 })
		says(t, conn, `{"type":"operation_cancelled","data":{}}`)
		_, _, _ = conn.Read(context.Background())
	})
	token := "old"
	c := w.serve(t, client.Options{Token: func(_ context.Context, refused string) (string, error) {
		if refused == "old" {
			token = "new"
		}
		return token, nil
	}})
	o, err := c.Watch(t.Context(), "op", nil)
	require.NoError(t, err)
	require.Equal(t, "cancelled", o.Value.Status)
	require.Equal(t, []string{"old", "new"}, w.tokens)
}

// A server that tells nonsense, or nothing that is true, cannot end the watching: the row
// has the last word.
func TestWatch_TheRowHasTheLastWord(t *testing.T) {
	t.Parallel()
	w := &watchable{status: "processing"}
	w.sockets = append(w.sockets, func(conn *websocket.Conn) { says(t, conn, `nonsense`) },
		func(conn *websocket.Conn) { says(t, conn, `{"type":"operation_completed"}`) },
		func(*websocket.Conn) { w.set(func() { w.status = "completed" }) })
	o, err := w.serve(t, client.Options{}).Watch(t.Context(), "op", nil)
	require.NoError(t, err)
	require.Equal(t, "completed", o.Value.Status)
}

func TestWatch_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := &watchable{status: "processing"}
	ctx, cancel := context.WithCancel(t.Context())
	w.sockets = append(w.sockets, func(conn *websocket.Conn) {
		cancel()
		_, _, _ = conn.Read(context.Background())
	})
	_, err := w.serve(t, client.Options{Patience: client.Forever}).Watch(ctx, "op", nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestClient_HasThePatienceThatItIsTold(t *testing.T) {
	t.Parallel()
	away := make([]http.HandlerFunc, 0, 22)
	away = append(away, answer(`{"username":"ada"}`))
	for range 20 {
		away = append(away, problem(http.StatusBadGateway))
	}
	away = append(away, answer(`{"username":"ada"}`))
	for patience, fails := range map[time.Duration]bool{0: true, client.Forever: false} {
		c, waits := newClient(t, serve(t, append([]http.HandlerFunc{}, away...)...), client.Options{Patience: patience})
		_, err := c.Me(t.Context())
		require.NoError(t, err)
		_, err = c.Me(t.Context())
		require.Equal(t, fails, err != nil, "%v: %v", patience, err)
		for _, d := range *waits {
			require.True(t, d <= 2*time.Second || patience == 0, "its return is noticed soon")
		}
	}
	c, _ := newClient(t, serve(t, away...), client.Options{Patience: time.Nanosecond})
	_, err := c.Me(t.Context())
	require.NoError(t, err)
	_, err = c.Me(t.Context())
	require.Error(t, err, "and not more than that")
}

// What is cut off in the middle of its answer was the server's end, and no answer of
// something else.
func TestClient_AnAnswerThatIsCutOffIsAskedForAgain(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"username":`))
	}
	c, waits := newClient(t, serve(t, cut, answer(`{"username":"ada"}`)), client.Options{})
	me, err := c.Me(t.Context())
	require.NoError(t, err)
	require.Equal(t, "ada", me.Username)
	require.Len(t, *waits, 1)
}

func TestOperation_PaceIsToldOnlyWhereItIsKnown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 15, 10, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	for name, c := range map[string]struct {
		o     client.Operation
		rate  float64
		left  time.Duration
		known bool
	}{
		"in the middle":       {client.Operation{StartedAt: ago(10 * time.Second), Progress: &client.Progress{Done: 20, Total: 60}}, 2, 20 * time.Second, true},
		"more than there are": {client.Operation{StartedAt: ago(10 * time.Second), Progress: &client.Progress{Done: 20, Total: 10}}, 2, 0, true},
		"ended": {client.Operation{StartedAt: ago(time.Hour), CompletedAt: ago(time.Hour - 10*time.Second), Status: "completed",
			Progress: &client.Progress{Done: 20, Total: 20}}, 2, 0, true},
		"not taken up":         {client.Operation{Progress: &client.Progress{Done: 20, Total: 60}}, 0, 0, false},
		"nothing done":         {client.Operation{StartedAt: ago(time.Hour), Progress: &client.Progress{Total: 60}}, 0, 0, false},
		"nothing known":        {client.Operation{StartedAt: ago(time.Hour)}, 0, 0, false},
		"a moment ago":         {client.Operation{StartedAt: ago(time.Millisecond), Progress: &client.Progress{Done: 1, Total: 60}}, 0, 0, false},
		"by a clock elsewhere": {client.Operation{StartedAt: ago(-time.Hour), Progress: &client.Progress{Done: 1, Total: 60}}, 0, 0, false},
	} {
		rate, left, known := c.o.Pace(now)
		require.InDelta(t, c.rate, rate, 0.001, name)
		require.Equal(t, c.left, left, name)
		require.Equal(t, c.known, known, name)
	}
}
