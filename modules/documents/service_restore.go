package documents

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// Restored is a document that was taken out of the bin.
type Restored struct {
	Document Document
	// OperationID is the operation that makes its chunks; nil for one that was registered
	// without its content, whose chunks are loaded again.
	OperationID *uuid.UUID
}

// Restore takes a deleted document out of the bin, and has it worked on as if it were
// new: its chunks went when it was deleted. It needs the right to write, and returns
// [ErrNotFound], [ErrNotDeleted], [ErrPurged] once its time in the bin is over,
// [ErrDuplicate] and [ErrPathTaken] naming the document that has the content or the path
// by now, and a conflict while an operation of another kind is active.
func (s *Service) Restore(ctx context.Context, collectionID, id uuid.UUID) (Restored, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return Restored{}, err
	}
	var r Restored
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		r, err = s.restore(ctx, scope, id)
		return err
	})
	if err != nil {
		return Restored{}, fmt.Errorf("restoring a document: %w", err)
	}
	return r, nil
}

// restore locks what a deletion locks, in the same order.
func (s *Service) restore(ctx context.Context, scope collections.Scope, id uuid.UUID) (r Restored, err error) {
	d, err := s.repository.GetAny(ctx, scope, id)
	if err != nil {
		return r, err
	}
	if err := s.repository.LockPath(ctx, scope, d.FilePath); err != nil {
		return r, err
	}
	switch d, err = s.repository.LockDeleted(ctx, scope, id); {
	case errors.Is(err, ErrNotFound):
		return r, s.whyNotDeleted(ctx, scope, id)
	case err != nil:
		return r, err
	}
	as, err := s.restoredAs(ctx, scope, d)
	if err != nil {
		return r, err
	}
	if err := s.checkPlaceFree(ctx, scope, d); err != nil {
		return r, err
	}
	if err := s.repository.Restore(ctx, scope, id, as); err != nil {
		return r, err
	}
	if r.Document, err = s.repository.Get(ctx, scope, id); err != nil {
		return r, err
	}
	if err := s.record(ctx, scope, "document.restore", r.Document, map[string]any{"deleted_at": d.DeletedAt}); err != nil {
		return r, err
	}
	// The counters of its source are counted anew when the operation ends.
	if err := s.rows.AddCounts(ctx, scope, collections.Counts{Documents: 1, Bytes: d.FileSize}); err != nil {
		return r, err
	}
	if as != StatusPending {
		return r, nil
	}
	operation, err := s.ensureRetry(ctx, scope, map[string]any{"document_ids": []uuid.UUID{id}})
	r.OperationID = &operation
	return r, err
}

// whyNotDeleted tells one that is not in the bin from one that is gone.
func (s *Service) whyNotDeleted(ctx context.Context, scope collections.Scope, id uuid.UUID) error {
	if _, err := s.repository.Get(ctx, scope, id); err != nil {
		return err
	}
	return ErrNotDeleted
}

// restoredAs is the state that a document comes back in. Emptying the bin takes long
// contents away by parts, so that what is there of the content is looked at, too: the
// time may have been shorter when that began. A document that was registered without its
// content has none, no source, and chunks that the program has not made.
func (s *Service) restoredAs(ctx context.Context, scope collections.Scope, d Document) (Status, error) {
	b, err := s.repository.lookIntoBin(ctx, scope, d.ID, s.config.Trash)
	switch {
	case err != nil:
		return "", err
	case !b.inTime:
		return "", ErrPurged
	case b.slices == 0 && d.SourceID == nil && d.ChunkedHash == nil:
		return StatusCompleted, nil
	case b.bytes != d.FileSize:
		return "", ErrPurged
	default:
		return StatusPending, nil
	}
}

// checkPlaceFree looks whether another document has the content or the path by now.
func (s *Service) checkPlaceFree(ctx context.Context, scope collections.Scope, d Document) error {
	there, err := s.repository.GetByHash(ctx, scope, d.ContentHash)
	if err == nil {
		return ErrDuplicate.WithMessagef("The collection has the document %s with the same content already.", there.ID).WithDetail("document_id", there.ID.String())
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	there, err = s.repository.GetByPath(ctx, scope, d.FilePath)
	if err == nil {
		return ErrPathTaken.WithMessagef("The collection has a document %s with this path and another content. Delete it first, or leave this one in the bin.", there.ID).
			WithDetail("document_id", there.ID.String())
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}
