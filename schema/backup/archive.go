package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// pieceBytes is how much of a part is held in memory until it is written to an archive
// as an entry of its own, so that several parts can be written to one file at once.
const pieceBytes = 4 << 20

// archive is a backup in one tar file, or on the way through a pipe.
type archive struct {
	mu sync.Mutex // the writer of entries takes turns
	w  *tar.Writer

	file     *os.File // holds the unfinished backup; nil: a pipe, that is somebody else's
	path     string
	finished bool
}

// newArchive begins an archive with its marker.
func newArchive(w io.Writer) (*archive, error) {
	a := &archive{w: tar.NewWriter(w)}
	return a, a.entry(markerName, []byte(markerText))
}

func newArchiveFile(path string) (*archive, error) {
	file, err := claim(path, func(partial string) error {
		made, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
		if err != nil {
			return err
		}
		return made.Close()
	})
	if err != nil {
		return nil, err
	}
	// What another run left behind was never a backup.
	if err := errors.Join(file.Truncate(0), file.Chmod(0o600)); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the backup: %w", err), file.Close())
	}
	a, err := newArchive(file)
	a.file, a.path = file, path
	if err != nil {
		a.abandon()
		return nil, err
	}
	return a, nil
}

func (a *archive) create(name string) (io.WriteCloser, error) {
	return &pieces{archive: a, name: name}, nil
}

// entry writes one entry.
func (a *archive) entry(name string, data []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o600, ModTime: time.Now().Truncate(time.Second)}
	if err := a.w.WriteHeader(header); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if _, err := a.w.Write(data); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

func (a *archive) finish(manifest []byte) error {
	if err := a.entry(manifestName, manifest); err != nil {
		return err
	}
	if err := a.w.Close(); err != nil {
		return fmt.Errorf("ending the backup: %w", err)
	}
	if a.file == nil {
		a.finished = true
		return nil
	}
	if err := a.file.Sync(); err != nil {
		return fmt.Errorf("writing the backup to the disk: %w", err)
	}
	if err := giveName(a.path); err != nil { // while it is held
		return err
	}
	a.finished = true
	if err := a.file.Close(); err != nil {
		return fmt.Errorf("ending the backup: %w", err)
	}
	return syncDir(filepath.Dir(a.path))
}

func (a *archive) abandon() {
	if a.finished || a.file == nil {
		return
	}
	_ = os.Remove(a.path + partialSuffix)
	_ = a.file.Close()
}

// pieces writes a part as numbered entries.
type pieces struct {
	archive *archive
	name    string
	buffer  bytes.Buffer
	count   int
}

func (p *pieces) Write(data []byte) (int, error) {
	p.buffer.Write(data)
	if p.buffer.Len() >= pieceBytes {
		return len(data), p.flush()
	}
	return len(data), nil
}

func (p *pieces) flush() error {
	defer p.buffer.Reset()
	p.count++
	return p.archive.entry(fmt.Sprintf("%s/%06d", p.name, p.count), p.buffer.Bytes())
}

// Close writes the rest. A part has one piece at least.
func (p *pieces) Close() error {
	if p.buffer.Len() == 0 && p.count > 0 {
		return nil
	}
	return p.flush()
}

// span is a stretch of an archive's file.
type span struct{ offset, length int64 }

// archiveSource reads a backup in one file.
type archiveSource struct {
	file  *os.File
	parts map[string][]span
}

// openArchive looks for the parts. It reads the headers alone. One that ends in the middle
// lacks the manifest, which comes last.
func openArchive(file *os.File) (*archiveSource, error) {
	switch ours, err := marked(file); {
	case err != nil:
		return nil, err
	case !ours && generatedName.MatchString(filepath.Base(file.Name())):
		return nil, fmt.Errorf("%w: it does not begin as a backup does", ErrDamaged)
	case !ours:
		return nil, ErrNotBackup
	}
	a := &archiveSource{file: file, parts: map[string][]span{}}
	entries := tar.NewReader(file)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return a, nil
		}
		offset, seekErr := file.Seek(0, io.SeekCurrent)
		if seekErr != nil {
			return nil, fmt.Errorf("reading the backup: %w", seekErr)
		}
		if errors.Is(err, tar.ErrHeader) {
			return nil, fmt.Errorf("%w: the entry before byte %d of it has no header that can be read", ErrDamaged, offset)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the backup: %w", err)
		}
		name := header.Name
		if dir := path.Dir(name); dir != "." {
			name = dir // of which it is a piece
		}
		a.parts[name] = append(a.parts[name], span{offset, header.Size})
	}
}

func (a *archiveSource) open(name string) (io.ReadCloser, error) {
	spans, ok := a.parts[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, name)
	}
	readers := make([]io.Reader, len(spans))
	for i, s := range spans {
		readers[i] = io.NewSectionReader(a.file, s.offset, s.length)
	}
	return io.NopCloser(io.MultiReader(readers...)), nil
}

func (a *archiveSource) has(name string) bool { return len(a.parts[name]) > 0 }

func (a *archiveSource) data() (map[string]int64, error) {
	sizes := map[string]int64{}
	for name, spans := range a.parts {
		if !strings.HasPrefix(name, dataFolder) {
			continue
		}
		sizes[name] = 0
		for _, s := range spans {
			sizes[name] += s.length
		}
	}
	return sizes, nil
}

func (a *archiveSource) close() error { return a.file.Close() }
