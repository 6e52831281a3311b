package upkeep

import (
	"context"
	"fmt"

	"semantik/modules/documents"
	"semantik/platform/schedule"
)

// binned is what was removed for good.
type binned struct{ documents, bytes int64 }

// emptyBin removes the documents that have been in the bin for long enough. Their
// chunks went when they were deleted, and nothing counts them, so that no row of a
// collection is locked. The foreign key leaves no content without its document; what else
// can be left over are files of uploads, on the disk of the server that was killed.
func (u *upkeep) emptyBin(ctx context.Context, _ *schedule.Run) (string, error) {
	var total binned
	err := u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		gone, more, err := u.emptySlice(ctx)
		total.documents, total.bytes = total.documents+gone.documents, total.bytes+gone.bytes
		if err != nil {
			return false, fmt.Errorf("emptying the bin: %w", err)
		}
		return more, nil
	})
	var files int
	if err == nil {
		files, err = documents.RemoveLeftUploads(u.config.SpoolDir)
	}
	return fmt.Sprintf("Documents removed: %d; bytes of their contents: %d; files of broken uploads: %d.", total.documents, total.bytes, files), err
}

// emptySlice removes what may be much of some documents, or the documents once nothing
// is left of them.
func (u *upkeep) emptySlice(ctx context.Context) (gone binned, more bool, err error) {
	limit := max(1, u.config.Rows/heavy)
	err = u.DB.InTx(ctx, func(ctx context.Context) error {
		gone, more = binned{}, false
		ids, err := u.DocumentRows.LockBinned(ctx, u.config.Trash, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		more = true
		var contents int64
		contents, gone.bytes, err = u.DocumentRows.PurgeBinnedContents(ctx, ids, limit)
		if err != nil || contents >= int64(limit) {
			return err
		}
		gone.documents, err = u.DocumentRows.PurgeBinned(ctx, ids)
		return err
	})
	return gone, more, err
}
