package operations

import (
	"context"
	"errors"
	"fmt"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// failed ends the work on a document for what it, or working on it, has come to.
func (a *appendWork) failed(ctx context.Context, run *Run, d documents.Document, cause error) error {
	if e := apperr.From(cause); e.Kind != apperr.Internal {
		return a.giveUp(ctx, run, d, e.Message, documents.CategoryPermanent)
	}
	run.worker.config.Logger.ErrorContext(ctx, "a document could not be processed", "document_id", d.ID, "error", cause)
	return a.giveUp(ctx, run, d, "The document could not be processed; the server's log has the reason.", documents.CategoryUnknown)
}

// giveUp marks a document as failed, with the reason for people, and takes the chunks
// of its older content out of sight.
func (a *appendWork) giveUp(ctx context.Context, run *Run, d documents.Document, reason string, category documents.Category) error {
	err := a.commit(ctx, run, func(ctx context.Context) (collections.Counts, Progress, error) {
		more := Progress{Done: 1, Failed: 1, Message: d.FilePath}
		if err := a.documents.Fail(ctx, run.Scope, d, reason, category); err != nil {
			return collections.Counts{}, more, err
		}
		oldChunks, oldRows, err := a.chunks.DeleteChunksByDocument(ctx, run.Scope, d.ID)
		return collections.Counts{Chunks: -oldChunks, Vectors: -oldRows}, more, err
	})
	if errors.Is(err, documents.ErrContentChanged) {
		return nil
	}
	if err == nil {
		run.failed(d, reason)
	}
	return err
}

// lostOver gives up a document that brings the worker down.
func (a *appendWork) lostOver(ctx context.Context, run *Run, d documents.Document) error {
	run.worker.config.Logger.ErrorContext(ctx, "a document brings the worker down", "document_id", d.ID, "times", d.LostCount)
	reason := fmt.Sprintf("The worker was lost %d times in a row while it worked on this document.", d.LostCount)
	return a.giveUp(ctx, run, d, reason, documents.CategoryUnknown)
}

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
	if _, err := a.rows.AbandonScans(ctx, scope, reason); err != nil {
		return 0, fmt.Errorf("giving up the runs over sources: %w", err)
	}
	if counts != (collections.Counts{}) {
		if err := a.rows.AddCounts(ctx, scope, counts); err != nil {
			return 0, err
		}
	}
	return left, a.rows.FinishSyncRun(ctx, scope, reason)
}

// withdrawnAtOnce is how many documents that wait one transaction gives up: as many as it
// can in a second, since each is in eight indexes.
const withdrawnAtOnce = 2000

// WithdrawSome gives up documents that wait, where there are many.
func (a *appendWork) WithdrawSome(ctx context.Context, scope collections.Scope, reason string) (int64, error) {
	left, err := a.documents.WithdrawSome(ctx, scope, reason, withdrawnAtOnce)
	if err != nil {
		return 0, fmt.Errorf("giving up the documents that wait: %w", err)
	}
	return left, nil
}

// Abandon marks the documents that were being worked on as failed, and tells how
// many: one of them has brought the worker down, and would do so again.
func (a *appendWork) Abandon(ctx context.Context, run *Run, reason string) (int64, error) {
	left, _, err := a.documents.List(ctx, run.Scope, documents.Filter{Status: documents.StatusProcessing}, database.Page{Limit: database.MaxList})
	if err != nil {
		return 0, err
	}
	var counts collections.Counts
	for _, d := range left {
		if err := a.documents.Fail(ctx, run.Scope, d, reason, documents.CategoryUnknown); err != nil {
			return 0, err
		}
		chunksGone, rowsGone, err := a.chunks.DeleteChunksByDocument(ctx, run.Scope, d.ID)
		if err != nil {
			return 0, err
		}
		counts.Chunks -= chunksGone
		counts.Vectors -= rowsGone
	}
	if err := run.tellAbandoned(ctx, left, reason); err != nil {
		return 0, err
	}
	if counts == (collections.Counts{}) {
		return int64(len(left)), nil
	}
	return int64(len(left)), a.rows.AddCounts(ctx, run.Scope, counts)
}
