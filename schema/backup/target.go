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

// newTarget makes a target: an archive if the path ends in .tar, else a folder. stdout
// is written to for the path "-". What is there already is never written over.
func newTarget(path string, stdout io.Writer) (target, error) {
	if path == "-" {
		return newArchive(stdout), nil
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for the backup: %w", err)
	}
	if strings.HasSuffix(path, archiveSuffix) {
		return newArchiveFile(path)
	}
	return newFolder(path)
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
