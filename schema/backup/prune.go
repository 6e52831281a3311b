package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"semantik/schema"
)

// PruneOptions say which backups stay.
type PruneOptions struct {
	// Keep is how many of the newest complete ones stay, of the whole database and of
	// each choice of collections by itself; at least 1.
	Keep int
	// Within keeps those besides that are not older; zero: none.
	Within time.Duration
	// DryRun removes nothing.
	DryRun bool
	// Now is the time that ages are counted from.
	Now time.Time
}

// Pruned is what became of the backups in a folder that did not simply stay.
type Pruned struct {
	Removed []Found `json:"removed"`
	// Kept are those that somebody should look at: what cannot be read, and what would
	// have gone if it were a backup and nothing else. Their problem says what it is.
	Kept []Found `json:"kept"`
}

// brokenOff is how long after its last byte a backup that is not complete is taken for
// one that nobody writes any more.
const brokenOff = 24 * time.Hour

// Prune removes the backups in a folder that need not stay. It removes what is certainly
// one of ours and nothing else: one that is complete, or one that bears our marker, has
// the name of an unfinished one, has not been written to for a day and is held by nobody.
// One that cannot be read stays, and does not count as one of those that are kept.
func Prune(dir string, o PruneOptions) (Pruned, error) {
	pruned := Pruned{Removed: []Found{}, Kept: []Found{}}
	if o.Keep < 1 {
		return pruned, fmt.Errorf("at least one backup is kept, not %d", o.Keep)
	}
	all, err := List(dir)
	if err != nil {
		return pruned, err
	}
	kept := map[string]int{}
	for _, f := range all {
		if f.State == StateUnreadable {
			pruned.Kept = append(pruned.Kept, f)
			continue
		}
		if !o.goes(f, kept) {
			continue
		}
		why, err := f.remove(o.DryRun)
		switch {
		case err != nil:
			return pruned, fmt.Errorf("removing a backup: %w", err)
		case why != "":
			f.Problem = why
			pruned.Kept = append(pruned.Kept, f)
		default:
			pruned.Removed = append(pruned.Removed, f)
		}
	}
	return pruned, nil
}

// goes decides about the backups, which come the newest first.
func (o PruneOptions) goes(f Found, kept map[string]int) bool {
	if f.State == StateIncomplete {
		return o.Now.Sub(f.Modified) > brokenOff
	}
	scope := f.Manifest.scope()
	kept[scope]++
	return kept[scope] > o.Keep && o.Now.Sub(f.Manifest.CreatedAt) > o.Within
}

// remove removes a backup, or says why it stays.
func (f Found) remove(dryRun bool) (why string, err error) {
	if f.State == StateIncomplete {
		return removeUnfinished(f.Path, false, dryRun)
	}
	strange, err := stranger(f.Path)
	if strange != "" || err != nil || dryRun {
		return strange, err
	}
	if info, err := os.Lstat(f.Path); err != nil || !info.IsDir() {
		return "", errors.Join(err, os.Remove(f.Path))
	}
	// Of a folder that is removed in part nobody is to think that it was damaged.
	unfinished := f.Path + partialSuffix
	if _, err := os.Lstat(unfinished); err == nil {
		return fmt.Sprintf("It goes when %s has gone.", filepath.Base(unfinished)), nil
	}
	if err := os.Rename(f.Path, unfinished); err != nil {
		return "", err
	}
	return removeUnfinished(unfinished, true, false)
}

// removeUnfinished removes what nobody writes, or says why it stays. own says that it has
// got the name of an unfinished one here.
func removeUnfinished(path string, own, dryRun bool) (why string, err error) {
	held, err := hold(path, own)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrBusy):
		return "It is being written.", nil
	case err != nil:
		return fmt.Sprintf("It cannot be told whether it is being written: %v.", err), nil
	}
	strange, err := stranger(path)
	if strange == "" && err == nil && !dryRun {
		err = os.RemoveAll(path)
	}
	return strange, errors.Join(err, held.Close())
}

// stranger says what is in a folder besides the parts of a backup, and besides the hidden
// files that some systems put into each folder.
func stranger(folder string) (string, error) {
	if info, err := os.Lstat(folder); err != nil || !info.IsDir() {
		return "", err
	}
	strange := ""
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || isPart(name) || entry.Type().IsRegular() && strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		strange = fmt.Sprintf("There is something in it that is not of the backup: %s.", name)
		return fs.SkipAll
	})
	return strange, err
}

// isPart reports whether a path in the folder of a backup is one of a part, or leads to
// one.
func isPart(name string) bool {
	if strings.HasPrefix(name, dataFolder) || slices.Contains([]string{".", markerName, manifestName, "schema", path.Clean(dataFolder)}, name) {
		return true
	}
	for file := range schemaFiles(&schema.SQLFiles{}) {
		if name == schemaPart(file) || strings.HasPrefix(name, schemaPart(file)+"/") { // a piece, of an unpacked archive
			return true
		}
	}
	return false
}

// scope tells backups of different things apart.
func (m *Manifest) scope() string {
	if m.Whole() {
		return "" // no id is
	}
	ids := make([]string, len(m.Collections))
	for i, c := range m.Collections {
		ids[i] = c.ID
	}
	return strings.Join(ids, " ")
}
