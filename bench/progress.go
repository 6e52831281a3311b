package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// tellEvery is the time between two lines about how far a long part is.
const tellEvery = 10 * time.Second

// teller tells on standard error how far a long part is, so that the figures stand
// alone on standard output.
type teller struct {
	part string
	last time.Time
}

// tellf prints a line, unless there was one just now.
func (t *teller) tellf(format string, args ...any) {
	if time.Since(t.last) < tellEvery {
		return
	}
	t.last = time.Now()
	fmt.Fprintf(os.Stderr, "  … %s: %s\n", t.part, fmt.Sprintf(format, args...))
}

// within is the time within which so many of a hundred were done; 0 of none.
func within(all []time.Duration, ofHundred int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, len(sorted)*ofHundred/100)]
}

// ratio is one figure against another; 0 where there is none to compare with.
func ratio(have, base float64) float64 {
	if base == 0 {
		return 0
	}
	return have / base
}
