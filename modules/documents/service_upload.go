package documents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/documents/extract"
	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// Upload is what a client sends: files, one after another, and what is said
// about all of them.
type Upload struct {
	// Next gives the next file, and io.EOF after the last. A file's content is
	// read before Next is called again.
	Next func() (File, error)
	// SourcePath names the source that the documents belong to; "upload" if "".
	SourcePath string
	// Metadata, a JSON object or nothing, is stored with each document.
	Metadata json.RawMessage
}

// File is one file of an upload.
type File struct {
	// Path is the file's path as the client knows it.
	Path string
	// MIMEType is what the client says it is; it is looked at only where the
	// content does not tell.
	MIMEType string
	Content  io.Reader
}

// Result is what became of one file.
type Result struct {
	Outcome Outcome
	// Document is the new document, or the one that is there already; its zero
	// value when the file failed.
	Document Document
	// Path is the file's path as it is stored.
	Path string
	// Err is why a file failed.
	Err error
}

// sourceUpload is the type of the source that uploaded documents belong to.
const sourceUpload = "upload"

// Upload stores files as documents and has them worked on; the id is that of the
// operation that does, nil when there is nothing to do. Each file commits by
// itself and has its own result, so that one that is refused does not keep the
// others out. An error means that the upload itself could not go on: without the
// right to write, broken off, without a file ([ErrNoFile]), or in a state of the
// collection that takes no documents; the files before it are stored.
func (s *Service) Upload(ctx context.Context, collectionID uuid.UUID, up Upload) ([]Result, *uuid.UUID, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return nil, nil, err
	}
	up.SourcePath = cleanSourcePath(up.SourcePath)
	if err := errors.Join(checkMetadata(up.Metadata), checkSourcePath(up.SourcePath)); err != nil {
		return nil, nil, err
	}
	results := []Result{}
	var operation *uuid.UUID
	for {
		file, err := up.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading the upload: %w", err)
		}
		result, started, err := s.take(ctx, scope, up, file)
		if err != nil && !belongsToFile(err) {
			return nil, nil, err
		}
		result.Err = err
		results = append(results, result)
		if started != nil {
			operation = started
		}
	}
	if len(results) == 0 {
		return nil, nil, ErrNoFile
	}
	return results, operation, nil
}

// belongsToFile tells an error that is one file's own from one that ends the
// whole upload.
func belongsToFile(err error) bool {
	switch apperr.KindOf(err) {
	case apperr.TooLarge, apperr.Invalid, apperr.UnsupportedMediaType:
		return true
	default:
		return false
	}
}

// take stores one file.
func (s *Service) take(ctx context.Context, scope collections.Scope, up Upload, file File) (Result, *uuid.UUID, error) {
	failed := Result{Outcome: Failed, Path: cleanPath(file.Path)}
	if err := checkPath(failed.Path); err != nil {
		return failed, nil, err
	}
	content, err := spool(ctx, s.config.SpoolDir, file.Content, s.config.MaxFileBytes)
	if err != nil {
		return failed, nil, err
	}
	defer content.close()

	var result Result
	var operation *uuid.UUID
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		result, operation = Result{}, nil // a unit of work may run more than once
		result, operation, err = s.store(ctx, scope, up, failed.Path, file.MIMEType, content)
		return err
	})
	if errors.Is(err, ErrDuplicate) { // two files were given the same new content at once
		result = Result{Outcome: Duplicate}
		result.Document, err = s.repository.GetByHash(ctx, scope, content.hash)
	}
	if err != nil {
		return failed, nil, fmt.Errorf("storing an upload: %w", err)
	}
	result.Path = failed.Path
	return result, operation, nil
}

// store is one file's unit of work. The counters and the operation come last, in
// this order, because they are the rows that everybody needs.
func (s *Service) store(ctx context.Context, scope collections.Scope, up Upload, filePath, mimeType string, content *spooled) (Result, *uuid.UUID, error) {
	// Within a collection a content exists once, wherever it lies.
	if there, err := s.repository.GetByHash(ctx, scope, content.hash); err == nil {
		return Result{Outcome: Duplicate, Document: there}, nil, nil
	} else if !errors.Is(err, ErrNotFound) {
		return Result{}, nil, err
	}
	if err := s.repository.LockPath(ctx, scope, filePath); err != nil {
		return Result{}, nil, err
	}
	result, counts, err := s.place(ctx, scope, up, filePath, mimeType, content)
	if err != nil || result.Outcome == Duplicate {
		return result, nil, err
	}
	if err := s.repository.SaveContent(ctx, scope, result.Document.ID, Original, content.reader()); err != nil {
		return Result{}, nil, err
	}
	if err := s.rows.AddCounts(ctx, scope, counts); err != nil {
		return Result{}, nil, err
	}
	who, err := auth.Require(ctx)
	if err != nil {
		return Result{}, nil, err
	}
	operation, err := s.work.EnsureWork(ctx, scope, who.UserID, map[string]any{
		"source_type": sourceUpload, "source_path": sourcePath(up),
	})
	if err != nil {
		return Result{}, nil, err
	}
	return result, &operation, nil
}

// place makes the document's row: a new one, or the present one of that path
// with the new content.
func (s *Service) place(ctx context.Context, scope collections.Scope, up Upload, filePath, mimeType string, content *spooled) (Result, collections.Counts, error) {
	none := collections.Counts{}
	if known := extract.DetectMIME(filePath, content.head); known != "" {
		mimeType = known
	}
	old, err := s.repository.GetByPath(ctx, scope, filePath)
	if err == nil {
		replaced, err := s.repository.Update(ctx, scope, old.ID, map[string]any{
			"content_hash": content.hash, "file_size": content.size, "mime_type": mimeType,
			"status": StatusPending, "error_message": nil, "error_category": nil,
		})
		return Result{Outcome: Replaced, Document: replaced}, collections.Counts{Bytes: content.size - old.FileSize}, err
	}
	if !errors.Is(err, ErrNotFound) {
		return Result{}, none, err
	}
	source, err := s.rows.EnsureSource(ctx, scope, sourceUpload, sourcePath(up))
	if err != nil {
		return Result{}, none, err
	}
	d := Document{
		ID: uuid.New(), SourceID: &source.ID, FilePath: filePath, FileName: path.Base(filePath), FileSize: content.size,
		MimeType: &mimeType, ContentHash: content.hash, Status: StatusPending, Meta: up.Metadata,
	}
	created, err := s.repository.CreateIfNew(ctx, scope, &d)
	if err != nil {
		return Result{}, none, err
	}
	if !created { // an upload of the same content was faster
		there, err := s.repository.GetByHash(ctx, scope, content.hash)
		return Result{Outcome: Duplicate, Document: there}, none, err
	}
	return Result{Outcome: Created, Document: d}, collections.Counts{Documents: 1, Bytes: content.size}, nil
}

func sourcePath(up Upload) string {
	if up.SourcePath == "" {
		return sourceUpload
	}
	return up.SourcePath
}
