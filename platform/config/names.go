package config

import (
	"fmt"
	"slices"
	"strings"
)

func variablesByName() map[string]Variable {
	byName := map[string]Variable{}
	for _, v := range Variables() {
		byName[v.Name] = v
	}
	return byName
}

// clean removes the white space around a value, which nobody can see, unless it
// is secret, where it may be meant. It is "" for what is no variable of ours.
func clean(v Variable, value string) string {
	switch {
	case v.Name == "":
		return ""
	case v.Secret:
		return value
	default:
		return strings.TrimSpace(value)
	}
}

func environNames(environ []string) []string {
	names := make([]string, 0, len(environ))
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		names = append(names, name)
	}
	return names
}

// unknownNames warns about names that look like ours and are not: a setting that
// is misspelt would otherwise be ignored without a word.
func unknownNames(names, others []string, where string, prefixes ...string) []string {
	var warnings []string
	known := variablesByName()
	for _, name := range names {
		ours := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if _, ok := known[name]; ok || !ours || slices.Contains(others, name) {
			continue
		}
		warning := fmt.Sprintf("%s in %s is not a setting and is ignored.", name, where)
		if near := nearest(name, known); near != "" {
			warning += fmt.Sprintf(" Is %s meant?", near)
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

// nearest is the known name within three typing errors; "" when there is none.
func nearest(name string, known map[string]Variable) string {
	best, distance := "", 4
	for candidate := range known {
		d := editDistance(name, candidate)
		if d < distance || (d == distance && best != "" && candidate < best) {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance counts the letters to add, remove or change.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
