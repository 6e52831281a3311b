package web

import "sync"

// activity counts the requests that are being handled.
type activity struct {
	mu      sync.Mutex
	count   int
	waiting []chan struct{}
}

func newActivity() *activity { return &activity{} }

func (a *activity) enter() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
}

func (a *activity) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count--
	if a.count == 0 {
		for _, w := range a.waiting {
			close(w)
		}
		a.waiting = nil
	}
}

// idle gives a channel that is closed as soon as no request is being handled.
func (a *activity) idle() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	done := make(chan struct{})
	if a.count == 0 {
		close(done)
		return done
	}
	a.waiting = append(a.waiting, done)
	return done
}
