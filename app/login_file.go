package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxLoginFile bounds what is read of a file with logins.
const maxLoginFile = 1 << 20

// readPrivate reads a JSON file that holds a token. One that is not there leaves
// v as it is; one that others may read is refused.
func readPrivate(path string, v any) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", path, reasonOf(err))
	}
	switch {
	case !info.Mode().IsRegular() || info.Size() > maxLoginFile:
		return fmt.Errorf("%s is not a file of semantik's", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read by others (mode %04o); run \"chmod 600 %s\"", path, info.Mode().Perm(), path)
	}
	content, err := os.ReadFile(path) //nolint:gosec // a file of our own
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, reasonOf(err))
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fmt.Errorf("%s is damaged (%w); remove it and sign in again", path, err)
	}
	return nil
}

// writePrivate replaces a JSON file that holds a token: readers see the old one
// or the new one, and nobody else sees either.
func writePrivate(path string, v any) (err error) {
	encoded, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", path, reasonOf(err))
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, reasonOf(err))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	_, err = temporary.Write(append(encoded, '\n'))
	if err = errors.Join(err, temporary.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, reasonOf(err))
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", path, reasonOf(err))
	}
	return nil
}

// reasonOf leaves out the path, which stands beside it already.
func reasonOf(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
