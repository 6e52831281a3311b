package upkeep

import (
	"context"
	"fmt"

	"semantik/platform/schedule"
)

// emptyBin removes the documents that have been in the bin for long enough. Their
// chunks went when they were deleted, and nothing counts them, so that no row of a
// collection is locked.
func (u *upkeep) emptyBin(ctx context.Context, _ *schedule.Run) (string, error) {
	var total int64
	err := u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		gone, more, err := u.emptySlice(ctx)
		total += gone
		if err != nil {
			return false, fmt.Errorf("emptying the bin: %w", err)
		}
		return more, nil
	})
	return fmt.Sprintf("Documents removed: %d.", total), err
}

// emptySlice removes what may be much of some documents, or the documents once nothing
// is left of them.
func (u *upkeep) emptySlice(ctx context.Context) (gone int64, more bool, err error) {
	limit := max(1, u.config.Rows/heavy)
	err = u.DB.InTx(ctx, func(ctx context.Context) error {
		gone, more = 0, false
		ids, err := u.DocumentRows.LockBinned(ctx, u.config.Trash, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		more = true
		contents, err := u.DocumentRows.PurgeBinnedContents(ctx, ids, limit)
		if err != nil || contents >= int64(limit) {
			return err
		}
		gone, err = u.DocumentRows.PurgeBinned(ctx, ids)
		return err
	})
	return gone, more, err
}
