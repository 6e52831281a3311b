package ratelimit

import (
	"container/list"
	"hash/maphash"
	"sync"
	"time"
)

// Recent remembers what has been seen, for a while and only so many of them.
type Recent struct {
	most int
	life time.Duration
	now  func() time.Time
	seed maphash.Seed

	mu    sync.Mutex
	seen  map[uint64]*list.Element
	order list.List // the one added last in front
}

type sighting struct {
	key   uint64
	until time.Time
}

// NewRecent makes a memory for so many, each for the time since it was last added.
func NewRecent(most int, life time.Duration, now func() time.Time) *Recent {
	return &Recent{most: max(1, most), life: life, now: now, seed: maphash.MakeSeed(), seen: map[uint64]*list.Element{}}
}

// Add remembers a text, of which only a hash is kept.
func (r *Recent) Add(text string) {
	key := maphash.String(r.seed, text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(key)
	if r.order.Len() >= r.most {
		r.drop(sightingOf(r.order.Back()).key)
	}
	r.seen[key] = r.order.PushFront(&sighting{key: key, until: r.now().Add(r.life)})
}

// Has reports whether the text has been added and is not too old.
func (r *Recent) Has(text string) bool {
	key := maphash.String(r.seed, text)
	r.mu.Lock()
	defer r.mu.Unlock()
	element := r.seen[key]
	if element == nil {
		return false
	}
	if r.now().Before(sightingOf(element).until) {
		return true
	}
	r.drop(key)
	return false
}

// Remove forgets the text.
func (r *Recent) Remove(text string) {
	key := maphash.String(r.seed, text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(key)
}

func (r *Recent) drop(key uint64) {
	if element := r.seen[key]; element != nil {
		r.order.Remove(element)
		delete(r.seen, key)
	}
}

func sightingOf(element *list.Element) *sighting {
	s, _ := element.Value.(*sighting)
	return s
}
