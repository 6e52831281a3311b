package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/platform/jobs"
	"semantik/platform/schedule"
)

// page is how many collections are looked at in one statement.
const page = 500

// forgetOperations removes the rows of collections that were deleted long ago, with
// their operations, and then what is old of everybody's operations.
func (u *upkeep) forgetOperations(ctx context.Context, _ *schedule.Run) (string, error) {
	tombstones, left, err := u.forgetTombstones(ctx)
	var ended int64
	if err == nil {
		ended, err = u.forgetEnded(ctx)
	}
	summary := fmt.Sprintf("Deleted collections forgotten: %d; operations removed: %d.", tombstones, ended)
	if left > 0 {
		summary += fmt.Sprintf(" Deleted collections of which something is left although they were purged: %d.", left)
	}
	return summary, err
}

// forgetTombstones goes through the rows of collections that were deleted long ago.
func (u *upkeep) forgetTombstones(ctx context.Context) (forgotten, left int, err error) {
	var at collections.Tombstone
	err = u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		found, err := u.CollectionRows.ListTombstones(ctx, u.config.Operations, at, page)
		if err != nil {
			return false, fmt.Errorf("looking for deleted collections: %w", err)
		}
		for _, at = range found {
			gone, remains, err := u.forgetTombstone(ctx, at.ID)
			if err != nil {
				return false, fmt.Errorf("forgetting the deleted collection %s: %w", at.ID, err)
			}
			if gone {
				forgotten++
			}
			if remains {
				left++
				u.config.Logger.ErrorContext(ctx, "something is left of a collection that was purged; its row stays, please report it", "collection_id", at.ID)
			}
		}
		return len(found) == page, nil
	})
	return forgotten, left, err
}

// forgetTombstone removes the row of a collection that was purged, once it is seen that
// nothing but its operations would go with it: the row's cascade is no purge.
func (u *upkeep) forgetTombstone(ctx context.Context, id uuid.UUID) (gone, remains bool, err error) {
	scope, err := u.Collections.ScopeForPurge(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return false, false, nil // another process was here
	}
	if err != nil {
		return false, false, err
	}
	purged, err := u.OperationRows.IsPurged(ctx, scope)
	if err != nil || !purged {
		return false, false, err
	}
	if remains, err = u.remains(ctx, scope); err != nil || remains {
		return false, remains, err
	}
	err = u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		n, err := u.OperationRows.PurgeOfDeleted(ctx, scope, u.config.Rows)
		return n >= int64(u.config.Rows), err
	})
	if err != nil {
		return false, false, err
	}
	err = u.DB.InTx(ctx, func(ctx context.Context) error {
		gone = false
		if remains, err = u.remains(ctx, scope); err != nil || remains {
			return err
		}
		gone, err = u.CollectionRows.Forget(ctx, scope)
		return err
	})
	return gone, remains, err
}

// remains reports whether anything is left of a collection besides its operations.
func (u *upkeep) remains(ctx context.Context, scope collections.Scope) (bool, error) {
	for _, has := range []func(context.Context, collections.Scope) (bool, error){
		u.DocumentRows.HasAny, u.ChunkRows.HasAny, u.CollectionRows.HasBelongings,
	} {
		if left, err := has(ctx, scope); err != nil || left {
			return left, err
		}
	}
	return false, nil
}

// forgetEnded removes operations that ended long ago.
func (u *upkeep) forgetEnded(ctx context.Context) (int64, error) {
	var total int64
	at := operations.Key{CreatedAt: time.Unix(0, 0)}
	err := u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		gone, next, more, err := u.OperationRows.PurgeEnded(ctx, u.config.Operations, newestOperations, at, u.config.Rows)
		if err != nil {
			return false, fmt.Errorf("removing operations: %w", err)
		}
		total, at = total+gone, next
		return more, nil
	})
	return total, err
}

// forgetExpired removes what has an end of its own, the sync runs that nobody asks for any
// more, and what killed processes have left in the queue.
func (u *upkeep) forgetExpired(ctx context.Context, _ *schedule.Run) (string, error) {
	tokens, err := u.untilFew(ctx, u.UserRows.PurgeRefreshTokens)
	if err != nil {
		return "", fmt.Errorf("removing refresh tokens: %w", err)
	}
	keys, err := u.Keys.Forget(ctx)
	if err != nil {
		return "", fmt.Errorf("removing idempotency keys: %w", err)
	}
	runs, err := u.trimSyncRuns(ctx)
	if err != nil {
		return "", fmt.Errorf("removing sync runs: %w", err)
	}
	lost, err := u.discardLost(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Refresh tokens removed: %d; idempotency keys: %d; sync runs: %d; jobs of processes that are gone: %d.", tokens, keys, runs, lost), nil
}

// discardLost ends the jobs that are running for the queue and for nobody else.
func (u *upkeep) discardLost(ctx context.Context) (int64, error) {
	held, err := u.OperationRows.ListHeldTasks(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking which operations are worked on: %w", err)
	}
	return u.Queue.DiscardLost(ctx, jobs.LostAfter, held)
}

// untilFew deletes in slices until one is not full.
func (u *upkeep) untilFew(ctx context.Context, slice func(ctx context.Context, limit int) (int64, error)) (total int64, err error) {
	err = u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		gone, err := slice(ctx, u.config.Rows)
		total += gone
		return gone >= int64(u.config.Rows), err
	})
	return total, err
}

// trimSyncRuns goes through all collections. One that has more old runs than a slice
// deletes has the rest removed the next time.
func (u *upkeep) trimSyncRuns(ctx context.Context) (total int64, err error) {
	var after uuid.UUID
	err = u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		ids, err := u.CollectionRows.ListAfter(ctx, after, page)
		if err != nil || len(ids) == 0 {
			return false, err
		}
		after = ids[len(ids)-1]
		gone, err := u.CollectionRows.TrimSyncRuns(ctx, ids, newestSyncRuns, max(1, u.config.Rows/heavy))
		total += gone
		return len(ids) == page, err
	})
	return total, err
}
