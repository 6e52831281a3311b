package operations

import (
	"context"
	"errors"
	"sync"
	"time"
)

// watchEvery is how often a worker asks whether the operation is still its own, so
// that a long step stops within a second of being cancelled.
const watchEvery = 500 * time.Millisecond

// holdingLease runs fn while it renews the operation's lease. When the lease is
// lost, because the operation was cancelled or taken by another worker, or
// because the database could not be reached for as long as it lasts, fn's
// context is cancelled.
func (w *Worker) holdingLease(ctx context.Context, run *Run, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { w.renew(ctx, run, cancel) })
	err := fn(ctx)
	lost := errors.Is(context.Cause(ctx), errLost)
	cancel(nil)
	renewing.Wait()
	if err != nil && lost {
		return errLost
	}
	return err
}

func (w *Worker) renew(ctx context.Context, run *Run, lose context.CancelCauseFunc) {
	ticker := time.NewTicker(min(w.config.Lease/4, watchEvery))
	defer ticker.Stop()
	held := time.Now().Add(w.config.Lease)
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		var err error
		if due := asked.Sub(renewed) >= w.config.Lease/4; due {
			err = w.repository.Renew(ctx, run.Operation, w.config.Lease)
			if err == nil {
				held, renewed = asked.Add(w.config.Lease), asked
			}
		} else {
			err = w.repository.Holds(ctx, run.Operation)
		}
		switch {
		case err == nil:
		case errors.Is(err, errLost), time.Now().After(held):
			lose(errLost)
			return
		}
	}
}
