package operations

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"semantik/platform/apperr"
	"semantik/platform/jobs"
)

const (
	// The pause before an operation is tried again: firstPause, then four times as long
	// with each attempt that gets nowhere.
	firstPause   = time.Second
	longestPause = 5 * time.Minute
	// maxInterrupted is how many attempts in a row may end with an error that passes and
	// without getting anywhere, which is half an hour: what lasts longer than that while
	// the database can be reached is the work's own fault, a statement that always takes
	// too long perhaps.
	maxInterrupted = 10
)

// pauseAfter is the pause after so many attempts in a row that got nowhere, the last one
// included. Up to a quarter is left out, by a number from 0 to 1, so that what failed
// together does not come back together.
func pauseAfter(attempts int, random float64) time.Duration {
	pause := longestPause
	if attempts < 6 { // 4^5 seconds are longer than the longest
		pause = min(firstPause<<(2*max(attempts-1, 0)), longestPause)
	}
	return pause - time.Duration(random*float64(pause)/4)
}

// retries reports whether the operation is to be tried again after the error, and whether
// the error is one that passes. One that nobody knows is tried again as often as a worker
// may be lost, and one that says what is wrong is not, except for what never gives up.
func (w *Worker) retries(ctx context.Context, run *Run, cause error) (again, passes bool, err error) {
	passes = apperr.KindOf(cause) == apperr.Unavailable
	if passes || !w.ground(run.Operation.Type).givesUp() {
		return true, passes, nil
	}
	if apperr.KindOf(cause) != apperr.Internal {
		return false, false, nil
	}
	o, err := w.repository.Get(ctx, run.Operation.UUID) // progress starts the count anew
	return o.Meta.Stalled < w.config.MaxAttempts, false, err
}

// putOff lets go of the operation and has it tried again after a pause.
func (w *Worker) putOff(ctx context.Context, run *Run, passes bool) (time.Duration, error) {
	var pause time.Duration
	err := w.db.InTx(ctx, func(ctx context.Context) error {
		o, err := w.repository.Get(ctx, run.Operation.UUID)
		if err != nil {
			return err
		}
		nowhere := o.Meta.Stalled + o.Meta.Interrupted
		pause = pauseAfter(nowhere, rand.Float64()) //nolint:gosec // it spreads, and hides nothing
		if err := w.repository.PutOff(ctx, run.Operation, pause, passes); err != nil {
			return fmt.Errorf("putting an operation off: %w", err)
		}
		return w.starter.ringWith(ctx, o.UUID, jobs.Options{
			Queue: o.Type.queue(), Priority: o.Type.priority(false), At: w.config.Now().Add(pause),
		})
	})
	return pause, err
}
