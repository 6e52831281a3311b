package sockets

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/events"
	"semantik/platform/web"
)

// Defaults of [Config], used where a field is zero.
const (
	DefaultPerUser      = 10
	DefaultTotal        = 10_000
	DefaultPingEvery    = 30 * time.Second
	DefaultWriteTimeout = 10 * time.Second
)

var (
	errTooMany = apperr.New(apperr.Forbidden, "too_many_sockets",
		"You have as many sockets open as one user may. Close one that you do not need.")
	errFull = apperr.New(apperr.Forbidden, "sockets_exhausted",
		"This server has as many sockets open as it can. Try again later.")
)

// Config says how many sockets there may be, and how they behave.
type Config struct {
	// PerUser is how many one user may have open, and Total how many there may be in
	// this process.
	PerUser, Total int
	// PingEvery is the time between two signs of life.
	PingEvery time.Duration
	// WriteTimeout is how long a client may take to receive a frame.
	WriteTimeout time.Duration
	// Logger receives why sockets end; nil discards it.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.PerUser <= 0 {
		c.PerUser = DefaultPerUser
	}
	if c.Total <= 0 {
		c.Total = DefaultTotal
	}
	if c.PingEvery <= 0 {
		c.PingEvery = DefaultPingEvery
	}
	if c.WriteTimeout <= 0 {
		c.WriteTimeout = DefaultWriteTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Feed is what a socket carries. Its methods are called by one goroutine; an error
// from one of them ends the socket.
type Feed interface {
	// Notices are what the feed waits for.
	Notices() <-chan *events.Notice
	// Done is closed when no more come, because the client was too slow for them.
	Done() <-chan struct{}
	// Begin sends what a socket begins with.
	Begin(ctx context.Context, s *Socket) error
	// Hear sends what the notice means to this client, if anything.
	Hear(ctx context.Context, s *Socket, n *events.Notice) error
	// Check is called before each sign of life: whether the client still may, and
	// whether the feed has missed something.
	Check(ctx context.Context, s *Socket) error
	// Close gives back what the feed holds.
	Close()
}

// Hub counts the sockets and keeps them going.
type Hub struct {
	config        Config
	authenticator web.Authenticator

	mu    sync.Mutex
	total int
	users map[int64]int
}

// New makes a hub.
func New(config Config, authenticator web.Authenticator) *Hub {
	return &Hub{config: config.withDefaults(), authenticator: authenticator, users: map[int64]int{}}
}

// Open opens a socket and returns when it has ended, or an error that refuses the
// handshake: [auth.ErrUnauthenticated], one that says that there are too many, what
// prepare returns, and what the request lacks to become a socket. prepare makes the
// feed, after it has asked whether the identity of the context may have it.
func (h *Hub) Open(handshake *web.Handshake, prepare func(ctx context.Context) (Feed, error)) error {
	ctx := handshake.Request.Context()
	who, err := auth.Require(ctx)
	if err != nil {
		return err
	}
	if err := h.enter(who.UserID); err != nil {
		return err
	}
	defer h.leave(who.UserID)
	feed, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer feed.Close()
	if err := handshake.CheckUpgrade(); err != nil {
		return err
	}
	s := newSocket(h, handshake, who)
	s.conn, err = websocket.Accept(handshake.Writer, handshake.Request, &websocket.AcceptOptions{
		Subprotocols:       offered(handshake.Subprotocol),
		InsecureSkipVerify: true, // of the origin, which the handshake has looked at by rules of its own
		OnPingReceived:     func(ctx context.Context, _ []byte) bool { return s.patience.Wait(ctx) == nil },
	})
	if err != nil {
		// It has answered, or there is nobody to answer to.
		h.config.Logger.DebugContext(ctx, "a socket could not be opened", "error", err)
		return nil
	}
	err = s.run(ctx, feed)
	_ = s.conn.CloseNow()
	h.config.Logger.DebugContext(ctx, "a socket has ended", "reason", err)
	return nil
}

func offered(protocol string) []string {
	if protocol == "" {
		return nil
	}
	return []string{protocol}
}

// enter takes a place.
func (h *Hub) enter(userID int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.users[userID] >= h.config.PerUser:
		return errTooMany
	case h.total >= h.config.Total:
		return errFull
	}
	h.total++
	h.users[userID]++
	return nil
}

func (h *Hub) leave(userID int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
	if h.users[userID]--; h.users[userID] == 0 {
		delete(h.users, userID)
	}
}

// Count is how many sockets are open.
func (h *Hub) Count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}
