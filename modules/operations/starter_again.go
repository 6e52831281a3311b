package operations

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"semantik/platform/jobs"
)

// RingAgain inserts a job for an operation that waits and has none that is going to be
// worked on; false when it has, or does not wait any more. The operation's row is locked.
func (s *Starter) RingAgain(ctx context.Context, id uuid.UUID) (rung bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		rung = false
		o, found, err := s.repository.lockPending(ctx, id)
		if err != nil || !found {
			return err
		}
		if o.TaskID != nil {
			waits, err := s.queue.Waits(ctx, *o.TaskID, jobs.StartGrace)
			if err != nil || waits {
				return err
			}
		}
		rung = true
		return s.ring(ctx, id, o.Type)
	})
	if err != nil {
		return false, fmt.Errorf("ringing for an operation: %w", err)
	}
	return rung, nil
}
