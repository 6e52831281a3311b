package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// masks turn what differs from run to run into what it is, one after the other.
var masks = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\x1b\[[0-9;]*m`), ""},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{8,}…`), "ID"},
	{regexp.MustCompile(`\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?`), "TIME"},
	{regexp.MustCompile(`\d[\d.,]* ?(B|bytes|KiB|MiB|GiB)\b`), "SIZE"},
	{regexp.MustCompile(`\d+ min \d+ s\b|\d[\d.,]* ?(ms|µs|s|min|h)\b|\b(\d+h)?(\d+m)?\d+(\.\d+)?s\b`), "DURATION"},
	{regexp.MustCompile(`PostgreSQL +\d[\d.]*( \([^)]*\))*`), "PostgreSQL"},
	// None is not some.
	{regexp.MustCompile(`(^|[ (])0([ ,)]|$)`), "${1}NONE${2}"},
	{regexp.MustCompile(`\d[\d.,]*\d|\d`), "#"},
	// As many as there are make a plural or none.
	{regexp.MustCompile(`\bindexes\b`), "index"},
	{regexp.MustCompile(`((?:#|NONE)(?: new)? [a-z]+?)s\b`), "$1"},
	{regexp.MustCompile(`-{3,}`), "---"},
	{regexp.MustCompile(`[▏▎▍▌▋▊▉█]+`), "BAR"},
	{regexp.MustCompile(`[ \t]+`), " "},
}

// shape is a line without what differs from run to run.
func shape(line string) string {
	for _, m := range masks {
		line = m.pattern.ReplaceAllString(line, m.by)
	}
	return strings.TrimSpace(line)
}

func shapes(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = shape(line)
	}
	return out
}

var anyText = regexp.MustCompile(` ?… ?`)

// matches reports whether something printed has the shape that is shown.
func matches(shown, printed []string) bool {
	var pattern strings.Builder
	pattern.WriteString("^")
	for _, line := range shapes(shown) {
		if line == "…" {
			pattern.WriteString(`(?:[^\n]*\n)*`)
			continue
		}
		pattern.WriteString(anyText.ReplaceAllString(regexp.QuoteMeta(line), `[^\n]*`) + `\n`)
	}
	pattern.WriteString("$")
	return regexp.MustCompile(pattern.String()).MatchString(strings.Join(append(shapes(trimmed(printed)), ""), "\n"))
}

func TestShape_IsTheSameForOtherNumbersAndNotForOtherWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shown, printed string
		same           bool
	}{
		{"2 files in /tmp/notes: 2 new documents. (0.0 s, 52 files/s)", "1 file in /tmp/notes: 1 new document. (1.3 s, 1,052 files/s)", true},
		{"98 checks in 8.1 s: 1 error, 0 warnings, 0 hints", "101 checks in 350 ms: 2 errors, 0 warnings, 0 hints", true},
		{"98 checks in 8.1 s: 0 errors, 0 warnings, 0 hints", "98 checks in 8.1 s: 1 error, 0 warnings, 0 hints", false},
		{"Restored 4,160,051 rows (5 min 06 s)", "Restored 12 rows (0.4 s)", true},
		{"one\n…\nfour", "one\ntwo\nthree\nfour", true},
		{"one\n…\nfour", "one\ntwo", false},
		{"chunk 12 of collection 0b6c…", "chunk 7 of collection 0b6c2222 and more", true},
		{"Made a backup", "Made no backup", false},
		{"", "something", false},
	} {
		require.Equal(t, c.same, matches(trimmed(strings.Split(c.shown, "\n")), strings.Split(c.printed, "\n")), "%q and %q", c.shown, c.printed)
	}
}
