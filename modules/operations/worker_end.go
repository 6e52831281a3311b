package operations

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/events"
)

// errMore means that an operation whose work was done has work again.
var errMore = errors.New("there is more to do")

// complete ends an operation whose work says that nothing is left, and with it
// makes the collection ready that people use. It holds the collection's lock while the work looks once
// more, so that no document comes in between the look and the end.
func (w *Worker) complete(ctx context.Context, run *Run, work Work) error {
	return w.db.InTx(ctx, func(ctx context.Context) error {
		ground := w.ground(run.Operation.Type)
		if err := ground.lock(ctx, run.Scope); err != nil {
			return err
		}
		result, err := work.Result(ctx, run)
		if cameToNothing(err) {
			return w.endWithNothing(ctx, run, err)
		}
		if err != nil {
			return err
		}
		if err := ground.complete(ctx, run.Scope); err != nil {
			return err
		}
		told, err := w.eventsOfCompletion(ctx, run, result)
		if err != nil {
			return err
		}
		return w.finish(ctx, run.Operation, StatusCompleted, nil, result, told...)
	})
}

// cameToNothing reports whether err is what the work has come to, rather than what has
// kept it from coming to its end.
func cameToNothing(err error) bool {
	return errors.Is(err, errNothingReadable) || errors.Is(err, errNoSourceReadable)
}

// endWithNothing ends an operation that was carried out whole and has come to nothing, in
// the transaction that has found that nothing waits any more: a document that comes in
// after it gets an operation of its own, and is not given up with this one.
func (w *Worker) endWithNothing(ctx context.Context, run *Run, cause error) error {
	w.teller.forget(run.Operation.UUID) // nothing is told after its end
	w.db.AfterCommit(ctx, func(ctx context.Context) {
		w.config.Logger.Log(ctx, levelOf(cause), "an operation failed", "operation_id", run.Operation.UUID, "error", cause)
	})
	return w.end(ctx, run, apperr.From(cause).Message)
}

// finish ends the operation, and counts that once it is committed.
func (w *Worker) finish(ctx context.Context, o Operation, to Status, reason *string, result map[string]any, told ...events.Event) error {
	err := w.repository.Finish(ctx, o, to, reason, result, told...)
	if err == nil {
		w.db.AfterCommit(ctx, func(context.Context) { w.config.Metrics.ended(o, to) })
	}
	return err
}

// broken deals with an attempt that ended with an error: the operation is tried again
// after a pause, or fails. What it returns has been logged.
func (w *Worker) broken(ctx context.Context, log *slog.Logger, run *Run, cause error) error {
	again, passes, err := w.retries(ctx, run, cause)
	if err == nil && !again {
		log.Log(ctx, levelOf(cause), "an operation failed", "error", cause)
		return w.fail(ctx, run, cause)
	}
	var pause time.Duration
	if err == nil {
		pause, err = w.putOff(ctx, run, passes)
	}
	switch {
	case errors.Is(err, errLost):
		return nil
	case err != nil: // the lease will lapse
		log.WarnContext(ctx, "an operation was interrupted and will be resumed", "error", cause)
		return cause
	case passes:
		log.WarnContext(ctx, "an operation was interrupted and will be resumed", "error", cause, "in", pause)
	default:
		log.ErrorContext(ctx, "an operation was broken off and will be tried again", "error", cause, "in", pause)
	}
	return nil
}

// levelOf is how much whoever runs the server should care that an operation has failed of
// something: a folder that is gone, say, is its user's matter.
func levelOf(cause error) slog.Level {
	switch apperr.KindOf(cause) {
	case apperr.Internal:
		return slog.LevelError
	case apperr.Unavailable:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// letGo says what has become of letting go of an operation, which is no failure: its lease
// lapses.
func letGo(ctx context.Context, log *slog.Logger, err error) error {
	if err != nil && !errors.Is(err, errLost) {
		log.WarnContext(ctx, "an operation could not be handed back; its lease will lapse", "error", err)
	}
	return nil
}

// cancel ends an operation whose collection was deleted under its hands.
func (w *Worker) cancel(ctx context.Context, run *Run) error {
	err := w.finish(ctx, run.Operation, StatusCancelled, nil, nil)
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

// fail ends an operation that cannot go on.
func (w *Worker) fail(ctx context.Context, run *Run, cause error) error {
	reason := "Something went wrong on the server; its log has the reason under this operation's id."
	if e := apperr.From(cause); e.Kind != apperr.Internal {
		reason = e.Message
	}
	return w.failFor(ctx, run, reason)
}

// failTimeout bounds the putting away of what waits for an operation that fails.
const failTimeout = 10 * time.Minute

// failFor ends an operation that cannot go on for a reason that people are told.
func (w *Worker) failFor(ctx context.Context, run *Run, reason string) error {
	// What follows may last, and is about the end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failTimeout)
	defer cancel()
	_, err := w.works.withdrawMany(ctx, w.db, run.Operation.Type, run.Scope, reasonOfFailure(run, reason), func(ctx context.Context) error {
		if w.isStopping() {
			return errStopping
		}
		return w.repository.Renew(ctx, run.Operation, w.config.Lease)
	})
	if err == nil {
		err = w.db.InTx(ctx, func(ctx context.Context) error { return w.end(ctx, run, reason) })
	}
	if errors.Is(err, errLost) || errors.Is(err, errStopping) { // the lease will lapse
		return nil
	}
	return err
}

// reasonOfFailure is what is said of a document, or a source, that was not got to.
func reasonOfFailure(run *Run, reason string) string {
	return fmt.Sprintf("The %s operation failed before it was through: %s", run.Operation.Type, reason)
}

// end marks the operation as failed and its collection as in error, in the unit
// of work of the context.
func (w *Worker) end(ctx context.Context, run *Run, reason string) error {
	_, err := w.rows.Lock(ctx, run.Scope)
	if err == nil {
		err = w.abandon(ctx, run, reason)
	}
	if err != nil && apperr.KindOf(err) != apperr.NotFound {
		return err
	}
	return w.finish(ctx, run.Operation, StatusFailed, &reason, nil, slices.Clone(run.untold)...)
}

// abandon leaves the collection of an operation that failed in order.
func (w *Worker) abandon(ctx context.Context, run *Run, reason string) error {
	if work, ok := w.works[run.Operation.Type]; ok {
		if _, err := work.Abandon(ctx, run, reason); err != nil {
			return err
		}
		// Nothing waits for an operation that is over.
		if _, err := work.Withdraw(ctx, run.Scope, reasonOfFailure(run, reason)); err != nil {
			return err
		}
	}
	if err := w.rows.RecountSources(ctx, run.Scope); err != nil {
		return err
	}
	to := collections.StatusError
	if run.leavesReady {
		to = collections.StatusReady
	}
	return w.starter.status.Change(ctx, run.Scope, to, reason)
}

// handBack makes the operation pending again and rings for it, so that another
// worker, or this one at its next start, goes on with it.
func (w *Worker) handBack(ctx context.Context, run *Run) error {
	return w.db.InTx(ctx, func(ctx context.Context) error {
		if err := w.repository.HandBack(ctx, run.Operation); err != nil {
			return fmt.Errorf("handing an operation back: %w", err)
		}
		return w.starter.ring(ctx, run.Operation.UUID, run.Operation.Type)
	})
}
