package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// identityBytes is how much of a file's beginning tells it from others.
const identityBytes = 64 << 10

// Source is a file of chunks that is read once.
type Source struct {
	// Name is the file's name, for people.
	Name string
	// Size is the file's in bytes; 0 where it is not known.
	Size int64
	// Identity tells the file from others, and from itself after a change; empty for a
	// stream, which nobody can go on with.
	Identity string

	reader io.Reader
	close  func() error
	read   atomic.Int64
}

// OpenFile opens a file of lines; one that begins as gzip or as zstd does is unpacked
// while it is read, whatever its name is.
func OpenFile(name string) (*Source, error) {
	file, err := os.Open(name) //nolint:gosec // the file that was asked for
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	if info.IsDir() {
		_ = file.Close()
		return nil, fmt.Errorf("%s is a folder; \"semantik ingest\" loads folders", name)
	}
	s := &Source{Name: name}
	if info.Mode().IsRegular() {
		if s.Identity, err = identify(file, info); err != nil {
			_ = file.Close()
			return nil, err
		}
		s.Size = info.Size()
	}
	if err := s.unpack(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return s, nil
}

// OpenStream is [OpenFile] for something that is no file.
func OpenStream(name string, r io.Reader) (*Source, error) {
	s := &Source{Name: name}
	return s, s.unpack(io.NopCloser(r))
}

func identify(file *os.File, info os.FileInfo) (string, error) {
	head := make([]byte, identityBytes)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%d %s\n", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
	_, _ = sum.Write(head[:n])
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// unpack looks at how the bytes begin.
func (s *Source) unpack(file io.ReadCloser) error {
	counted := &countingReader{reader: file, n: &s.read}
	head := make([]byte, 4)
	n, err := io.ReadFull(counted, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), counted)
	s.reader, s.close = whole, file.Close
	switch {
	case n >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		unpacked, err := gzip.NewReader(whole)
		if err != nil {
			return fmt.Errorf("%s begins as gzip does and is none: %w", s.Name, err)
		}
		s.reader = unpacked
	case n == 4 && bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		unpacked, err := zstd.NewReader(whole, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("%s begins as zstd does and is none: %w", s.Name, err)
		}
		s.reader = unpacked
		s.close = func() error {
			unpacked.Close()
			return file.Close()
		}
	}
	return nil
}

// Read gives the lines. A file that is not as it was packed says so.
func (s *Source) Read(p []byte) (int, error) {
	n, err := s.reader.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || strings.HasPrefix(err.Error(), "zstd") {
		return n, fmt.Errorf("%s is damaged, or was not copied to its end: %v", s.Name, err) //nolint:errorlint // its io.EOF must not pass for an end
	}
	return n, err
}

// Close closes the file.
func (s *Source) Close() error { return s.close() }

// position is how much of the file was read, in bytes as they lie on the disk.
func (s *Source) position() int64 { return s.read.Load() }

type countingReader struct {
	reader io.Reader
	n      *atomic.Int64
}

// Read reads on.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}
