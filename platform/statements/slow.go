package statements

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// remembered is how many slow statements are kept, the newest.
const remembered = 512

// Slow is a statement that was slow, once or several times.
type Slow struct {
	// Name is the function that sends it.
	Name string
	// Text has no values in it.
	Text  string
	Calls int
	// Failed is how many of the calls failed, or were cancelled.
	Failed           int
	Total, Mean, Max time.Duration
	Last             time.Time
}

// ring keeps the newest. A slow statement is rare, so that a lock costs nothing.
type ring struct {
	mu   sync.Mutex
	seen []seen
	next int
}

type seen struct {
	name, sql string
	took      time.Duration
	at        time.Time
	failed    bool
}

func (r *ring) add(s seen) {
	s.sql = Normalise(s.sql)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) < remembered {
		r.seen = append(r.seen, s)
		return
	}
	r.seen[r.next] = s
	r.next = (r.next + 1) % remembered
}

// Slow gives the statements that were slow in this process since its start, of the newest
// 512 such calls, at most limit of them, that first which took the most time.
func (w *Watcher) Slow(limit int) []Slow {
	w.ring.mu.Lock()
	all := slices.Clone(w.ring.seen)
	w.ring.mu.Unlock()
	byText := map[[2]string]*Slow{}
	for _, s := range all {
		key := [2]string{s.name, s.sql}
		sum := byText[key]
		if sum == nil {
			sum = &Slow{Name: s.name, Text: s.sql}
			byText[key] = sum
		}
		sum.Calls++
		if s.failed {
			sum.Failed++
		}
		sum.Total += s.took
		sum.Max = max(sum.Max, s.took)
		if s.at.After(sum.Last) {
			sum.Last = s.at
		}
	}
	slow := make([]Slow, 0, len(byText))
	for _, s := range byText {
		s.Mean = s.Total / time.Duration(s.Calls)
		slow = append(slow, *s)
	}
	slices.SortFunc(slow, func(a, b Slow) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Name, b.Name))
	})
	return slow[:min(max(limit, 0), len(slow))]
}
