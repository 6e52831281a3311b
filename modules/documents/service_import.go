package documents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// SourceFile is a file that a run over a source has found.
type SourceFile struct {
	SourceID int64
	// Path is the document's: the source's path and the file's within it.
	Path    string
	Content io.Reader
	// Size is what the content has at least, as it was opened.
	Size int64
	// ModifiedAt is the file's time; nil where that does not tell whether it changed.
	ModifiedAt *time.Time
	// Metadata, a JSON object or nothing, is stored with a new document.
	Metadata json.RawMessage
}

// SourceRun is the run that finds files. Its methods stand for the operation that it is
// part of.
type SourceRun struct {
	// IsGone tells whether the source has a document's file no more. It is asked outside
	// of any transaction.
	IsGone func(ctx context.Context, path string) (bool, error)
	// End is the last statement of each unit of work; its error rolls back.
	End func(ctx context.Context, outcome Outcome) error
}

// Import takes a file that a run over a source has found, as an upload would be taken:
// it commits by itself, and the document waits to be worked on. A content that the
// collection has already is a copy, unless the file that had it is gone: then the
// document has moved. [ErrTooLarge] and invalid names are the file's own.
func (s *Service) Import(ctx context.Context, scope collections.Scope, run SourceRun, f SourceFile) (Outcome, error) {
	if err := checkPath(f.Path); err != nil {
		return Failed, err
	}
	if f.Size > s.config.MaxFileBytes {
		return Failed, tooLarge(s.config.MaxFileBytes) // it need not be read for that
	}
	content, err := spool(ctx, s.config.SpoolDir, f.Content, s.config.MaxFileBytes)
	if err != nil {
		return Failed, err
	}
	defer content.close()
	moved, err := s.movedFrom(ctx, scope, run, f, content.hash)
	if err != nil {
		return Failed, err
	}
	file := incoming{
		upload: Upload{Metadata: f.Metadata}, path: f.Path, content: content, sourceID: f.SourceID, modifiedAt: f.ModifiedAt,
	}
	var p placed
	take := func(ctx context.Context) error {
		p = placed{} // a unit of work may run more than once
		if err := s.repository.LockPath(ctx, scope, f.Path); err != nil {
			return err
		}
		if p, err = s.placeFound(ctx, scope, file, moved); err != nil {
			return err
		}
		if err := s.keepFound(ctx, scope, file, p); err != nil {
			return err
		}
		return run.End(ctx, p.Outcome)
	}
	// Two files may have the same new content at once. Then the second is a copy, which
	// it finds when it looks again.
	for range importTries {
		if err = s.db.InTx(ctx, take); !errors.Is(err, ErrDuplicate) {
			break
		}
	}
	if err != nil {
		return Failed, fmt.Errorf("storing a file of a source: %w", err)
	}
	return p.Outcome, nil
}

// importTries is how often a file is placed whose content another one is given at the
// same time; that other would have to be gone again each time.
const importTries = 3

// movedFrom is the document of the source that has the content and whose own file is
// gone; uuid.Nil for none.
func (s *Service) movedFrom(ctx context.Context, scope collections.Scope, run SourceRun, f SourceFile, hash string) (uuid.UUID, error) {
	there, err := s.repository.GetByHash(ctx, scope, hash)
	switch {
	case errors.Is(err, ErrNotFound):
		return uuid.Nil, nil
	case err != nil:
		return uuid.Nil, err
	case there.FilePath == f.Path, there.SourceID == nil, *there.SourceID != f.SourceID:
		return uuid.Nil, nil
	}
	gone, err := run.IsGone(ctx, there.FilePath)
	if err != nil || !gone {
		return uuid.Nil, err
	}
	return there.ID, nil
}

// placeFound decides what becomes of a file of a source.
func (s *Service) placeFound(ctx context.Context, scope collections.Scope, file incoming, moved uuid.UUID) (placed, error) {
	there, err := s.repository.GetByHash(ctx, scope, file.content.hash)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return placed{}, err
	}
	old, err := s.repository.GetByPath(ctx, scope, file.path)
	has := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return placed{}, err
	}
	switch {
	case has && (old.SourceID == nil || *old.SourceID != file.sourceID):
		return placed{Result: Result{Outcome: Unchanged, Document: old}}, nil // it is another source's
	case has && old.ContentHash == file.content.hash:
		return s.refresh(ctx, scope, old, file)
	case has && known:
		p, err := s.dropFor(ctx, scope, old, there)
		p.waits = false // an operation is running
		return p, err
	case has:
		return s.replace(ctx, scope, old, file)
	case known && there.ID == moved:
		return s.move(ctx, scope, there, Copy{SourceID: file.sourceID, Path: file.path, ModifiedAt: file.modifiedAt})
	case known:
		return s.duplicate(ctx, scope, there)
	default:
		return s.create(ctx, scope, file)
	}
}

