package doctor

import (
	"slices"

	"semantik/schema"
)

// Finding is something that is not as it should be.
type Finding struct {
	// Key names the check; it never changes.
	Key      string          `json:"key"`
	Severity schema.Severity `json:"severity"`
	// What is what should hold, as a sentence.
	What string `json:"what"`
	// Count is how many rows or objects it is, and Examples are some of them.
	Count    int64    `json:"count"`
	Examples []string `json:"examples"`
	Meaning  string   `json:"meaning"`
	// Fix is what to do. Fixable says that [Doctor.Mend] does it, with Destructive only
	// when it is told to delete.
	Fix         string `json:"fix"`
	Fixable     bool   `json:"fixable"`
	Destructive bool   `json:"destructive"`
}

// Server is what was looked at.
type Server struct {
	Version  string `json:"version"`
	Database string `json:"database"`
	// Embedded is set for the server that the program brings itself.
	Embedded bool `json:"embedded"`
	// Bytes is the size of the database.
	Bytes int64 `json:"bytes"`
	// FreeBytes is what is free on the disk of the data; nil where that is not known,
	// as with a server on another machine.
	FreeBytes *int64 `json:"free_bytes"`
}

// Report is what an examination has found, the worst first.
type Report struct {
	Server Server `json:"server"`
	// Checks is how many checks were made.
	Checks   int       `json:"checks"`
	Seconds  float64   `json:"seconds"`
	Findings []Finding `json:"findings"`
}

// Count is how many findings have the severity.
func (r Report) Count(severity schema.Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// has reports whether one of the checks has found something.
func (r Report) has(keys ...string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return slices.Contains(keys, f.Key) })
}

var severities = []schema.Severity{schema.SeverityError, schema.SeverityWarning, schema.SeverityHint}

// sort puts the worst first, in the order in which they were found.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
}

// Check is one of the things that are looked at.
type Check struct {
	schema.Rule

	// Fixable says that [Doctor.Mend] mends it, with Destructive only when it may delete.
	Fixable, Destructive bool
}

// Checks lists all checks: the data first, then what does not stay so for long, the
// catalog, the server and its machine.
func Checks() []Check {
	var all []Check
	for _, rules := range [][]schema.Rule{schema.Rules(), stateRules, catalogRules, useRules(usual), serverRules(usual), settingRules(usual), machineRules} {
		for _, r := range rules {
			all = append(all, checkOf(r))
		}
	}
	return all
}

func checkOf(r schema.Rule) Check {
	c := Check{Rule: r}
	for _, m := range mends() {
		if slices.Contains(m.keys, r.Key) {
			c.Fixable, c.Destructive = true, m.destructive
		}
	}
	return c
}

// found makes a finding of what breaks a rule.
func found(r schema.Rule, b schema.Broken) Finding {
	c := checkOf(r)
	return Finding{
		Key: r.Key, Severity: r.Severity, What: r.Name, Count: b.Count, Examples: b.Examples,
		Meaning: r.Meaning, Fix: r.Remedy, Fixable: c.Fixable, Destructive: c.Destructive,
	}
}
