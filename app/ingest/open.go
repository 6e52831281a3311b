package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// errNoFile means that what was a file when the folder was looked at is none any
// more.
var errNoFile = errors.New("is not a file any more")

// openFile opens a file of the folder. It never waits: a pipe that has taken the
// file's place is opened without a writer, and found to be no file.
func openFile(root, relative string, follow bool) (*os.File, error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if !follow {
		flags |= syscall.O_NOFOLLOW
	}
	file, err := os.OpenFile(filepath.Join(root, filepath.FromSlash(relative)), flags, 0) //nolint:gosec // the folder is the person's who asked
	if err != nil {
		if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
			return nil, errNoFile
		}
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// smallFile is the size up to which a file is read into memory, and so may
// share a request with others.
const smallFile = 1 << 20

// readSmall gives the content of a small file, and nil for one that is larger.
func readSmall(file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > smallFile {
		return nil, nil
	}
	// The size says where to begin and promises nothing: the file may grow.
	var content bytes.Buffer
	content.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(file, smallFile+1)); err != nil {
		return nil, err
	}
	if content.Len() > smallFile {
		return nil, nil
	}
	return content.Bytes(), nil
}

// fileError is a failure to read a file, as opposed to one to send it.
type fileError struct{ err error }

func (e *fileError) Error() string { return fmt.Sprintf("cannot be read: %v", reasonOf(e.err)) }

func (e *fileError) Unwrap() error { return e.err }

// fileReader reads a file from its beginning, wherever another reader of it is,
// and marks its errors as the file's.
type fileReader struct {
	file   *os.File
	offset int64
}

// Read reads on.
func (r *fileReader) Read(p []byte) (int, error) {
	n, err := r.file.ReadAt(p, r.offset)
	r.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &fileError{err}
	}
	return n, err
}
