package archive

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// File is a file that is being written.
type File struct {
	dir    string
	file   *os.File
	packed *zstd.Encoder
	rows   int64
	done   bool
}

// Kept is what was archived.
type Kept struct {
	Rows int64
	// Bytes are those on the disk.
	Bytes int64
}

// Add adds what was archived elsewhere.
func (k *Kept) Add(other Kept) { k.Rows, k.Bytes = k.Rows+other.Rows, k.Bytes+other.Bytes }

// String tells it in a sentence.
func (k Kept) String() string { return fmt.Sprintf("Rows archived: %d, in %d bytes.", k.Rows, k.Bytes) }

func newFile(dir string, file *os.File) (*File, error) {
	// In one thread, so that the same rows are the same bytes.
	packed, err := zstd.NewWriter(file, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return &File{dir: dir, file: file, packed: packed}, nil
}

// Rows tells how many rows were added.
func (f *File) Rows() int64 { return f.rows }

// Add writes a row, as JSON in one line.
func (f *File) Add(row []byte) error {
	for _, part := range [][]byte{row, {'\n'}} {
		if _, err := f.packed.Write(part); err != nil {
			return unwritable(err)
		}
	}
	f.rows++
	return nil
}

// Commit gives the file its name, once all of it is on the disk; then its rows may go.
// Nothing is written over: where the name is taken by the same rows the file is that one,
// and otherwise it gets a name that is longer. A file without rows is none.
func (f *File) Commit(name string) (Kept, error) {
	if f.rows == 0 {
		return Kept{}, nil
	}
	if err := errors.Join(f.packed.Close(), f.file.Sync()); err != nil {
		return Kept{}, unwritable(err)
	}
	info, err := f.file.Stat()
	if err != nil {
		return Kept{}, unwritable(err)
	}
	path := filepath.Join(f.dir, name+Suffix)
	there, err := f.isAt(path)
	if err != nil {
		return Kept{}, unwritable(err)
	}
	if !there {
		if err := f.moveTo(path, name); err != nil {
			return Kept{}, unwritable(err)
		}
	}
	return Kept{Rows: f.rows, Bytes: info.Size()}, nil
}

// moveTo gives the file its name, or a longer one.
func (f *File) moveTo(path, name string) error {
	if _, err := os.Lstat(path); err == nil {
		path = filepath.Join(f.dir, name+"-"+strings.ToLower(rand.Text()[:8])+Suffix)
	}
	if err := os.Rename(f.file.Name(), path); err != nil {
		return err
	}
	f.done = true
	return syncDir(f.dir)
}

// isAt reports whether the file of that name has the same bytes.
func (f *File) isAt(path string) (bool, error) {
	there, err := os.Open(path) //nolint:gosec // in the operator's folder
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = there.Close() }()
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	return sameBytes(f.file, there)
}

func sameBytes(a, b io.Reader) (bool, error) {
	one, other := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, one)
		m, otherErr := io.ReadFull(b, other)
		if !bytes.Equal(one[:n], other[:m]) {
			return false, nil
		}
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case err != nil && !ended:
			return false, err
		case otherErr != nil && !errors.Is(otherErr, io.EOF) && !errors.Is(otherErr, io.ErrUnexpectedEOF):
			return false, otherErr
		case ended:
			return true, nil
		}
	}
}

// Close ends the writing, and takes away what was not committed.
func (f *File) Close() {
	_ = f.packed.Close()
	_ = f.file.Close()
	if !f.done {
		_ = os.Remove(f.file.Name())
	}
}
