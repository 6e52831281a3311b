package documents

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// emptyHash is the SHA-256 of nothing.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// ContentReader reads the original content of a document, from wherever it is asked
// to. It has one slice in memory, and holds neither a connection nor a transaction
// between two of them, so that the client may take its time. With each slice the right
// is asked for anew, and the content must be the one that it began with: what was
// replaced or deleted meanwhile is [ErrContentChanged], never a mixture. It belongs to
// one request.
type ContentReader struct {
	service  *Service
	ctx      context.Context
	document Document
	position int64
	// loaded is the slice that data is; -1 before the first.
	loaded int64
	data   []byte
}

var _ io.ReadSeeker = (*ContentReader)(nil)

// OpenContent begins to read the content of a document of a collection that the caller
// may read. A document that was registered without one is [ErrNoContent].
func (s *Service) OpenContent(ctx context.Context, collectionID, id uuid.UUID) (*ContentReader, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return nil, err
	}
	d, err := s.repository.Get(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	// What is empty has no slices. A registration may say so of something else by mistake.
	if d.ContentHash != emptyHash || d.FileSize != 0 {
		stored, err := s.repository.HasContent(ctx, scope, id, Original)
		if err != nil {
			return nil, err
		}
		if !stored {
			return nil, ErrNoContent
		}
	}
	return &ContentReader{service: s, ctx: ctx, document: d, loaded: -1}, nil
}

// Document is the document as it was when the reading began.
func (r *ContentReader) Document() Document { return r.document }

// Read reads on, to the end of a slice at most.
func (r *ContentReader) Read(p []byte) (int, error) {
	if r.position >= r.document.FileSize {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if slice := r.position / SliceBytes; slice != r.loaded {
		if err := r.load(slice); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.data[r.position%SliceBytes:])
	r.position += int64(n)
	return n, nil
}

// Seek moves to where the next Read begins.
func (r *ContentReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.position
	case io.SeekEnd:
		offset += r.document.FileSize
	}
	if offset < 0 {
		return 0, errors.New("seeking before the beginning of a content")
	}
	r.position = offset
	return offset, nil
}

// load reads a slice. The first is covered by the right that was asked for at the
// beginning of the request, a moment ago.
func (r *ContentReader) load(slice int64) error {
	ctx := r.ctx
	if r.loaded >= 0 {
		confirmed, err := r.service.accounts.Confirm(ctx)
		if err != nil {
			return err
		}
		ctx = confirmed
	}
	scope, err := r.service.collections.Authorize(ctx, r.document.CollectionID, collections.Read)
	if err != nil {
		return err
	}
	data, err := r.service.repository.ReadSlice(ctx, scope, r.document, slice, r.data)
	if err != nil {
		return err
	}
	if want := min(SliceBytes, r.document.FileSize-slice*SliceBytes); int64(len(data)) != want {
		return fmt.Errorf("slice %d of the document %s has %d bytes in place of %d", slice, r.document.ID, len(data), want)
	}
	r.loaded, r.data = slice, data
	return nil
}
