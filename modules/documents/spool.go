package documents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
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

// uploadPattern is how the name of an upload's file is made, as long as it has one.
const uploadPattern = "upload-*"

// uploadFor is longer than an upload's file has a name.
const uploadFor = time.Hour

// RemoveLeftUploads removes the files of uploads whose server was killed in the moment
// between making them and taking their names away, and tells how many. Where there is no
// such folder, there are none.
func RemoveLeftUploads(dir string) (n int, err error) {
	if dir == "" {
		return 0, nil
	}
	left, err := filepath.Glob(filepath.Join(dir, uploadPattern))
	if err != nil {
		return 0, fmt.Errorf("looking for what is left of uploads: %w", err)
	}
	for _, path := range left {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < uploadFor {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return n, fmt.Errorf("removing what is left of an upload: %w", err)
		}
		n++
	}
	return n, nil
}

// spool reads a file to its end, at most limit bytes, and hashes it on the way.
// More is [ErrTooLarge].
func spool(ctx context.Context, dir string, content io.Reader, limit int64) (_ *spooled, err error) {
	file, err := os.CreateTemp(dir, uploadPattern)
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
