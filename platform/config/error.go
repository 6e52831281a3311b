package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with the settings.
type Problem struct {
	// Variable is the name; "" when a whole source cannot be read.
	Variable string
	Source   Source
	// Value is what was given, masked when it is secret.
	Value   string
	Message string
}

// String is one line: DB_POOL_SIZE="abc" (environment): must be ….
func (p Problem) String() string {
	if p.Variable == "" {
		return fmt.Sprintf("%s: %s", p.Source, p.Message)
	}
	if p.Source == "" {
		return fmt.Sprintf("%s: %s", p.Variable, p.Message)
	}
	return fmt.Sprintf("%s=%q (%s): %s", p.Variable, p.Value, p.Source, p.Message)
}

// Error lists every problem that [Load] found.
type Error struct {
	Problems []Problem
}

// Error has a line for each problem.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	if len(e.Problems) == 1 {
		lines = append(lines, "a setting is wrong:")
	} else {
		lines = append(lines, fmt.Sprintf("%d settings are wrong:", len(e.Problems)))
	}
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}
