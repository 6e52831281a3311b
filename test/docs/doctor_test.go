package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	countsLine  = regexp.MustCompile(`^\d+ checks in .*: \d+ errors?, \d+ warnings?, \d+ hints?$`)
	findingLine = regexp.MustCompile(`^([a-z_]+): [\d,]+$`)
	verdictLine = regexp.MustCompile(`^semantik: \d+ errors? (was|were) found; `)
	// ofTheMachine are the findings about the server and the machine. That of the tests does
	// not wait for its disk, and what it has found belongs in no document.
	ofTheMachine = regexp.MustCompile(`^(setting|disk|snapshot|transaction|prepared|replication|connections|collation|statistics|index_unused|sequential|extension)`)
	sections     = []string{"Errors: ", "Warnings: ", "Hints: "}
)

// examined is what the doctor would have printed on a machine and a server that are well.
func examined(printed string) string {
	lines := strings.Split(printed, "\n")
	begin := slices.IndexFunc(lines, countsLine.MatchString)
	if begin < 0 {
		return printed
	}
	counts, after := map[string]int{}, []string{}
	section, heading := "", ""
	i := begin + 1
	for ; i < len(lines); i++ {
		line := lines[i]
		m := findingLine.FindStringSubmatch(line)
		switch at := slices.IndexFunc(sections, func(s string) bool { return strings.HasPrefix(line, s) }); {
		case at >= 0:
			section, heading = sections[at], line
			continue
		case line == "":
			continue
		case m == nil:
			// The report is over.
			return withVerdict(lines[:begin], lines[begin], counts, after, lines[i:])
		}
		end := i + 1
		for end < len(lines) && strings.HasPrefix(lines[end], " ") {
			end++
		}
		if !ofTheMachine.MatchString(m[1]) {
			if counts[section] == 0 {
				after = append(after, "", heading)
			}
			counts[section]++
			after = append(append(after, ""), lines[i:end]...)
		}
		i = end - 1
	}
	return withVerdict(lines[:begin], lines[begin], counts, after, nil)
}

func withVerdict(before []string, line string, counts map[string]int, findings, rest []string) string {
	checks, _, _ := strings.Cut(line, ": ")
	out := append(slices.Clone(before), fmt.Sprintf("%s: %d errors, %d warnings, %d hints", checks, counts["Errors: "], counts["Warnings: "], counts["Hints: "]))
	out = append(out, findings...)
	for _, line := range rest {
		if verdictLine.MatchString(line) {
			if counts["Errors: "] == 0 {
				continue
			}
			found := "errors were"
			if counts["Errors: "] == 1 {
				found = "error was"
			}
			line = verdictLine.ReplaceAllString(line, fmt.Sprintf("semantik: %d %s found; ", counts["Errors: "], found))
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestExamined_LeavesTheMachineOut(t *testing.T) {
	t.Parallel()
	head := "PostgreSQL\nFree on its disk: 1.0 GiB\n97 checks in 0.4 s: "
	data := "\n\nErrors: data is wrong\n\nchunk_search_row: 1\n  It does\n  not hold.\n"
	require.Equal(t, head+"1 errors, 0 warnings, 0 hints"+data+"semantik: 1 error was found; more", examined(head+"2 errors, 1 warning, 0 hints"+data+
		"\nsetting_fsync: 2\n  It does not hold.\n\nWarnings: it gets worse\n\nsetting_async_commit: 1\n  It does not hold.\nsemantik: 2 errors were found; more"))
	require.Equal(t, head+"0 errors, 0 warnings, 0 hints", examined(head+"1 error, 0 warnings, 0 hints\n\nErrors: data is wrong\n\nsetting_fsync: 1\n  It.\nsemantik: 1 error was found; more"))
	require.Equal(t, head+"0 errors, 0 warnings, 0 hints\nsemantik: other", examined(head+"0 errors, 0 warnings, 0 hints\nsemantik: other"))
	require.Equal(t, "Nothing of it\n", examined("Nothing of it\n"))
}
