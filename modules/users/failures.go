package users

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	// failureWindow is after how long a name's failures are forgotten.
	failureWindow = 10 * time.Minute
	// maxFailures bounds how many names are kept in mind.
	maxFailures = 10_000
)

// failures counts the wrong passwords for each name, so that a flood of them does
// not become a flood of the audit log. Names are kept by their hash alone: one
// may be a password that was typed into the wrong field.
type failures struct {
	now  func() time.Time
	seed maphash.Seed

	mu   sync.Mutex
	seen map[uint64]tally
}

type tally struct {
	since time.Time
	count int
}

func newFailures() *failures {
	return &failures{now: time.Now, seed: maphash.MakeSeed(), seen: map[uint64]tally{}}
}

// note counts a failure, gives how many there have been within the window, and
// says whether this one is worth telling: the first three, the tenth, the
// hundredth and so on.
func (f *failures) note(name string) (count int, telling bool) {
	key := maphash.String(f.seed, name)
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.seen[key]
	if t.count == 0 || now.Sub(t.since) >= failureWindow {
		t = tally{since: now}
	}
	t.count++
	if _, known := f.seen[key]; !known && len(f.seen) >= maxFailures {
		f.forget(now)
	}
	f.seen[key] = t
	return t.count, t.count <= 3 || isPowerOfTen(t.count)
}

// forget makes room: what has lapsed goes, and when that is nothing, all.
func (f *failures) forget(now time.Time) {
	for key, t := range f.seen {
		if now.Sub(t.since) >= failureWindow {
			delete(f.seen, key)
		}
	}
	if len(f.seen) >= maxFailures {
		clear(f.seen)
	}
}

func isPowerOfTen(n int) bool {
	for n > 1 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}
