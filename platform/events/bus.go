package events

import (
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"semantik/platform/database"
)

// Defaults of [Config], used where a field is zero.
const (
	DefaultBuffer     = 128
	DefaultHeartbeat  = 30 * time.Second
	DefaultRetryFirst = 100 * time.Millisecond
	DefaultRetryLast  = 5 * time.Second
)

// Config says how a bus behaves.
type Config struct {
	// Buffer is how many notices may wait for a subscriber before it is dropped.
	Buffer int
	// Heartbeat is how long it may be quiet before the connection is tried: one that
	// broke without a word would be quiet for ever.
	Heartbeat time.Duration
	// RetryFirst and RetryLast bound the time between two tries to connect.
	RetryFirst, RetryLast time.Duration
	// Logger receives what goes wrong; nil discards it.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Buffer <= 0 {
		c.Buffer = DefaultBuffer
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = DefaultHeartbeat
	}
	if c.RetryFirst <= 0 {
		c.RetryFirst = DefaultRetryFirst
	}
	if c.RetryLast <= 0 {
		c.RetryLast = DefaultRetryLast
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Bus hears what any process publishes, while [Bus.Run] runs, and passes it on.
type Bus struct {
	db     *database.DB
	config Config

	mu     sync.Mutex
	topics map[string]map[*Subscription]bool
	all    map[*Subscription]bool
}

// NewBus makes a bus, which hears nothing yet.
func NewBus(db *database.DB, config Config) *Bus {
	return &Bus{
		db: db, config: config.withDefaults(),
		topics: map[string]map[*Subscription]bool{}, all: map[*Subscription]bool{},
	}
}

// Subscription is one subscriber's.
type Subscription struct {
	bus     *Bus
	topics  []string
	notices chan *Notice
	done    chan struct{}
}

// Subscribe begins to collect the notices of these topics. Whoever reads the state
// of things after it misses nothing in between.
func (b *Bus) Subscribe(topics ...string) *Subscription {
	s := &Subscription{bus: b, topics: topics, notices: make(chan *Notice, b.config.Buffer), done: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all[s] = true
	for _, topic := range topics {
		if b.topics[topic] == nil {
			b.topics[topic] = map[*Subscription]bool{}
		}
		b.topics[topic][s] = true
	}
	return s
}

// Notices are what the subscriber has not taken yet.
func (s *Subscription) Notices() <-chan *Notice { return s.notices }

// Done is closed when the subscription is, or when the subscriber was too slow and
// is dropped: then it has missed something.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Close ends the subscription.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.bus.remove(s)
}

// remove is called under the lock, also for one that is gone already.
func (b *Bus) remove(s *Subscription) {
	if !b.all[s] {
		return
	}
	delete(b.all, s)
	for _, topic := range s.topics {
		delete(b.topics[topic], s)
		if len(b.topics[topic]) == 0 {
			delete(b.topics, topic)
		}
	}
	close(s.done)
}

// hear passes on what PostgreSQL has sent. Anybody who may connect to the database
// may send something there: what is no message of ours is nothing.
func (b *Bus) hear(payload string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) == 0 {
		return
	}
	var m message
	if err := json.Unmarshal([]byte(payload), &m); err != nil || m.Type == "" {
		return
	}
	told := map[*Subscription]bool{}
	notice := &Notice{Type: m.Type, At: m.At, Data: m.Data}
	for _, topic := range m.Topics {
		for s := range b.topics[topic] {
			if !told[s] {
				told[s] = true
				b.give(s, notice)
			}
		}
	}
}

// missed tells everybody to look for themselves.
func (b *Bus) missed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	notice := &Notice{Missed: true, At: time.Now()}
	for s := range b.all {
		b.give(s, notice)
	}
}

// give never waits: who does not keep up is dropped.
func (b *Bus) give(s *Subscription, n *Notice) {
	select {
	case s.notices <- n:
	default:
		b.remove(s)
	}
}
