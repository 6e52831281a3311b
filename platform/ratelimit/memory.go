package ratelimit

import (
	"container/list"
	"context"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// DefaultKeys is how many keys of one class are remembered: some ten megabytes at
// the most.
const DefaultKeys = 50_000

// Memory is a [Limiter] in the memory of one process.
type Memory struct {
	keys int
	now  func() time.Time
	seed maphash.Seed

	mu      sync.RWMutex
	shelves map[string]*shelf
}

var _ Limiter = (*Memory)(nil)

// NewMemory makes a limiter that remembers so many keys of each class.
func NewMemory(keys int, now func() time.Time) *Memory {
	return &Memory{keys: max(1, keys), now: now, seed: maphash.MakeSeed(), shelves: map[string]*shelf{}}
}

// Take takes one of the key's, if there is one.
func (m *Memory) Take(_ context.Context, key Key, r Rate) (Result, error) {
	return m.shelf(key.Class).take(maphash.String(m.seed, key.ID), r, m.now(), m.keys), nil
}

// Give gives one back. A key that was forgotten meanwhile has a full bucket, and
// needs nothing.
func (m *Memory) Give(_ context.Context, key Key, r Rate) error {
	m.shelf(key.Class).give(maphash.String(m.seed, key.ID), r, m.now())
	return nil
}

// Len is how many keys are remembered.
func (m *Memory) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := 0
	for _, s := range m.shelves {
		n += s.len()
	}
	return n
}

func (m *Memory) shelf(class string) *shelf {
	m.mu.RLock()
	s := m.shelves[class]
	m.mu.RUnlock()
	if s != nil {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s = m.shelves[class]; s == nil {
		s = &shelf{entries: map[uint64]*list.Element{}}
		m.shelves[class] = s
	}
	return s
}

// shelf holds the buckets of one class, the one used last in front.
type shelf struct {
	mu      sync.Mutex
	entries map[uint64]*list.Element
	order   list.List
}

type entry struct {
	key    uint64
	rate   Rate
	bucket *rate.Limiter
}

func (s *shelf) take(key uint64, r Rate, now time.Time, most int) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil || e.rate != r {
		s.forget(now, most-1)
		e = s.put(key, r)
	}
	allowed := e.bucket.AllowN(now, 1)
	result := look(e.bucket, r, now)
	result.Allowed = allowed
	if allowed {
		result.RetryAfter = 0
	}
	return result
}

func (s *shelf) give(key uint64, r Rate, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(key); e != nil && e.rate == r {
		// Taking less than none adds; the bucket never counts more than a full one.
		e.bucket.AllowN(now, -1)
	}
}

// find gives the key's entry and moves it in front.
func (s *shelf) find(key uint64) *entry {
	element := s.entries[key]
	if element == nil {
		return nil
	}
	s.order.MoveToFront(element)
	return entryOf(element)
}

func (s *shelf) put(key uint64, r Rate) *entry {
	if element := s.entries[key]; element != nil {
		s.order.Remove(element)
	}
	e := &entry{key: key, rate: r, bucket: newBucket(r)}
	s.entries[key] = s.order.PushFront(e)
	return e
}

// forget makes room for one more, and drops two more from the end whose buckets
// are full: they say no more than none does. So what a flood leaves behind is
// gone not long after it.
func (s *shelf) forget(now time.Time, most int) {
	for dropped := 0; s.order.Len() > 0; dropped++ {
		oldest := s.order.Back()
		e := entryOf(oldest)
		full := e.bucket.TokensAt(now) >= float64(e.rate.Count)
		if s.order.Len() <= most && (!full || dropped >= 2) {
			return
		}
		s.order.Remove(oldest)
		delete(s.entries, e.key)
	}
}

func (s *shelf) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order.Len()
}

func entryOf(element *list.Element) *entry {
	e, _ := element.Value.(*entry)
	return e
}
