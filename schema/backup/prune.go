package backup

import (
	"fmt"
	"os"
	"strings"
	"time"
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

// brokenOff is how long after its last byte a backup that is not complete is taken for
// one that nobody writes any more.
const brokenOff = 24 * time.Hour

// Prune removes the backups in a folder that need not stay, and gives them. One that
// cannot be read is never removed: somebody should look at it. What was broken off a day
// ago goes.
func Prune(dir string, o PruneOptions) ([]Found, error) {
	if o.Keep < 1 {
		return nil, fmt.Errorf("at least one backup is kept, not %d", o.Keep)
	}
	all, err := List(dir)
	if err != nil {
		return nil, err
	}
	removed := []Found{}
	kept := map[string]int{}
	for _, f := range all {
		if !o.goes(f, kept) {
			continue
		}
		if !o.DryRun {
			if err := os.RemoveAll(f.Path); err != nil {
				return removed, fmt.Errorf("removing a backup: %w", err)
			}
		}
		removed = append(removed, f)
	}
	return removed, nil
}

// goes decides about the backups, which come the newest first.
func (o PruneOptions) goes(f Found, kept map[string]int) bool {
	switch f.State {
	case StateIncomplete:
		return o.Now.Sub(f.Modified) > brokenOff
	case StateUnreadable:
		return false
	}
	scope := f.Manifest.scope()
	kept[scope]++
	return kept[scope] > o.Keep && o.Now.Sub(f.Manifest.CreatedAt) > o.Within
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
