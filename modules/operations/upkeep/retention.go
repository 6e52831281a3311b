package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/platform/archive"
	"semantik/platform/jobs"
	"semantik/platform/schedule"
)

// page is how many collections are looked at in one statement.
const page = 500

// forgotten is what the task operations has done.
type forgotten struct {
	// collections are those of which nothing tells any more, and left those of which
	// something is left although they were purged.
	collections, left int
	operations        int64
	archived          archive.Kept
}

func (f forgotten) text(archiving bool) string {
	text := fmt.Sprintf("Deleted collections forgotten: %d; operations removed: %d.", f.collections, f.operations)
	if archiving {
		text += " " + f.archived.String()
	}
	if f.left > 0 {
		text += fmt.Sprintf(" Deleted collections of which something is left although they were purged: %d.", f.left)
	}
	return text
}

// forgetOperations removes the rows of collections that were deleted long ago, with
// their operations, and then what is old of everybody's operations.
func (u *upkeep) forgetOperations(ctx context.Context, _ *schedule.Run) (string, error) {
	var f forgotten
	err := u.forgetTombstones(ctx, &f)
	if err == nil {
		err = u.forgetEnded(ctx, &f)
	}
	return f.text(u.config.Archive.On()), err
}

// forgetTombstones goes through the rows of collections that were deleted long ago.
func (u *upkeep) forgetTombstones(ctx context.Context, f *forgotten) error {
	var at collections.Tombstone
	return u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		found, err := u.CollectionRows.ListTombstones(ctx, u.config.Operations, at, page)
		if err != nil {
			return false, fmt.Errorf("looking for deleted collections: %w", err)
		}
		purged := []collections.Scope{}
		for _, at = range found {
			scope, ok, err := u.isForgettable(ctx, at.ID, f)
			if err != nil {
				return false, fmt.Errorf("looking at the deleted collection %s: %w", at.ID, err)
			}
			if ok {
				purged = append(purged, scope)
			}
		}
		if err := u.archiveAll(ctx, purged, f); err != nil {
			return false, err
		}
		for _, scope := range purged {
			if err := u.forgetTombstone(ctx, scope, f); err != nil {
				return false, fmt.Errorf("forgetting the deleted collection %s: %w", scope.ID(), err)
			}
		}
		return len(found) == page, nil
	})
}

// isForgettable tells whether a deleted collection was purged and nothing but its
// operations would go with its row: the row's cascade is no purge.
func (u *upkeep) isForgettable(ctx context.Context, id uuid.UUID, f *forgotten) (collections.Scope, bool, error) {
	scope, err := u.Collections.ScopeForPurge(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return scope, false, nil // another process was here
	}
	if err != nil {
		return scope, false, err
	}
	purged, err := u.OperationRows.IsPurged(ctx, scope)
	if err != nil || !purged {
		return scope, false, err
	}
	remains, err := u.remains(ctx, scope)
	if err == nil && remains {
		u.reportLeft(ctx, id, f)
	}
	return scope, err == nil && !remains, err
}

func (u *upkeep) reportLeft(ctx context.Context, id uuid.UUID, f *forgotten) {
	f.left++
	u.config.Logger.ErrorContext(ctx, "something is left of a collection that was purged; its row stays, please report it", "collection_id", id)
}

// forgetTombstone removes the operations of a collection that was purged, and its row,
// once it is seen in one transaction that nothing else would go with it.
func (u *upkeep) forgetTombstone(ctx context.Context, scope collections.Scope, f *forgotten) error {
	err := u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		n, err := u.OperationRows.PurgeOfDeleted(ctx, scope, u.config.Rows)
		f.operations += n
		return n >= int64(u.config.Rows), err
	})
	if err != nil {
		return err
	}
	var gone, remains bool
	err = u.DB.InTx(ctx, func(ctx context.Context) error {
		gone = false
		if remains, err = u.remains(ctx, scope); err != nil || remains {
			return err
		}
		gone, err = u.CollectionRows.Forget(ctx, scope)
		return err
	})
	switch {
	case err != nil:
		return err
	case remains:
		u.reportLeft(ctx, scope.ID(), f)
	case gone:
		f.collections++
		f.operations++ // that by which it was deleted
	}
	return nil
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

// forgetEnded removes operations that ended long ago, a file of the archive at a time.
func (u *upkeep) forgetEnded(ctx context.Context, f *forgotten) error {
	at := operations.Key{CreatedAt: time.Unix(0, 0)}
	return u.inSlices(ctx, func(ctx context.Context) (more bool, err error) {
		var ids []int64
		if ids, at, more, err = u.archiveEnded(ctx, at, f); err != nil {
			return false, fmt.Errorf("looking for old operations: %w", err)
		}
		for slice := range slices.Chunk(ids, u.config.Rows) {
			gone, err := u.OperationRows.PurgeEnded(ctx, slice)
			f.operations += gone
			if err == nil {
				err = u.pause(ctx)
			}
			if err != nil {
				return false, fmt.Errorf("removing operations: %w", err)
			}
		}
		return more, nil
	})
}

// forgetExpired removes what has an end of its own, the sync runs that nobody asks for any
// more, and what killed processes have left in the queue.
func (u *upkeep) forgetExpired(ctx context.Context, _ *schedule.Run) (string, error) {
	tokens, err := u.untilFew(ctx, u.UserRows.PurgeRefreshTokens)
	if err != nil {
		return "", fmt.Errorf("removing refresh tokens: %w", err)
	}
	apiKeys, err := u.untilFew(ctx, func(ctx context.Context, limit int) (int64, error) {
		return u.UserRows.PurgeAPIKeys(ctx, u.config.APIKeys, limit)
	})
	if err != nil {
		return "", fmt.Errorf("removing API keys: %w", err)
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
	return fmt.Sprintf("Refresh tokens removed: %d; API keys: %d; idempotency keys: %d; sync runs: %d; jobs of processes that are gone: %d.",
		tokens, apiKeys, keys, runs, lost), nil
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
