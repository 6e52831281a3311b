package documents

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/documents/extract"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// incoming is one file on its way into a collection.
type incoming struct {
	upload   Upload
	path     string
	mimeType string
	content  *spooled
	// sourceID is the source that a run has found the file in; 0 for an upload, whose
	// source is made where there is none.
	sourceID int64
	// modifiedAt is the time of the file in its source.
	modifiedAt *time.Time
}

// placed is what was made of a file's row, with what follows from it.
type placed struct {
	Result
	counts collections.Counts
	// waits means that the document is to be worked on.
	waits bool
	// fresh means that the content is not stored yet.
	fresh bool
	// dropped is the document that the path had before, and that is gone.
	dropped *Document
}

// store is one file's unit of work. The counters and the operation come last, in
// this order, because they are the rows that everybody needs.
func (s *Service) store(ctx context.Context, scope collections.Scope, file incoming) (Result, *uuid.UUID, error) {
	if err := s.repository.LockPath(ctx, scope, file.path); err != nil {
		return Result{}, nil, err
	}
	p, err := s.place(ctx, scope, file)
	if err != nil {
		return Result{}, nil, err
	}
	if p.fresh {
		if err := s.repository.SaveContent(ctx, scope, p.Document.ID, Original, file.content.reader()); err != nil {
			return Result{}, nil, err
		}
	}
	if err := s.note(ctx, scope, p); err != nil {
		return Result{}, nil, err
	}
	if p.counts != (collections.Counts{}) {
		if err := s.rows.AddCounts(ctx, scope, p.counts); err != nil {
			return Result{}, nil, err
		}
	}
	if p.dropped != nil && p.dropped.SourceID != nil {
		if err := s.rows.TakeFromSource(ctx, scope, *p.dropped.SourceID, p.dropped.FileSize); err != nil {
			return Result{}, nil, err
		}
	}
	if !p.waits {
		return p.Result, nil, nil
	}
	who, err := auth.Require(ctx)
	if err != nil {
		return Result{}, nil, err
	}
	operation, err := s.work.EnsureWork(ctx, scope, who.UserID, map[string]any{
		"source_type": sourceUpload, "source_path": sourcePath(file.upload),
	})
	if err != nil {
		return Result{}, nil, err
	}
	return p.Result, &operation, nil
}

// place decides what becomes of a file by its path and by its content: within a
// collection a path is one document, and a content exists once.
func (s *Service) place(ctx context.Context, scope collections.Scope, file incoming) (placed, error) {
	there, err := s.repository.GetByHash(ctx, scope, file.content.hash)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return placed{}, err
	}
	old, err := s.repository.GetByPath(ctx, scope, file.path)
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return placed{}, err
	case err == nil && known && old.ID != there.ID:
		return s.dropFor(ctx, scope, old, there)
	case known:
		return s.duplicate(ctx, scope, there)
	case err == nil:
		return s.replace(ctx, scope, old, file)
	default:
		return s.create(ctx, scope, file)
	}
}

// duplicate is for a content that the collection has. A document that nobody has
// finished, or that failed through no fault of its own, is worked on again.
func (s *Service) duplicate(ctx context.Context, scope collections.Scope, there Document) (placed, error) {
	p := placed{Result: Result{Outcome: Duplicate, Document: there}}
	switch {
	case there.Status == StatusPending, there.Status == StatusProcessing:
		p.waits = true
	case there.Status == StatusFailed && there.ErrorCategory != nil && *there.ErrorCategory != CategoryPermanent:
		again, err := s.repository.Update(ctx, scope, there.ID, map[string]any{
			"status": StatusPending, "error_message": nil, "error_category": nil,
		})
		if err != nil {
			return p, err
		}
		p.Document, p.waits = again, true
	}
	return p, nil
}

// dropFor is for a path whose file now has the content of another document: what
// the path had before is gone, and a search must not find it any more.
func (s *Service) dropFor(ctx context.Context, scope collections.Scope, old, there Document) (placed, error) {
	if err := s.repository.Delete(ctx, scope, old.ID); err != nil {
		return placed{}, err
	}
	chunks, searchRows, err := s.chunks.DeleteChunksByDocument(ctx, scope, old.ID)
	if err != nil {
		return placed{}, err
	}
	p, err := s.duplicate(ctx, scope, there)
	p.dropped = &old
	p.counts = collections.Counts{Documents: -1, Bytes: -old.FileSize, Chunks: -chunks, Vectors: -searchRows}
	return p, err
}

// replace gives the path's document its new content. Its chunks stay until the
// worker has the new ones. What is said about the file now stands, and what was
// said before stays where nothing is said.
func (s *Service) replace(ctx context.Context, scope collections.Scope, old Document, file incoming) (placed, error) {
	source, err := s.sourceOf(ctx, scope, file)
	if err != nil {
		return placed{}, err
	}
	changes := map[string]any{
		"content_hash": file.content.hash, "file_size": file.content.size, "mime_type": file.mime(),
		"status": StatusPending, "error_message": nil, "error_category": nil,
		"source_id": source, "file_modified_at": file.modifiedAt, "last_seen_at": database.Now(),
	}
	if len(file.upload.Metadata) > 0 {
		changes["meta"] = file.upload.Metadata
	}
	replaced, err := s.repository.Replace(ctx, scope, old.ID, changes)
	return placed{
		Result: Result{Outcome: Replaced, Document: replaced},
		counts: collections.Counts{Bytes: file.content.size - old.FileSize}, waits: true, fresh: true,
	}, err
}

// create makes a new document.
func (s *Service) create(ctx context.Context, scope collections.Scope, file incoming) (placed, error) {
	source, err := s.sourceOf(ctx, scope, file)
	if err != nil {
		return placed{}, err
	}
	mimeType := file.mime()
	d := Document{
		ID: uuid.New(), SourceID: &source, FilePath: file.path, FileName: path.Base(file.path), FileSize: file.content.size,
		MimeType: &mimeType, ContentHash: file.content.hash, Status: StatusPending, Meta: file.upload.Metadata,
		FileModifiedAt: file.modifiedAt,
	}
	created, err := s.repository.CreateIfNew(ctx, scope, &d)
	if err != nil {
		return placed{}, err
	}
	if !created { // an upload of the same content was faster
		there, err := s.repository.GetByHash(ctx, scope, file.content.hash)
		if err != nil {
			return placed{}, err
		}
		return s.duplicate(ctx, scope, there)
	}
	return placed{
		Result: Result{Outcome: Created, Document: d},
		counts: collections.Counts{Documents: 1, Bytes: file.content.size}, waits: true, fresh: true,
	}, nil
}

// sourceOf is the id of the source that the file belongs to.
func (s *Service) sourceOf(ctx context.Context, scope collections.Scope, file incoming) (int64, error) {
	if file.sourceID != 0 {
		return file.sourceID, nil
	}
	source, err := s.rows.EnsureSource(ctx, scope, sourceUpload, sourcePath(file.upload))
	return source.ID, err
}

// mime is the type of the file: what its content and name say, else what the
// client said.
func (f incoming) mime() string {
	if known := extract.DetectMIME(f.path, f.content.head); known != "" {
		return known
	}
	return f.mimeType
}
