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

const (
	// keepTries is how often it is tried to keep an answer, and keepPause the pause after
	// the first time, twice as long after each further one: 3 s, so that neither a
	// connection that breaks nor a database that starts again costs the answer. The client
	// waits meanwhile, for [endTimeout] at the most.
	keepTries = 6
	keepPause = 100 * time.Millisecond
)

// keep writes the answer. What it tells of is committed, and the client shall hear of
// it even if the answer cannot be kept.
func (k *Keeper) keep(ctx context.Context, held, answered row) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	kept, err := k.write(bounded, held, answered, false)
	for try := 1; err != nil && try < keepTries && pause(bounded, keepPause<<(try-1)); try++ {
		kept, err = k.write(bounded, held, answered, true)
	}
	if err != nil || !kept {
		k.config.Logger.WarnContext(ctx, "the answer to a request with an idempotency key was not kept",
			"endpoint", held.Endpoint, "user_id", held.UserID, "error", err)
	}
}

// write writes the answer. The try before may have done so, and only its own answer been
// lost: then nobody holds the key any more, and it has the answer.
func (k *Keeper) write(ctx context.Context, held, answered row, again bool) (kept bool, err error) {
	kept, err = k.repository.answer(ctx, *held.Owner, answered)
	if err != nil || kept || !again {
		return kept, err
	}
	found, err := k.repository.get(ctx, held.UserID, held.Key)
	return err == nil && found != nil && found.Digest != nil && *found.Digest == *answered.Digest, err
}

// pause waits, and reports false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
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
