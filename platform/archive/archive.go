package archive

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

const (
	// Suffix is how the name of a file ends.
	Suffix = ".ndjson.zst"
	// partial is how the name of a file is made and ends as long as it is written.
	partial = "writing-*.part"
	// partialFor is how long nobody writes one file: older ones are of processes that
	// were killed.
	partialFor = 24 * time.Hour
)

// Archive is the folder. A nil one archives nothing.
type Archive struct{ dir string }

// New gives the archive in a folder, which is made when the first file is; nil for no
// folder.
func New(dir string) *Archive {
	if dir == "" {
		return nil
	}
	return &Archive{dir: dir}
}

// On reports whether anything is archived.
func (a *Archive) On() bool { return a != nil }

// Begin begins a file. It needs an archive that is on, and a [File.Close]. It returns
// [ErrUnwritable].
func (a *Archive) Begin() (*File, error) {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return nil, unwritable(err)
	}
	a.removeLeft()
	file, err := os.CreateTemp(a.dir, partial) // with the mode 0600
	if err != nil {
		return nil, unwritable(err)
	}
	return newFile(a.dir, file)
}

// removeLeft removes what was never finished. What cannot be removed does no harm.
func (a *Archive) removeLeft() {
	left, _ := filepath.Glob(filepath.Join(a.dir, partial))
	for _, path := range left {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > partialFor {
			_ = os.Remove(path)
		}
	}
}

// syncDir writes a folder's entries to the disk.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
