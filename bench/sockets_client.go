package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// dialAtOnce is how many sockets are opened at the same time.
const dialAtOnce = 16

// ends are the ends of operations, when each was committed and who heard of it when.
type ends struct {
	mu     sync.Mutex
	sent   map[uuid.UUID]time.Time
	frames []time.Duration
	bare   []time.Duration
	// failed is why a socket or the listener has ended early.
	failed error
	// changed is told, as far as somebody waits.
	changed chan struct{}
}

func newEnds() *ends { return &ends{sent: map[uuid.UUID]time.Time{}, changed: make(chan struct{}, 1)} }

// committed notes that the commit of an end is about to be sent.
func (e *ends) committed(id uuid.UUID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent[id] = time.Now()
}

// heard notes that an end was heard of.
func (e *ends) heard(id uuid.UUID, at time.Time, by *[]time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if sent, ok := e.sent[id]; ok {
		*by = append(*by, at.Sub(sent))
	}
	e.wake()
}

func (e *ends) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed = errors.Join(e.failed, err)
	e.wake()
}

func (e *ends) wake() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// reset forgets what was heard so far.
func (e *ends) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.frames, e.bare = nil, nil
	clear(e.sent)
}

// await waits for so many frames.
func (e *ends) await(ctx context.Context, frames int) error {
	for {
		e.mu.Lock()
		have, err := len(e.frames), e.failed
		e.mu.Unlock()
		if err != nil || have >= frames {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d frames came: %w", have, frames, ctx.Err())
		case <-e.changed:
		}
	}
}

func (e *ends) took() (frames, bare []time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.frames, e.bare
}

// listen hears the same events without the program: one connection that waits.
func (e *ends) listen(ctx context.Context, url string) (stop func(), err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if _, err := conn.Exec(ctx, "listen semantik_events"); err != nil {
		return nil, errors.Join(fmt.Errorf("listening: %w", err), conn.Close(ctx))
	}
	listening, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			n, err := conn.WaitForNotification(listening)
			at := time.Now()
			if listening.Err() != nil {
				return
			}
			if err != nil {
				e.fail(fmt.Errorf("listening: %w", err))
				return
			}
			if id, ok := endOf([]byte(n.Payload)); ok {
				e.heard(id, at, &e.bare)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		_ = conn.Close(context.WithoutCancel(ctx))
	}, nil
}

// endOf reads which operation has ended, of a frame and of what PostgreSQL sends.
func endOf(text []byte) (uuid.UUID, bool) {
	var f struct {
		Type string `json:"type"`
		Data struct {
			ID uuid.UUID `json:"operation_id"`
		} `json:"data"`
	}
	err := json.Unmarshal(text, &f)
	return f.Data.ID, err == nil && f.Type == "operation_completed"
}

// open opens a socket for each path and reads all of them until they are closed. One
// of a single operation has brought its first frame by then.
func (w *watching) open(ctx context.Context, paths []string) (closeAll func(), err error) {
	reading, cancel := context.WithCancel(ctx)
	conns := make([]*websocket.Conn, len(paths))
	var readers sync.WaitGroup
	closeAll = func() {
		cancel()
		for _, conn := range conns {
			if conn != nil {
				_ = conn.CloseNow()
			}
		}
		readers.Wait()
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(dialAtOnce)
	for i, path := range paths {
		w.told.tellf("%d of %d sockets opened", i, len(paths))
		group.Go(func() (err error) {
			conns[i], err = w.dial(inner, path)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		closeAll()
		return nil, err
	}
	for _, conn := range conns {
		readers.Go(func() { w.read(reading, conn) })
	}
	return closeAll, nil
}

func (w *watching) dial(ctx context.Context, path string) (*websocket.Conn, error) {
	conn, response, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(w.server.url, "http")+path,
		&websocket.DialOptions{Subprotocols: []string{"access_token." + w.token}})
	if response != nil && response.Body != nil && err != nil {
		_ = response.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	if strings.Count(path, "/") > 2 { // it begins with the state of its operation
		if _, _, err := conn.Read(ctx); err != nil {
			return conn, fmt.Errorf("reading the first frame: %w", err)
		}
	}
	return conn, nil
}

func (w *watching) read(ctx context.Context, conn *websocket.Conn) {
	for {
		_, text, err := conn.Read(ctx)
		at := time.Now()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.ends.fail(fmt.Errorf("reading a frame: %w", err))
			return
		}
		if id, ok := endOf(text); ok {
			w.ends.heard(id, at, &w.ends.frames)
		}
	}
}
