package documents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/apperr"
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

// sourceUpload is the type of the source that uploaded documents belong to.
const sourceUpload = "upload"

// Upload stores files as documents and has them worked on; the id is that of the
// operation that does, nil when there is nothing to do. Each file commits by
// itself and has its own result, so that one that is refused does not keep the
// others out. An error means that the upload itself could not go on: without the
// right to write, broken off, without a file ([ErrNoFile]), or in a state of the
// collection that takes no documents; the files before it are stored, and the error says
// how many. A conflict that comes between two files is the outcome of those after it. Two
// files with one path and different contents are not one after the other: the second is
// [ErrPathTwice].
func (s *Service) Upload(ctx context.Context, collectionID uuid.UUID, up Upload) ([]Result, *uuid.UUID, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return nil, nil, err
	}
	up.SourcePath = cleanSourcePath(up.SourcePath)
	if err := errors.Join(checkMetadata(up.Metadata), checkSourcePath(up.SourcePath)); err != nil {
		return nil, nil, err
	}
	done, taken := progress{paths: map[string]string{}}, false
	for {
		file, err := up.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, done.endedBy(fmt.Errorf("reading the upload: %w", err))
		}
		file.Path = cleanPath(file.Path)
		if !done.roomFor(file.Path) {
			return nil, nil, done.endedBy(errNamesTooLarge)
		}
		result, started, err := s.take(ctx, scope, up, file, done.brought)
		if err != nil && !belongsToFile(err) && (!taken || apperr.KindOf(err) != apperr.Conflict) {
			return nil, nil, done.endedBy(err)
		}
		taken = taken || err == nil
		result.Err = err
		done.add(result, started)
	}
	if len(done.results) == 0 {
		return nil, nil, ErrNoFile
	}
	return done.results, done.operation, nil
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

// take stores one file, unless an earlier one brought another content to its path.
func (s *Service) take(
	ctx context.Context, scope collections.Scope, up Upload, file File, brought func(path, hash string) bool,
) (Result, *uuid.UUID, error) {
	failed := Result{Outcome: Failed, Path: file.Path}
	if err := checkPath(failed.Path); err != nil {
		return failed, nil, err
	}
	content, err := spool(ctx, s.config.SpoolDir, file.Content, s.config.MaxFileBytes)
	if err != nil {
		return failed, nil, err
	}
	defer content.close()
	if brought(file.Path, content.hash) {
		return failed, nil, ErrPathTwice
	}

	var result Result
	var operation *uuid.UUID
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		result, operation = Result{}, nil // a unit of work may run more than once
		// An upload may last, and the right, or the account, may be gone meanwhile.
		ctx, err := s.accounts.Confirm(ctx)
		if err != nil {
			return err
		}
		scope, err := s.collections.Authorize(ctx, scope.ID(), collections.Write)
		if err != nil {
			return err
		}
		result, operation, err = s.store(ctx, scope, incoming{upload: up, path: file.Path, mimeType: file.MIMEType, content: content})
		return err
	})
	if errors.Is(err, ErrDuplicate) { // two files were given the same new content at once
		result = Result{Outcome: Duplicate}
		result.Document, err = s.repository.GetByHash(ctx, scope, content.hash)
	}
	if err != nil {
		return failed, nil, fmt.Errorf("storing an upload: %w", err)
	}
	result.Path = file.Path
	return result, operation, nil
}

func sourcePath(up Upload) string {
	if up.SourcePath == "" {
		return sourceUpload
	}
	return up.SourcePath
}
