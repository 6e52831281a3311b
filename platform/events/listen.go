package events

import (
	"context"
	"math/rand/v2"
	"time"

	"semantik/platform/database"
)

// answerTimeout bounds the wait for an answer to the heartbeat, and to the words
// with which a connection begins.
const answerTimeout = 5 * time.Second

// Run listens until the context ends. A connection that is lost is made again,
// with pauses that grow; subscribers are told each time that one was made.
func (b *Bus) Run(ctx context.Context) {
	pause, failing := b.config.RetryFirst, false
	for ctx.Err() == nil {
		connected, err := b.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if connected {
			pause, failing = b.config.RetryFirst, false
		}
		if !failing {
			b.config.Logger.WarnContext(ctx, "events are not heard until PostgreSQL answers again", "error", err)
		}
		failing = true
		// Every process has lost its connection at the same time.
		timer := time.NewTimer(pause/2 + rand.N(pause/2+1)) //nolint:gosec // no secret
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		pause = min(2*pause, b.config.RetryLast)
	}
}

// listen hears over one connection until it is lost, and tells whether it was
// ever made.
func (b *Bus) listen(ctx context.Context) (connected bool, err error) {
	listener, err := b.connect(ctx)
	if err != nil {
		return false, err
	}
	defer listener.Close(ctx)
	// From here on nothing is missed; what was before may have been.
	b.missed()
	for {
		payload, heard, err := listener.Wait(ctx, b.config.Heartbeat)
		switch {
		case err != nil:
			return true, err
		case heard:
			b.hear(payload)
		default:
			if err := answers(ctx, listener); err != nil {
				return true, err
			}
		}
	}
}

func (b *Bus) connect(ctx context.Context) (*database.Listener, error) {
	bounded, cancel := context.WithTimeout(ctx, 2*answerTimeout)
	defer cancel()
	return b.db.Listen(bounded, channel)
}

func answers(ctx context.Context, listener *database.Listener) error {
	bounded, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return listener.Ping(bounded)
}