// refresh is for a file whose time has changed and whose content has not, or whose
// document failed of something that may have passed.
func (s *Service) refresh(ctx context.Context, scope collections.Scope, old Document, file incoming) (placed, error) {
	changes := map[string]any{"file_modified_at": file.modifiedAt}
	if old.Status == StatusFailed && (old.ErrorCategory == nil || *old.ErrorCategory != CategoryPermanent) {
		if err := s.repository.Retry(ctx, scope, old.ID); err != nil {
			return placed{}, err
		}
	}
	d, err := s.repository.Replace(ctx, scope, old.ID, changes)
	return placed{Result: Result{Outcome: Unchanged, Document: d}}, err
}

// move makes the document that of another file with its content. The content, and what
// was made of it, stays.
func (s *Service) move(ctx context.Context, scope collections.Scope, d Document, to Copy) (placed, error) {
	moved := d
	moved.SourceID, moved.FilePath, moved.FileName = &to.SourceID, to.Path, path.Base(to.Path)
	if err := s.repository.MoveTo(ctx, scope, d.ID, to, moved.FileName); err != nil {
		return placed{}, err
	}
	err := s.record(ctx, scope, "document.move", moved, map[string]any{"from": d.FilePath})
	return placed{Result: Result{Outcome: Moved, Document: moved}}, err
}

// keepFound writes what follows from where a file was placed.
func (s *Service) keepFound(ctx context.Context, scope collections.Scope, file incoming, p placed) error {
	if p.fresh {
		if err := s.repository.SaveContent(ctx, scope, p.Document.ID, Original, file.content.reader()); err != nil {
			return err
		}
	}
	if p.Outcome == Duplicate {
		c := Copy{Path: file.path, Size: file.content.size, ModifiedAt: file.modifiedAt, Hash: file.content.hash}
		if err := s.repository.SaveCopies(ctx, scope, file.sourceID, c); err != nil {
			return err
		}
	} else {
		if err := s.repository.DropCopy(ctx, scope, file.sourceID, file.path); err != nil {
			return err
		}
		if p.Document.SourceID != nil && *p.Document.SourceID == file.sourceID {
			if err := s.repository.See(ctx, scope, file.sourceID, []uuid.UUID{p.Document.ID}, nil); err != nil {
				return err
			}
		}
	}
	if err := s.note(ctx, scope, p); err != nil {
		return err
	}
	if p.counts == (collections.Counts{}) {
		return nil
	}
	return s.rows.AddCounts(ctx, scope, p.counts)
}

// Vanish is for a document whose file a run over its source has not seen. Where the
// source has a copy of it, or another one of the collection, that takes its place; else
// the document is deleted. Its outcome is [Moved], [Removed], or [Unchanged] for one that
// was seen after all.
func (s *Service) Vanish(ctx context.Context, scope collections.Scope, run SourceRun, sourceID int64, id uuid.UUID, since time.Time) (Outcome, error) {
	var outcome Outcome
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		outcome = Unchanged
		d, err := s.repository.Get(ctx, scope, id)
		if errors.Is(err, ErrNotFound) {
			return nil // somebody has deleted it
		}
		if err != nil {
			return err
		}
		if err := s.repository.LockPath(ctx, scope, d.FilePath); err != nil {
			return err
		}
		if d, err = s.repository.Get(ctx, scope, id); err != nil {
			return err
		}
		if d.SourceID == nil || *d.SourceID != sourceID || d.LastSeenAt != nil && !d.LastSeenAt.Before(since) {
			return nil
		}
		outcome, err = s.vanish(ctx, scope, d, since)
		if err != nil {
			return err
		}
		return run.End(ctx, outcome)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Failed, fmt.Errorf("removing what is gone from a source: %w", err)
	}
	return outcome, nil
}

func (s *Service) vanish(ctx context.Context, scope collections.Scope, d Document, since time.Time) (Outcome, error) {
	moved, err := s.HandOver(ctx, scope, d, &since)
	if moved || err != nil {
		return Moved, err
	}
	if err := s.record(ctx, scope, "document.delete", d, map[string]any{"reason": "its file is gone"}); err != nil {
		return Failed, err
	}
	return Removed, s.remove(ctx, scope, d)
}

// HandOver makes a document of a source that of another file with the same content,
// where its source has one that was seen since then, or another source of the collection
// has one; false when none has. nil leaves its own source out. It needs a unit of work.
func (s *Service) HandOver(ctx context.Context, scope collections.Scope, d Document, since *time.Time) (bool, error) {
	c, found, err := s.repository.TakeCopy(ctx, scope, *d.SourceID, d, since)
	if err != nil || !found {
		return false, err
	}
	_, err = s.move(ctx, scope, d, c)
	return err == nil, err
}
