package doctor

import (
	"time"

	"semantik/schema"
)

// Strict are the rules of this package that have a statement, with limits that everything
// exceeds.
func Strict() []schema.Rule {
	least := limits{open: 0, vacuumed: -1, locks: 1 << 30, counted: -time.Hour}
	var all []schema.Rule
	for _, rules := range [][]schema.Rule{stateRules, catalogRules, useRules(least), serverRules(least), settingRules(least)} {
		all = append(all, rules...)
	}
	return all
}

// ErrNotHere is for a disk of another machine.
var ErrNotHere = errNotHere

// Disk is what is found of a disk.
func Disk(free, total, database int64) []Finding { return disk(free, total, database) }

// Shortened cuts a name.
func Shortened(name, ending string) string { return shortened(name, ending) }
