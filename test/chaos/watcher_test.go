package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const (
	// silence is how long a watcher waits for something that must not come.
	silence = 150 * time.Millisecond
	// watchTimeout bounds the wait for all watchers, once no operation is active.
	watchTimeout = 60 * time.Second
	reconnect    = 50 * time.Millisecond
)

// operation is one that somebody knows of, and what was said of its end.
type operation struct {
	id string
	// cancelled means that its cancellation was acknowledged.
	cancelled atomic.Bool
	// told is how its watcher was told it ended: completed, failed or cancelled.
	told string
	done chan struct{}
	// state is what went wrong last, for whoever waits in vain.
	state atomic.Value
}

// watched is all operations that are known, in the order in which they became so.
type watched struct {
	mu         sync.Mutex
	operations map[string]*operation
	order      []*operation
}

// late draws one of the last.
func (w *watched) late(random *rand.Rand) *operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return nil
	}
	return w.order[len(w.order)-1-random.IntN(min(len(w.order), 2*clients))]
}

// watch begins to watch an operation, if it is one and nobody does.
func (c *chaos) watch(id string) {
	if id == "" {
		return
	}
	c.watched.mu.Lock()
	defer c.watched.mu.Unlock()
	if c.watched.operations[id] != nil {
		return
	}
	o := &operation{id: id, done: make(chan struct{})}
	c.watched.operations[id] = o
	c.watched.order = append(c.watched.order, o)
	go func() {
		defer close(o.done)
		c.watchToItsEnd(o)
	}()
}

// await returns when every watcher was told the end.
func (w *watched) await(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	timeout := time.After(watchTimeout)
	for _, o := range w.order {
		select {
		case <-o.done:
		case <-timeout:
			t.Fatalf("the watcher of operation %s was not told its end: %v", o.id, o.state.Load())
		}
	}
}

// watchToItsEnd opens one socket after the other until one has told the end, and then
// another, which has to tell the same at once.
func (c *chaos) watchToItsEnd(o *operation) {
	for i := 0; ; i++ {
		ends, err := c.watchOnce(o, c.servers[i%len(c.servers)].Addr)
		if err != nil {
			o.state.Store(err.Error())
		}
		if len(ends) > 1 {
			c.t.Errorf("operation %s: one connection was told its end %d times: %v", o.id, len(ends), ends)
		}
		switch {
		case len(ends) == 0:
			c.count("sockets that ended before the operation")
			if c.t.Context().Err() != nil {
				return
			}
			time.Sleep(reconnect)
		case o.told == "":
			c.count("operations whose end was told to who watched")
			o.told = ends[0]
		default:
			c.count("operations whose end was told again, to who came after it")
			if o.told != ends[0] {
				c.t.Errorf("operation %s: its end was told as %s, and then as %s", o.id, o.told, ends[0])
			}
			return
		}
	}
}

// watchOnce is one connection: it gives the ends that it was told, one if all is well.
func (c *chaos) watchOnce(o *operation, address string) (ends []string, err error) {
	// A socket on which a dead server says nothing ends by itself, and a sign of life
	// comes each second.
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, "ws://"+address+"/ws/operations/"+o.id, &websocket.DialOptions{
		HTTPClient: c.http, Subprotocols: []string{"access_token." + c.key},
	})
	if response != nil && response.Body != nil {
		defer func() { _ = response.Body.Close() }()
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.CloseNow() }()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return ends, err
		}
		var frame struct{ Type string }
		if err := json.Unmarshal(text, &frame); err != nil {
			return ends, fmt.Errorf("%w: %s", err, text)
		}
		end, isEnd := strings.CutPrefix(frame.Type, "operation_")
		switch {
		case isEnd && end != "started":
			ends = append(ends, end)
			var quiet context.CancelFunc
			ctx, quiet = context.WithTimeout(ctx, silence)
			defer quiet()
		case len(ends) > 0 && frame.Type != "ping":
			c.t.Errorf("operation %s: after its end came %s", o.id, text)
		}
	}
}
