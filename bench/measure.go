package main

import (
	"fmt"
	"slices"
	"time"
)

// median is the middle one, so that one run in which the machine was busy with
// something else does not count.
func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// linef prints one figure.
func linef(what, format string, args ...any) {
	fmt.Printf("  %-42s %s\n", what, fmt.Sprintf(format, args...))
}

// seconds prints a time.
func seconds(what string, d time.Duration) { linef(what, "%8.3f s", d.Seconds()) }

// goal prints whether a figure is where it should be.
func goal(what string, have, most float64, unit string) {
	verdict := "met"
	if have > most {
		verdict = "MISSED"
	}
	linef(what, "%8.3f %s, at most %g %s: %s", have, unit, most, unit, verdict)
}

// least prints whether a ratio is as high as it should be.
func least(what string, have, least float64) {
	verdict := "met"
	if have < least {
		verdict = "MISSED"
	}
	linef(what, "%8.2f, at least %g: %s", have, least, verdict)
}
