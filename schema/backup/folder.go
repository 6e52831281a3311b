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
	if isPartial(string(f)) && name == manifestName {
		return false
	}
	_, err := os.Stat(filepath.Join(string(f), filepath.FromSlash(name)))
	return err == nil
}

// data adds up the files. What is hidden is what some systems put into each folder.
func (f folderSource) data() (map[string]int64, error) {
	entries, err := os.ReadDir(filepath.Join(string(f), dataFolder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the backup: %w", err)
	}
	sizes := map[string]int64{}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		found := Found{Path: filepath.Join(string(f), dataFolder, entry.Name())}
		if err := found.measure(); err != nil {
			return nil, err
		}
		sizes[dataFolder+entry.Name()] = found.Bytes
	}
	return sizes, nil
}

func (folderSource) close() error { return nil }

// folder is a backup in a folder, a file for each part. Nobody else may read it: it has
// everybody's documents and the hashes of their passwords.
type folder struct {
	path     string   // of the finished backup
	held     *os.File // the unfinished one
	finished bool
}

func newFolder(path string) (*folder, error) {
	held, err := claim(path, func(partial string) error { return os.Mkdir(partial, 0o700) })
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, held: held}
	if err := f.begin(); err != nil {
		f.abandon()
		return nil, err
	}
	return f, nil
}

// begin empties what another run left behind, which was never a backup, and writes the
// marker before all else.
func (f *folder) begin() error {
	entries, err := os.ReadDir(f.partial())
	if err != nil {
		return fmt.Errorf("making the folder of the backup: %w", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(f.partial(), entry.Name())); err != nil {
			return fmt.Errorf("removing what was left of a backup that was broken off: %w", err)
		}
	}
	marker, err := f.create(markerName)
	if err != nil {
		return err
	}
	_, err = io.WriteString(marker, markerText)
	if err := errors.Join(err, marker.Close()); err != nil {
		return fmt.Errorf("making the folder of the backup: %w", err)
	}
	for _, dir := range []string{"schema", dataFolder} {
		if err := os.Mkdir(filepath.Join(f.partial(), dir), 0o700); err != nil {
			return fmt.Errorf("making the folder of the backup: %w", err)
		}
	}
	return nil
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
	if err := giveName(f.path); err != nil { // while it is held
		return err
	}
	f.finished = true
	if err := f.held.Close(); err != nil {
		return fmt.Errorf("ending the backup: %w", err)
	}
	return syncDir(filepath.Dir(f.path))
}

func (f *folder) abandon() {
	if !f.finished {
		_ = os.RemoveAll(f.partial())
		_ = f.held.Close()
	}
}
