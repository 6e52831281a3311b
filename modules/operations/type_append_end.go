package operations

import (
	"context"
	"fmt"

	"semantik/modules/collections"
)

// Withdraw gives up the documents that wait or are being worked on: they fail, and
// can be retried. A new content that was not got to leaves the old one's chunks
// where they are, so that a reader goes on seeing them; chunks that are only half
// searchable go.
func (a *appendWork) Withdraw(ctx context.Context, scope collections.Scope, reason string) (int64, error) {
	halfDone, err := a.documents.ListHalfDone(ctx, scope)
	if err != nil {
		return 0, err
	}
	var counts collections.Counts
	for _, d := range halfDone {
		chunksGone, rowsGone, err := a.chunks.DeleteChunksByDocument(ctx, scope, d.ID)
		if err != nil {
			return 0, err
		}
		if err := a.documents.ForgetChunks(ctx, scope, d.ID); err != nil {
			return 0, err
		}
		counts.Chunks -= chunksGone
		counts.Vectors -= rowsGone
	}
	left, err := a.documents.Withdraw(ctx, scope, reason)
	if err != nil {
		return 0, fmt.Errorf("giving up the documents that wait: %w", err)
	}
	if counts != (collections.Counts{}) {
		err = a.rows.AddCounts(ctx, scope, counts)
	}
	return left, err
}
