package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// target is where a backup is written to. Parts may be written at the same time.
type target interface {
	// create begins a part. It is there once its writer is closed.
	create(name string) (io.WriteCloser, error)
	// finish makes the backup one, with its manifest as the last part.
	finish(manifest []byte) error
	// abandon takes away what was written. It does nothing after finish.
	abandon()
}

// archiveSuffix is how the name of a backup in one file ends.
const archiveSuffix = ".tar"

// partialSuffix is how the name of a backup ends as long as it is written.
const partialSuffix = ".partial"

// newTarget makes a target: an archive if the path ends in .tar, else a folder, as what
// ends in a slash is. stdout is written to for the path "-". What is there already is
// never written over, and two do not write to the same.
//
// Errors: [ErrExists], [ErrBusy].
func newTarget(path string, stdout io.Writer) (target, error) {
	if path == "-" {
		return newArchive(stdout)
	}
	clean := filepath.Clean(path)
	if isPartial(clean) {
		return nil, fmt.Errorf("%s cannot be the name of a backup: what ends in %s is one that is not whole", path, partialSuffix)
	}
	if err := vacant(clean); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(clean), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for the backup: %w", err)
	}
	if strings.HasSuffix(path, archiveSuffix) {
		return newArchiveFile(clean)
	}
	return newFolder(clean)
}

// giveName gives a backup that is whole its name.
func giveName(path string) error {
	if err := vacant(path); err != nil {
		return err
	}
	if err := os.Rename(path+partialSuffix, path); err != nil {
		return fmt.Errorf("giving the backup its name: %w", err)
	}
	return nil
}

// syncedFile is on the disk once it is closed.
type syncedFile struct{ *os.File }

func (f syncedFile) Close() error {
	err := f.Sync()
	if err := errors.Join(err, f.File.Close()); err != nil {
		return fmt.Errorf("writing the backup to the disk: %w", err)
	}
	return nil
}

// syncDir writes a folder's entries to the disk.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("writing the backup to the disk: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("writing the backup to the disk: %w", err)
	}
	return nil
}
