package documents

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// Delete takes a document out of every read and search at once. Its content stays in
// the bin for a while, and the same file can come back as a new document at any time.
// It needs the right to write, and returns [ErrNotFound].
func (s *Service) Delete(ctx context.Context, collectionID, id uuid.UUID) error {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		d, err := s.repository.Get(ctx, scope, id)
		if err != nil {
			return err
		}
		// As an upload of the same path does, which may be replacing it just now.
		if err := s.repository.LockPath(ctx, scope, d.FilePath); err != nil {
			return err
		}
		if d, err = s.repository.Get(ctx, scope, id); err != nil {
			return err
		}
		if err := s.record(ctx, scope, "document.delete", d, map[string]any{}); err != nil {
			return err
		}
		return s.remove(ctx, scope, d)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("deleting a document: %w", err)
	}
	return err
}

// remove deletes a document with its chunks, and counts it off. The chunks come before
// the document's row, as with everybody who changes both, and once more after it, for
// those that a load has brought meanwhile: none comes once the row is locked.
func (s *Service) remove(ctx context.Context, scope collections.Scope, d Document) error {
	counts := collections.Counts{Documents: -1, Bytes: -d.FileSize}
	take := func() error {
		chunks, searchRows, err := s.chunks.DeleteChunksByDocument(ctx, scope, d.ID)
		counts.Chunks -= chunks
		counts.Vectors -= searchRows
		return err
	}
	if err := take(); err != nil {
		return err
	}
	if err := s.repository.Delete(ctx, scope, d.ID); err != nil {
		return err
	}
	if err := take(); err != nil {
		return err
	}
	if err := s.rows.AddCounts(ctx, scope, counts); err != nil {
		return err
	}
	if d.SourceID == nil {
		return nil
	}
	return s.rows.TakeFromSource(ctx, scope, *d.SourceID, d.FileSize)
}
