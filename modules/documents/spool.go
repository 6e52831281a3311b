package documents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// spooled is an uploaded file on the server's disk: a client may be slow, a
// transaction may not, so the bytes are taken in before it begins. The file has
// no name any more and disappears with its handle, whatever happens.
type spooled struct {
	file *os.File
	size int64
	hash string
	head []byte
}

// headBytes is how much of a file is kept to tell its type.
const headBytes = 3072

// spool reads a file to its end, at most limit bytes, and hashes it on the way.
// More is [ErrTooLarge].
func spool(ctx context.Context, dir string, content io.Reader, limit int64) (_ *spooled, err error) {
	file, err := os.CreateTemp(dir, "upload-*")
	if err != nil {
		return nil, fmt.Errorf("making room for an upload: %w", noRoom(err))
	}
	s := &spooled{file: file}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, fmt.Errorf("making room for an upload: %w", err)
	}
	hash := sha256.New()
	// One byte more than allowed is read, to tell "at the limit" from "over it".
	s.size, err = io.Copy(io.MultiWriter(file, hash), &contextReader{ctx, io.LimitReader(content, limit+1)})
	if err != nil {
		return nil, fmt.Errorf("receiving an upload: %w", noRoom(err))
	}
	if s.size > limit {
		return nil, tooLarge(limit)
	}
	s.hash = hex.EncodeToString(hash.Sum(nil))
	s.head = make([]byte, min(s.size, headBytes))
	if _, err := file.ReadAt(s.head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading an upload: %w", err)
	}
	return s, nil
}

func tooLarge(limit int64) error {
	return ErrTooLarge.WithMessagef("The file is larger than the %d bytes that a file may have.", limit)
}

// noRoom tells a full disk from other trouble with it.
func noRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return ErrNoRoom.WithCause(err)
	}
	return err
}

// reader gives the content from its beginning, so that a unit of work that runs
// again reads all of it again.
func (s *spooled) reader() io.Reader { return io.NewSectionReader(s.file, 0, s.size) }

func (s *spooled) close() { _ = s.file.Close() }

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
