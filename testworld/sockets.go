package testworld

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"semantik/platform/events"
)

// frameTimeout bounds the wait for a frame.
const frameTimeout = 30 * time.Second

// StartListening has the program hear what is told about operations, its own and
// those of other processes, as one that runs does. It returns when it hears.
func (w *World) StartListening() {
	w.t.Helper()
	s := w.Events.Subscribe()
	defer s.Close()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), backgroundKey{}, true))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Events.Run(ctx)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
	w.AwaitNotice(s)
}

// AwaitNotice gives the next that a subscription hears.
func (w *World) AwaitNotice(s *events.Subscription) *events.Notice {
	w.t.Helper()
	select {
	case n := <-s.Notices():
		return n
	case <-time.After(frameTimeout):
		require.FailNow(w.t, "waited in vain for a notice")
		return nil
	}
}

// Frame is what a socket brings.
type Frame struct {
	Timestamp time.Time      `json:"timestamp"`
	Type      string         `json:"type"`
	Data      map[string]any `json:"data"`
	// ScanID is that of a frame about a preview.
	ScanID string `json:"scan_id"`
	// Text is the frame as it came.
	Text string `json:"-"`
}

// Socket is a client's end of a WebSocket.
type Socket struct {
	Conn *websocket.Conn

	w      *World
	frames chan Frame
	ended  error // once frames is closed
}

// Handshake asks for a socket with these headers and subprotocols, and gives the
// answer, whatever it is; the connection is nil where it was refused.
func (w *World) Handshake(path string, headers http.Header, protocols ...string) (*websocket.Conn, Answer) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), frameTimeout)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, "ws://"+w.Address()+path, &websocket.DialOptions{
		HTTPHeader: headers, HTTPClient: w.server.client, Subprotocols: protocols,
	})
	if response == nil {
		require.NoError(w.t, err)
	}
	a := Answer{Status: response.StatusCode, Header: response.Header}
	if conn != nil {
		w.t.Cleanup(func() { _ = conn.CloseNow() })
		return conn, a
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	require.NoError(w.t, err)
	a.Body = string(body)
	return nil, a
}

// Watch opens a socket with a token and begins to read it.
func (w *World) Watch(path, token string) *Socket {
	w.t.Helper()
	conn, a := w.Handshake(path, nil, "access_token."+token)
	require.NotNil(w.t, conn, a.Body)
	s := &Socket{Conn: conn, w: w, frames: make(chan Frame, 10_000)}
	conn.SetReadLimit(1 << 20)
	go s.read()
	return s
}

func (s *Socket) read() {
	defer close(s.frames)
	for {
		_, text, err := s.Conn.Read(context.Background())
		if err != nil {
			s.ended = err
			return
		}
		f := Frame{Text: string(text)}
		if err := json.Unmarshal(text, &f); err != nil {
			s.ended = err
			return
		}
		s.frames <- f
	}
}

// Say sends a text.
func (s *Socket) Say(text string) {
	s.w.t.Helper()
	require.NoError(s.w.t, s.Conn.Write(s.w.t.Context(), websocket.MessageText, []byte(text)))
}

// Next gives the next frame, signs of life left out.
func (s *Socket) Next() Frame {
	s.w.t.Helper()
	f, ok := s.next()
	if !ok { // only then may the reason be read: its writer has ended
		require.FailNow(s.w.t, "the socket has ended", "%v", s.ended)
	}
	return f
}

func (s *Socket) next() (Frame, bool) {
	s.w.t.Helper()
	for {
		select {
		case f, ok := <-s.frames:
			if !ok || f.Type != "ping" {
				return f, ok
			}
		case <-time.After(frameTimeout):
			require.FailNow(s.w.t, "waited in vain for a frame")
		}
	}
}

// Until gives the frames up to the next of this type.
func (s *Socket) Until(kind string) []Frame {
	s.w.t.Helper()
	var seen []Frame
	for {
		f := s.Next()
		seen = append(seen, f)
		if f.Type == kind {
			return seen
		}
	}
}

// Nothing asserts that nothing but the answer to a ping comes: what was sent before
// it would have come before.
func (s *Socket) Nothing() {
	s.w.t.Helper()
	s.Say(`{"type":"ping"}`)
	f := s.Next()
	require.Equal(s.w.t, "pong", f.Type, f.Text)
}

// Ended waits for the end, and gives the frames that came before it and how it
// ended.
func (s *Socket) Ended() ([]Frame, error) {
	s.w.t.Helper()
	var seen []Frame
	for {
		f, ok := s.next()
		if !ok {
			return seen, s.ended
		}
		seen = append(seen, f)
	}
}

// Types are those of the frames.
func Types(frames []Frame) []string {
	types := make([]string, len(frames))
	for i, f := range frames {
		types[i] = f.Type
	}
	return types
}
