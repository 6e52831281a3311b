package operations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// recountEvery is how often the documents that wait are counted anew: they may
// become more while the operation runs, and counting them costs more the more
// there are.
const recountEvery = time.Second

// errNothingReadable ends an operation of which no document could be used.
var errNothingReadable = apperr.New(apperr.Invalid, "nothing_readable", "None of the documents could be read.")

// appendWork takes up the documents that wait in a collection: it extracts their
// text, cuts it, loads the chunks and makes their search rows. A step is one
// document, or one slice of search rows of a large one.
type appendWork struct {
	kind       Type
	db         *database.DB
	documents  *documents.Repository
	chunks     *chunks.Repository
	rows       *collections.Repository
	operations *Repository
	now        func() time.Time
}

// NewAppendWork makes the work of append operations and, with another type, of
// index operations: a new collection becomes ready by the documents that wait in
// it, which mostly are none.
func NewAppendWork(kind Type, db *database.DB, docs *documents.Repository, chunkRows *chunks.Repository, rows *collections.Repository, operations *Repository) Work {
	return &appendWork{kind: kind, db: db, documents: docs, chunks: chunkRows, rows: rows, operations: operations, now: time.Now}
}

// Type is the type of operation.
func (a *appendWork) Type() Type { return a.kind }

// Step works on the next document that waits.
func (a *appendWork) Step(ctx context.Context, run *Run) (bool, error) {
	if err := a.countWaiting(ctx, run); err != nil {
		return false, err
	}
	d, found, err := a.documents.ClaimNext(ctx, run.Scope)
	if err != nil || !found {
		return !found, err
	}
	run.Progress.Message = d.FilePath
	err = a.process(ctx, run, d)
	switch {
	case errors.Is(err, documents.ErrContentChanged):
		return false, nil // it waits again, with its new content
	case err == nil, errors.Is(err, errLost), errors.Is(err, collections.ErrNotFound),
		apperr.KindOf(err) == apperr.Unavailable, ctx.Err() != nil:
		return false, err
	default:
		// What one document does to the program is that document's failure.
		return false, a.failed(ctx, run, d, err)
	}
}

// countWaiting keeps the total up to date.
func (a *appendWork) countWaiting(ctx context.Context, run *Run) error {
	if now := a.now(); now.Sub(run.counted) >= recountEvery {
		waiting, err := a.documents.CountWaiting(ctx, run.Scope)
		if err != nil {
			return fmt.Errorf("counting the documents that wait: %w", err)
		}
		run.Progress.Total = run.Progress.Done + waiting
		run.counted = now
	}
	return nil
}

// Result counts what was done. Documents that came in after the last step are
// errMore; when not one document could be read, and the collection has nothing
// else, the operation has failed.
func (a *appendWork) Result(ctx context.Context, run *Run) (map[string]any, error) {
	waiting, err := a.documents.CountWaiting(ctx, run.Scope)
	if err != nil {
		return nil, fmt.Errorf("counting the documents that wait: %w", err)
	}
	if waiting > 0 {
		return nil, errMore
	}
	p := run.Progress
	if p.Done > 0 && p.Done == p.Failed {
		c, err := a.rows.Get(ctx, run.Scope.ID())
		if err != nil {
			return nil, err
		}
		if c.ChunkCount == 0 {
			return nil, errNothingReadable.WithMessagef("None of the %d documents could be read; each says why.", p.Failed)
		}
	}
	return map[string]any{
		"documents_processed": p.Done - p.Failed,
		"documents_failed":    p.Failed,
		"chunks_created":      p.Chunks,
		"splitter":            "recursive",
	}, nil
}
