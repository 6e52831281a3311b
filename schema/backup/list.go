package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The states of a [Found].
const (
	StateComplete   = "complete"
	StateIncomplete = "incomplete" // broken off, or still written
	StateUnreadable = "unreadable" // damaged, or of another version
)

// Found is a backup in a folder of backups.
type Found struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	State string `json:"state"`
	// Problem is why it is not complete.
	Problem string `json:"problem,omitempty"`
	// Bytes that it takes on the disk, and when it was last written to.
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified_at"`
	// Manifest without its tables; nil unless it is complete.
	Manifest *Manifest `json:"manifest,omitempty"`
	Rows     int64     `json:"rows"`
}

// List lists the backups in a folder, the newest first. What is no backup is left out;
// a folder that is not there has none.
func List(dir string) ([]Found, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []Found{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the backups: %w", err)
	}
	found := []Found{}
	for _, entry := range entries {
		f, is, err := look(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		if is {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b Found) int { return b.moment().Compare(a.moment()) })
	return found, nil
}

// moment is what the backup shows, or else when it was written.
func (f Found) moment() time.Time {
	if f.Manifest != nil {
		return f.Manifest.CreatedAt
	}
	return f.Modified
}

// look says what a path is. Only what bears our marker is a backup, or part of one.
func look(path string) (Found, bool, error) {
	f := Found{Name: filepath.Base(path), Path: path, State: StateComplete}
	if isPartial(path) {
		f.State, f.Problem = StateIncomplete, "It was broken off before its end, or is being written."
		if !isBegun(path) {
			return Found{}, false, nil
		}
		return f, true, f.measure()
	}
	err := f.open()
	if errors.Is(err, ErrNotBackup) || errors.Is(err, fs.ErrNotExist) {
		return Found{}, false, nil
	}
	if err != nil {
		f.State, f.Problem = StateUnreadable, err.Error()
	}
	return f, true, f.measure()
}

// open looks into a backup.
func (f *Found) open() error {
	b, err := Open(f.Path)
	if err != nil {
		return err
	}
	if _, err := b.wholeFiles(); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", f.Path, err), b.Close())
	}
	f.Rows = b.Manifest.Rows()
	brief := *b.Manifest
	brief.Tables, brief.Sequences, brief.Keys = nil, nil, nil
	f.Manifest = &brief
	return b.Close()
}

// isBegun reports whether what has the name of an unfinished backup is one. What cannot
// be looked at is none of ours, or has got its name meanwhile.
func isBegun(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
		return false
	}
	file, err := os.Open(path) //nolint:gosec // it is in the folder of backups
	if err != nil {
		return false
	}
	ours, err := begun(file)
	return ours && err == nil && file.Close() == nil
}

// measure adds up its files.
func (f *Found) measure() error {
	err := filepath.WalkDir(f.Path, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			f.Bytes += info.Size()
		}
		if info.ModTime().After(f.Modified) {
			f.Modified = info.ModTime()
		}
		return nil
	})
	// One that is being written to gets its name meanwhile.
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("measuring %s: %w", f.Path, err)
	}
	return nil
}

// Latest is the newest complete backup of the whole database in a folder.
func Latest(dir string) (Found, error) {
	all, err := List(dir)
	if err != nil {
		return Found{}, err
	}
	for _, f := range all {
		if f.State == StateComplete && f.Manifest.Whole() {
			return f, nil
		}
	}
	return Found{}, fmt.Errorf("there is no complete backup of a whole database in %s: %w", dir, fs.ErrNotExist)
}
