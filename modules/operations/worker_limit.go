package operations

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/jobs"
)

// admit reports whether the operation may be worked on although its limits count it.
func (w *Worker) admit(ctx context.Context, id uuid.UUID, o Origin) (bool, error) {
	if !o.Type.limited() {
		return true, nil
	}
	return w.repository.Admit(ctx, id, o.UserID, w.config.Limits)
}

// letNext rings for an operation that has waited for the place that this one has left.
// What is missed here, by a crash perhaps, is found by the look around.
func (w *Worker) letNext(ctx context.Context, o Operation) {
	limits := w.config.Limits
	if !o.Type.limited() || limits.none() || (limits.Total == 0 && o.UserID == nil) {
		return
	}
	if err := w.ringHeld(ctx, o.UserID, 1); err != nil {
		w.config.Logger.WarnContext(ctx, "the next operation could not be rung for; it will be found", "error", err)
	}
}

// ringHeld rings for operations that wait for a limit that has room: of the user, or one
// of each.
func (w *Worker) ringHeld(ctx context.Context, user *int64, limit int) error {
	return w.db.InTx(ctx, func(ctx context.Context) error {
		held, err := w.repository.NextHeld(ctx, user, w.config.Limits, limit)
		if err != nil {
			return err
		}
		for _, h := range held {
			if err := w.starter.ringWith(ctx, h.UUID, jobs.Options{Queue: h.Type.queue(), Priority: h.Type.priority(h.Begun)}); err != nil {
				return err
			}
		}
		return nil
	})
}
