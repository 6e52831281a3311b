package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// folderSource reads a backup in a folder.
type folderSource string

func (f folderSource) open(name string) (io.ReadCloser, error) {
	path := filepath.Join(string(f), filepath.FromSlash(name))
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, name)
	}
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openPieces(path)
	}
	return os.Open(path) //nolint:gosec // the operator names it
}

// openPieces reads a part of an archive that was unpacked: a folder of its pieces.
func openPieces(path string) (io.ReadCloser, error) {
	entries, err := os.ReadDir(path) // in the order of their names
	if err != nil {
		return nil, err
	}
	joined := &pieceReader{}
	readers := make([]io.Reader, len(entries))
	for i, entry := range entries {
		piece := &lazyFile{path: filepath.Join(path, entry.Name())}
		readers[i] = piece
		joined.files = append(joined.files, piece)
	}
	joined.Reader = io.MultiReader(readers...)
	return joined, nil
}

// pieceReader reads files one after the other.
type pieceReader struct {
	io.Reader
	files []*lazyFile
}

func (p *pieceReader) Close() error {
	var all error
	for _, file := range p.files {
		all = errors.Join(all, file.close())
	}
	return all
}

// lazyFile is open from the first read to the end of the file.
type lazyFile struct {
	path string
	file *os.File
	done bool
}

func (l *lazyFile) Read(p []byte) (int, error) {
	if l.done {
		return 0, io.EOF
	}
	if l.file == nil {
		file, err := os.Open(l.path)
		if err != nil {
			return 0, err
		}
		l.file = file
	}
	n, err := l.file.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if err := l.close(); err != nil {
		return n, err
	}
	return n, io.EOF
}

func (l *lazyFile) close() error {
	l.done = true
	if l.file == nil {
		return nil
	}
	file := l.file
	l.file = nil
	return file.Close()
}

func (f folderSource) has(name string) bool {
	// A folder that is still written to has all but its name.
	if strings.HasSuffix(string(f), partialSuffix) && name == manifestName {
		return false
	}
	_, err := os.Stat(filepath.Join(string(f), filepath.FromSlash(name)))
	return err == nil
}

func (folderSource) close() error { return nil }

// folder is a backup in a folder, a file for each part. Nobody else may read it: it has
// everybody's documents and the hashes of their passwords.
type folder struct {
	path     string // of the finished backup
	finished bool
}

func newFolder(path string) (*folder, error) {
	f := &folder{path: filepath.Clean(path)}
	// What another run left behind was never a backup.
	if err := os.RemoveAll(f.partial()); err != nil {
		return nil, fmt.Errorf("removing what was left of a backup that was broken off: %w", err)
	}
	for _, dir := range []string{f.partial(), filepath.Join(f.partial(), "schema"), filepath.Join(f.partial(), "data")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of the backup: %w", err)
		}
	}
	return f, nil
}

func (f *folder) partial() string { return f.path + partialSuffix }

func (f *folder) create(name string) (io.WriteCloser, error) {
	file, err := os.OpenFile(filepath.Join(f.partial(), filepath.FromSlash(name)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing the backup: %w", err)
	}
	return syncedFile{file}, nil
}

func (f *folder) finish(manifest []byte) error {
	w, err := f.create(manifestName)
	if err != nil {
		return err
	}
	if _, err := w.Write(manifest); err != nil {
		return errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return err
	}
	for _, dir := range []string{"data", "schema", "."} {
		if err := syncDir(filepath.Join(f.partial(), dir)); err != nil {
			return err
		}
	}
	if err := os.Rename(f.partial(), f.path); err != nil {
		return fmt.Errorf("giving the backup its name: %w", err)
	}
	f.finished = true
	return syncDir(filepath.Dir(f.path))
}

func (f *folder) abandon() {
	if !f.finished {
		_ = os.RemoveAll(f.partial())
	}
}
