package sockets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"semantik/platform/auth"
	"semantik/platform/events"
	"semantik/platform/web"
)

const (
	// proofLasts is how long a proof of the token, or of a right, may be relied on.
	proofLasts = time.Second
	// readLimit bounds a message of a client in bytes; it has nothing to say.
	readLimit = 4 << 10
	// Of a client that says more than that the rest waits in its own buffers.
	framesPerSecond, framesAtOnce = 20, 100
)

var (
	errTooSlow  = errors.New("the client does not keep up")
	errStopping = errors.New("the server is stopping")
	errGone     = errors.New("the client has gone")
)

var (
	framePing = []byte(`{"type":"ping"}`)
	framePong = []byte(`{"type":"pong"}`)
)

// Socket is an open WebSocket. It belongs to the goroutine of its feed.
type Socket struct {
	hub      *Hub
	conn     *websocket.Conn
	token    string
	stopping <-chan struct{}

	// who is the identity as it was at proven.
	who    auth.Identity
	proven time.Time

	// pings are those of the client that wait for an answer.
	pings chan struct{}
	// patience bounds what a client may say.
	patience *rate.Limiter
}

func newSocket(h *Hub, handshake *web.Handshake, who auth.Identity) *Socket {
	return &Socket{
		hub: h, token: handshake.Token, stopping: handshake.Stopping, who: who, proven: time.Now(),
		pings: make(chan struct{}), patience: rate.NewLimiter(framesPerSecond, framesAtOnce),
	}
}

// Who gives a context with the identity as it is now, or was a second ago at the
// most. The error says that the token is good no longer, or that it cannot be told.
func (s *Socket) Who(ctx context.Context) (context.Context, error) {
	if time.Since(s.proven) > proofLasts {
		now := time.Now()
		who, err := s.hub.authenticator.Authenticate(ctx, s.token)
		if err != nil {
			return ctx, fmt.Errorf("proving the token again: %w", err)
		}
		s.who, s.proven = who, now
	}
	return auth.WithIdentity(ctx, s.who), nil
}

// frame is the form of every frame but for the signs of life.
type frame struct {
	Timestamp web.Time `json:"timestamp"`
	Type      string   `json:"type"`
	Data      any      `json:"data"`
}

// Send sends a frame.
func (s *Socket) Send(ctx context.Context, kind string, at time.Time, data any) error {
	return s.SendPlain(ctx, frame{Timestamp: web.NewTime(at), Type: kind, Data: data})
}

// SendPlain sends a frame of another form, as JSON.
func (s *Socket) SendPlain(ctx context.Context, v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("writing a frame: %w", err)
	}
	return s.write(ctx, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func (s *Socket) write(ctx context.Context, text []byte) error {
	bounded, cancel := context.WithTimeoutCause(ctx, s.hub.config.WriteTimeout, errTooSlow)
	defer cancel()
	if err := s.conn.Write(bounded, websocket.MessageText, text); err != nil {
		return fmt.Errorf("sending a frame: %w", errors.Join(context.Cause(bounded), err))
	}
	return nil
}

// run keeps the socket going, and tells why it ended.
func (s *Socket) run(ctx context.Context, feed Feed) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var others sync.WaitGroup
	others.Go(func() { s.read(ctx, cancel) })
	others.Go(func() {
		// It cuts off whatever the feed is at.
		select {
		case <-s.stopping:
			cancel(errStopping)
		case <-feed.Done():
			cancel(errTooSlow)
		case <-ctx.Done():
		}
	})
	err := s.feed(ctx, feed)
	cancel(err)
	_ = s.conn.CloseNow() // the reader reads no more
	others.Wait()
	return context.Cause(ctx)
}

func (s *Socket) feed(ctx context.Context, feed Feed) error {
	ticker := time.NewTicker(s.hub.config.PingEvery)
	defer ticker.Stop()
	if err := feed.Begin(ctx, s); err != nil {
		return err
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if err = feed.Check(ctx, s); err == nil {
				err = s.write(ctx, framePing)
			}
		case <-s.pings:
			err = s.write(ctx, framePong)
		case notice := <-feed.Notices():
			err = feed.Hear(ctx, s, notice)
		}
		if err != nil {
			return err
		}
	}
}

// read takes what the client says, of which only a ping means anything.
func (s *Socket) read(ctx context.Context, end context.CancelCauseFunc) {
	s.conn.SetReadLimit(readLimit)
	for {
		kind, text, err := s.conn.Read(ctx)
		if err == nil {
			err = s.patience.Wait(ctx)
		}
		if err != nil {
			end(errors.Join(errGone, err))
			return
		}
		if kind != websocket.MessageText || !isPing(text) {
			continue
		}
		select {
		case s.pings <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

func isPing(text []byte) bool {
	text = bytes.TrimSpace(text)
	if string(text) == "ping" {
		return true
	}
	var message struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(text, &message) == nil && message.Type == "ping"
}

// Subscribed is the part of a [Feed] that every one has which hears one subscription.
type Subscribed struct{ Subscription *events.Subscription }

// Notices are the subscription's.
func (s Subscribed) Notices() <-chan *events.Notice { return s.Subscription.Notices() }

// Done is the subscription's.
func (s Subscribed) Done() <-chan struct{} { return s.Subscription.Done() }

// Close ends the subscription.
func (s Subscribed) Close() { s.Subscription.Close() }
