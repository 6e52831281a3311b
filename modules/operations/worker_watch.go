package operations

import (
	"context"
	"time"

	"semantik/platform/jobs"
)

// Bounds of the look-out for unattended operations.
const (
	// pendingGrace is how long an operation may be pending before it is asked
	// whether its bell still hangs; a shorter lease bounds that too.
	pendingGrace = 30 * time.Second
	// lookAtMost is how many operations are looked at in one go.
	lookAtMost = 100
)

// lookAround rings again for operations whose worker is gone or whose bell was
// lost, and for those that a limit has room for. Every process does so; the row's lock
// keeps them from ringing for the same one.
func (w *Worker) lookAround(ctx context.Context) {
	ticker := time.NewTicker(w.config.Lease / 4)
	defer ticker.Stop()
	for {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.config.Logger.WarnContext(ctx, "looking for unattended operations", "error", err)
		}
		select {
		case <-w.stopping:
			return
		case <-ticker.C:
		}
	}
}

func (w *Worker) look(ctx context.Context) error {
	if err := w.ringAgain(ctx); err != nil {
		return err
	}
	if err := w.ringHeld(ctx, nil, lookAtMost); err != nil {
		return err
	}
	return w.raiseOldest(ctx)
}

func (w *Worker) ringAgain(ctx context.Context) error {
	return w.db.InTx(ctx, func(ctx context.Context) error {
		unattended, err := w.repository.LockUnattended(ctx, min(pendingGrace, w.config.Lease), lookAtMost)
		if err != nil {
			return err
		}
		for _, o := range unattended {
			waits, err := w.bellHangs(ctx, o)
			if err != nil {
				return err
			}
			if waits {
				continue
			}
			begun := o.WaitsFor != nil && *o.WaitsFor == WaitTurn
			if err := w.starter.ringWith(ctx, o.UUID, jobs.Options{Queue: o.Type.queue(), Priority: o.Type.priority(begun)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// bellHangs reports whether the operation's job is still going to be worked on. One that
// was taken up is given the time to claim the operation, but not more than the lease: when
// that has lapsed, it mostly was this job's handler who held it, and is gone. Ringing for
// one that is about to claim it does no harm.
func (w *Worker) bellHangs(ctx context.Context, o Unattended) (bool, error) {
	if o.TaskID == nil {
		return false, nil
	}
	return w.queue.Waits(ctx, *o.TaskID, min(jobs.StartGrace, w.config.Lease))
}
