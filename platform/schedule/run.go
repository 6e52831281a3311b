package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"semantik/platform/apperr"
)

const (
	// endTimeout bounds the statement that notes the end of a run.
	endTimeout = 2 * time.Second
	// maxText bounds what is kept of a summary and of an error, in characters.
	maxText = 1000
)

// errLimit is the cause of the end of a run that has taken too long.
var errLimit = apperr.New(apperr.Timeout, "task_limit", "The task has taken longer than it may; it goes on the next time.")

// run does a task that was claimed, and notes what came of it. An error is about the
// noting.
func (s *Schedule) run(ctx context.Context, c claim) error {
	task, _ := s.task(c.Name)
	log := s.config.Logger.With("task", task.Name)
	began := time.Now()
	summary, err := s.holdingLease(ctx, c, func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, task.limit(), errLimit)
		defer cancel()
		summary, err := s.do(ctx, task, c)
		if err != nil && errors.Is(context.Cause(ctx), errLimit) {
			err = errLimit.WithCause(err)
		}
		return summary, err
	})
	took := time.Since(began).Round(time.Millisecond)
	stopped := ctx.Err() != nil
	// What follows is said although ctx may have ended: it is about the end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	switch {
	case errors.Is(err, errLost):
		log.WarnContext(ctx, "a scheduled task was taken over by another process", "took", took)
		return nil
	case err == nil:
		log.InfoContext(ctx, "a scheduled task is done", "summary", summary, "took", took)
		err = s.repository.complete(ctx, c, statusOK, cut(summary), "", task.Every)
	case stopped:
		err = s.repository.release(ctx, c)
	default:
		log.WarnContext(ctx, "a scheduled task has failed; it will be tried again", "error", err, "in", task.again(), "took", took)
		err = s.repository.complete(ctx, c, statusFailed, cut(summary), cut(apperr.From(err).Message), task.again())
	}
	if err != nil && !errors.Is(err, errLost) {
		return fmt.Errorf("noting the end of the task %s: %w", task.Name, err)
	}
	return nil
}

// do calls the task; a panic in it is an error, since a task that ends its process
// would do so again after the next start.
func (s *Schedule) do(ctx context.Context, task Task, c claim) (summary string, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	return task.Do(ctx, &Run{claim: c, repository: s.repository})
}

// holdingLease runs fn while it renews the lease. When the lease is lost, because the
// database could not be reached for as long as it lasts, fn's context is cancelled.
func (s *Schedule) holdingLease(ctx context.Context, c claim, fn func(ctx context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { s.renew(ctx, c, cancel) })
	summary, err := fn(ctx)
	lost := errors.Is(context.Cause(ctx), errLost)
	cancel(nil)
	renewing.Wait()
	if err != nil && lost {
		return summary, errLost
	}
	return summary, err
}

func (s *Schedule) renew(ctx context.Context, c claim, lose context.CancelCauseFunc) {
	ticker := time.NewTicker(s.config.Lease / 4)
	defer ticker.Stop()
	held := time.Now().Add(s.config.Lease)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		err := s.repository.renew(ctx, c, s.config.Lease)
		switch {
		case err == nil:
			held = asked.Add(s.config.Lease)
		case errors.Is(err, errLost), time.Now().After(held):
			lose(errLost)
			return
		}
	}
}

// cut shortens a text to what is kept of it.
func cut(text string) string {
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return text
}
