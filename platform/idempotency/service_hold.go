package idempotency

import (
	"context"
	"sync"
	"time"
)

// hold works while it holds the key, and then writes the answer or gives the key up.
func (k *Keeper) hold(ctx context.Context, r Request, key row, work Work) (answer Answer, err error) {
	worked := false
	defer func() { // after a panic, too
		if !worked {
			k.release(ctx, key)
		}
	}()
	renewing, stop := context.WithCancel(ctx)
	var renewal sync.WaitGroup
	renewal.Go(func() { k.renew(renewing, key) })
	defer renewal.Wait()
	defer stop()

	if answer, err = work(ctx); err != nil {
		return Answer{}, err
	}
	digest, err := r.Digest()
	if err != nil {
		return Answer{}, err
	}
	worked = true
	k.keep(ctx, key, key.answered(digest, answer))
	return answer, nil
}

// keep writes the answer. What it tells of is committed, and the client shall hear of
// it even if the answer cannot be kept.
func (k *Keeper) keep(ctx context.Context, held, answered row) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	kept, err := k.repository.answer(bounded, *held.Owner, answered)
	if err != nil || !kept {
		k.config.Logger.WarnContext(ctx, "the answer to a request with an idempotency key was not kept",
			"endpoint", held.Endpoint, "user_id", held.UserID, "error", err)
	}
}

// release gives the key up, so that the request can be sent again at once. Where that
// fails, it can be once the lease has lapsed.
func (k *Keeper) release(ctx context.Context, key row) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := k.repository.release(bounded, key); err != nil {
		k.config.Logger.WarnContext(ctx, "an idempotency key is held until its lease lapses",
			"endpoint", key.Endpoint, "user_id", key.UserID, "error", err)
	}
}

// renew holds the key until the context ends, or somebody else has it. A renewal that
// fails is tried again with the next.
func (k *Keeper) renew(ctx context.Context, key row) {
	ticker := time.NewTicker(k.config.Lease / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if held, err := k.repository.renew(ctx, key, k.config.Lease); err == nil && !held {
			return
		}
	}
}
