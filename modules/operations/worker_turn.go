package operations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"semantik/platform/jobs"
)

// errTurnOver means that the operation's slice of time is over, and others wait.
var errTurnOver = errors.New("it is others' turn")

// askEvery is how often it is asked whether others wait, once a slice is over: somebody
// who comes then has to wait no longer than that, and for the step.
const askEvery = 250 * time.Millisecond

// The priorities of the queue's jobs. What somebody waits for comes first, and what has
// shown to be long after what has not; among equals, whoever has waited longest.
const (
	priorityFirst = 1
	priorityBulk  = 3
)

// priority of a job that rings for an operation of the type; behind means that it comes
// after others of its kind: the operation has used up a slice, or its user has many.
func (t Type) priority(behind bool) int {
	p := priorityBulk
	if t.interactive() || !t.limited() {
		p = priorityFirst
	}
	if behind {
		p++
	}
	return p
}

// turn is the slice of time of an attempt.
type turn struct {
	// ends is when others may have theirs, a slice after it was first asked for.
	ends time.Time
	// moved is set once something is done that need not be done again. No attempt ends
	// before it, or several that begin at the same place would keep each other there.
	moved bool
	// asked is when it was last asked whether others wait.
	asked time.Time
	// over is set once they do, so that what has seen it and what asks later agree.
	over bool
}

// mustEnd says why the attempt should end before its next piece of work, and leave the
// rest to another: errStopping or errTurnOver; nil while it may go on. Once it has said so
// it says so again.
func (r *Run) mustEnd(ctx context.Context) error {
	if r.worker.isStopping() {
		return errStopping
	}
	over, ask := r.look(r.worker.config.Now())
	if ask { // not under the lock, which the holder of the last connection may wait for
		wait, err := r.worker.othersWait(ctx, r.Operation)
		if err != nil {
			return err
		}
		over = r.decide(wait)
	}
	if over {
		return errTurnOver
	}
	return nil
}

// leaves reports whether what follows is to be left to another attempt.
func (r *Run) leaves(ctx context.Context) (bool, error) {
	err := r.mustEnd(ctx)
	if errors.Is(err, errStopping) || errors.Is(err, errTurnOver) {
		return true, nil
	}
	return false, err
}

// look reports whether the turn is over, and else whether it is time to ask.
func (r *Run) look(now time.Time) (over, ask bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turn.ends.IsZero() {
		r.turn.ends = now.Add(r.worker.config.Slice)
	}
	if r.turn.over || !r.turn.moved || now.Before(r.turn.ends) || now.Sub(r.turn.asked) < min(askEvery, r.worker.config.Slice) {
		return r.turn.over, false
	}
	r.turn.asked = now
	return false, true
}

func (r *Run) decide(wait bool) (over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn.over = r.turn.over || wait
	return r.turn.over
}

// othersWait reports whether somebody would begin, or go on, if the operation did not:
// a job of its queue that comes before its own next one, or an operation that waits for
// the limit for which it counts.
func (w *Worker) othersWait(ctx context.Context, o Operation) (bool, error) {
	wait, err := w.queue.AnyDue(ctx, o.Type.queue(), o.Type.priority(true))
	if err != nil || wait || !o.Type.limited() {
		return wait, err
	}
	switch {
	case w.config.Limits.Total > 0:
		return w.repository.AnyHeld(ctx, nil)
	case w.config.Limits.PerUser > 0 && o.UserID != nil:
		return w.repository.AnyHeld(ctx, o.UserID)
	default:
		return false, nil
	}
}

// yield lets go of the operation and rings for it, behind all who wait like it.
func (w *Worker) yield(ctx context.Context, run *Run) error {
	return w.db.InTx(ctx, func(ctx context.Context) error {
		if err := w.repository.Yield(ctx, run.Operation); err != nil {
			return fmt.Errorf("letting others have their turn: %w", err)
		}
		o := run.Operation
		return w.starter.ringWith(ctx, o.UUID, jobs.Options{Queue: o.Type.queue(), Priority: o.Type.priority(true)})
	})
}

// patience is how long a job may be passed over by those of a better priority.
const patience = time.Minute

// raiseOldest lets the job that was passed over for longest go first, if that was for long:
// one with each look, so that what somebody waits for still gets most of the time.
func (w *Worker) raiseOldest(ctx context.Context) error {
	return w.queue.RaiseOldest(ctx, "", bell{}.Kind(), patience)
}
