package auth

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"semantik/platform/apperr"
)

const (
	// maxWaiting is how many may wait for a turn, each of whom holds a connection
	// and some memory.
	maxWaiting = 1000
	// maxWait is how long somebody waits for a turn, a little less than people and
	// proxies wait for an answer.
	maxWait = 10 * time.Second
	// maxRetry is the longest that somebody is told to stay away.
	maxRetry = time.Minute
)

// ErrPasswordsBusy means that more passwords are to be checked than the machine
// can.
var ErrPasswordsBusy = apperr.New(apperr.Unavailable, "passwords_busy",
	"More people are signing in than the server can check at once. Try again shortly.")

// turns lets as many compute at once as there are processors. The others wait in
// the order of coming, but neither long nor in any number: whoever would not get
// a turn in time is told so at once, and how long it will take.
type turns struct {
	running chan struct{}
	waiting atomic.Int64
	// took is how long a turn takes, on a running average, in nanoseconds; 0 while
	// nothing is known.
	took atomic.Int64
}

func newTurns() *turns { return &turns{running: make(chan struct{}, runtime.GOMAXPROCS(0))} }

// take waits for a turn; release ends it. The error is [ErrPasswordsBusy], or that
// of the context.
func (t *turns) take(ctx context.Context) (release func(), err error) {
	select {
	case t.running <- struct{}{}:
		return t.begin(), nil
	default:
	}
	place := t.waiting.Add(1)
	defer t.waiting.Add(-1)
	wait := t.expected(place)
	if place > maxWaiting || wait > maxWait {
		return nil, ErrPasswordsBusy.WithRetryAfter(min(max(wait, time.Second), maxRetry))
	}
	patience := time.NewTimer(maxWait)
	defer patience.Stop()
	select {
	case t.running <- struct{}{}:
		return t.begin(), nil
	case <-patience.C:
		return nil, ErrPasswordsBusy.WithRetryAfter(min(max(t.expected(t.waiting.Load()), time.Second), maxRetry))
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to check a password: %w", ctx.Err())
	}
}

// expected is how long it takes until the one at that place has a turn.
func (t *turns) expected(place int64) time.Duration {
	return time.Duration(place * t.took.Load() / int64(cap(t.running)))
}

func (t *turns) begin() (release func()) {
	began := time.Now()
	return func() {
		took := int64(time.Since(began))
		if before := t.took.Load(); before > 0 {
			took = before + (took-before)/8
		}
		t.took.Store(took) // two at once may lose one of them, which an average can bear
		<-t.running
	}
}
