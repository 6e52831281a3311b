package connectors

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"semantik/platform/apperr"
)

// Limits of a list of patterns. What a pattern may cost for one name grows with the
// alternatives in its braces, which multiply, and with braces that have only one.
const (
	MaxPatterns         = 100
	MaxPatternBytes     = 256
	MaxAlternatives     = 32
	maxAllAlternatives  = 200
	maxBraces           = 5
	anywhere            = "**/"
	messageNoPattern    = "is not a pattern: a bracket or a brace is not closed, or a backslash stands at its end"
	messageAlternatives = "has more than %d alternatives in braces"
	messageBraces       = "has more than %d pairs of braces"
)

// Patterns decide by its path what of a source is taken. They are read as in a
// .gitignore file: one without a slash is for a name at any depth, one with a slash
// in it for a path from the source's top, one with a slash at its end for folders
// alone, and what is said of a folder is said of everything in it.
//
// What has a name with a dot in front is hidden, and taken only where an include
// pattern has such a name in that place: .env, .github/**.
type Patterns struct {
	include, exclude []pattern
}

// pattern is one of them, ready to be used.
type pattern struct {
	glob    string
	folders bool // it is for folders alone
}

// NewPatterns reads two lists of patterns. The faults name each pattern that is
// malformed, with the location "include_patterns[2]".
func NewPatterns(include, exclude []string) (Patterns, []apperr.Field) {
	included, wrong := readPatterns("include_patterns", include)
	excluded, more := readPatterns("exclude_patterns", exclude)
	return Patterns{include: included, exclude: excluded}, slices.Concat(wrong, more)
}

func readPatterns(field string, list []string) ([]pattern, []apperr.Field) {
	if len(list) > MaxPatterns {
		return nil, []apperr.Field{{Location: field, Message: fmt.Sprintf("may have at most %d patterns", MaxPatterns)}}
	}
	var read []pattern
	var wrong []apperr.Field
	all := 0
	for i, text := range list {
		p, problem := readPattern(text)
		if problem != "" {
			wrong = append(wrong, apperr.Field{Location: fmt.Sprintf("%s[%d]", field, i), Message: problem, Value: shortened(text)})
			continue
		}
		all += alternatives(p.glob)
		read = append(read, p)
	}
	if all > maxAllAlternatives {
		wrong = append(wrong, apperr.Field{Location: field, Message: fmt.Sprintf(messageAlternatives, maxAllAlternatives) + " in all its patterns together"})
	}
	return read, wrong
}

func readPattern(text string) (pattern, string) {
	switch {
	case strings.TrimSpace(text) == "":
		return pattern{}, "is empty"
	case len(text) > MaxPatternBytes:
		return pattern{}, fmt.Sprintf("may be at most %d bytes long", MaxPatternBytes)
	case !utf8.ValidString(text) || strings.Contains(text, "\x00"):
		return pattern{}, "must be valid UTF-8 without NUL characters"
	}
	glob, folders := strings.CutSuffix(strings.TrimSpace(text), "/")
	glob = strings.TrimPrefix(glob, "./")
	rooted := strings.TrimPrefix(glob, "/")
	switch {
	case rooted == "", rooted == ".":
		return pattern{}, "names nothing"
	case strings.Contains(glob, "/"):
		glob = rooted
	default:
		glob = anywhere + glob
	}
	if !doublestar.ValidatePattern(glob) {
		return pattern{}, messageNoPattern
	}
	if alternatives(glob) > MaxAlternatives {
		return pattern{}, fmt.Sprintf(messageAlternatives, MaxAlternatives)
	}
	if strings.Count(glob, "{") > maxBraces { // those with a backslash before them too
		return pattern{}, fmt.Sprintf(messageBraces, maxBraces)
	}
	return pattern{glob: glob, folders: folders}, ""
}

// alternatives is how many patterns one with braces stands for, or more: braces
// within braces count as if they stood side by side.
func alternatives(glob string) int {
	product := 1
	var open []int
	for i := 0; i < len(glob) && product <= 1<<20; i++ {
		switch glob[i] {
		case '\\':
			i++
		case '{':
			open = append(open, 1)
		case ',':
			if len(open) > 0 {
				open[len(open)-1]++
			}
		case '}':
			if len(open) > 0 {
				product *= open[len(open)-1]
				open = open[:len(open)-1]
			}
		}
	}
	return product
}

// shortened is a pattern as an error shows it.
func shortened(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= MaxPatternBytes {
		return text
	}
	return strings.ToValidUTF8(text[:MaxPatternBytes], "") + "…"
}

// Takes reports whether the file with this path is taken, in a folder that is
// entered.
func (p Patterns) Takes(name string) bool {
	if isHidden(name) && !p.namesHidden(name, false) {
		return false
	}
	if p.exclude != nil && anyMatches(p.exclude, name, false) {
		return false
	}
	return len(p.include) == 0 || includes(p.include, name)
}

// Enters reports whether anything in the folder with this path may be taken.
func (p Patterns) Enters(name string) bool {
	if isHidden(name) && !p.namesHidden(name, true) {
		return false
	}
	return !anyMatches(p.exclude, name, true)
}

// includes reports whether a pattern is for the file or for a folder that it is in.
func includes(list []pattern, name string) bool {
	if anyMatches(list, name, false) {
		return true
	}
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		if anyMatches(list, folder, true) {
			return true
		}
	}
	return false
}

func anyMatches(list []pattern, name string, folder bool) bool {
	for _, p := range list {
		if p.folders && !folder {
			continue
		}
		if doublestar.MatchUnvalidated(p.glob, name) {
			return true
		}
	}
	return false
}

// isHidden is by the last name: a hidden folder is not entered, so that what is in
// one was asked for.
func isHidden(name string) bool { return strings.HasPrefix(path.Base(name), ".") }

// namesHidden reports whether an include pattern has a name with a dot in front that
// fits the hidden one: for a file the pattern's last name, and the pattern as a whole
// must fit; for a folder any of its names.
func (p Patterns) namesHidden(name string, folder bool) bool {
	base := path.Base(name)
	for _, include := range p.include {
		names := strings.Split(include.glob, "/")
		if !folder {
			if last := names[len(names)-1]; beginsWithDot(last) && !include.folders && doublestar.MatchUnvalidated(include.glob, name) {
				return true
			}
			continue
		}
		for _, n := range names {
			if beginsWithDot(n) && doublestar.MatchUnvalidated(n, base) {
				return true
			}
		}
	}
	return false
}

// beginsWithDot reports whether what a name's pattern fits has a dot in front.
func beginsWithDot(pattern string) bool {
	return strings.HasPrefix(strings.TrimLeft(pattern, `\{[`), ".")
}
