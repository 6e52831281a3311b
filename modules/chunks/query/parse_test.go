package query_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/query"
)

// said writes a query in one line: groups apart by ";", choices by "/", phrases in
// quotes, and what is excluded behind a minus.
func said(q query.Query) string {
	term := func(t query.Term) string {
		text := t.Text
		if t.Prefix {
			text += "*"
		}
		if t.Quoted {
			text = `"` + text + `"`
		}
		return text
	}
	var parts []string
	for _, g := range q.Groups {
		var choice []string
		for _, t := range g.Terms {
			choice = append(choice, term(t))
		}
		parts = append(parts, strings.Join(choice, "/"))
	}
	for _, t := range q.Excluded {
		parts = append(parts, "-"+term(t))
	}
	return strings.Join(parts, "; ")
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, expected := range map[string]string{
		"":                             "",
		" \t\u3000\n":                  "",
		"rusty nails":                  "rusty; nails",
		`"rusty nails" box`:            `"rusty nails"; box`,
		"„alte Häuser“ «neu»":          `"alte Häuser"; "neu"`,
		"nails -rusty":                 "nails; -rusty",
		`nails -"very rusty"`:          `nails; -"very rusty"`,
		"-a":                           "-a",
		"galvan* bar":                  "galvan*; bar",
		`"galvanised ste*"`:            `"galvanised ste*"`,
		"-galvan*":                     "-galvan*",
		"nails OR screws":              "nails/screws",
		"a OR b ODER c d":              "a/b/c; d",
		`"a b" OR c`:                   `"a b"/c`,
		"OR a":                         "OR; a",
		"a OR":                         "a; OR",
		"a OR ODER b":                  "a; OR; ODER; b",
		"a OR -b":                      "a; OR; -b",
		"a or b":                       "a; or; b",
		"git commit --amend":           "git; commit; --amend",
		"a - b":                        "a; b",
		"a -> b":                       "a; b",
		"well-known":                   "well-known",
		"C++ a*b **":                   "C++; a*b",
		`5" of steel`:                  `5"; of; steel`,
		`an "open end`:                 `an; "open; end`,
		`"" a`:                         "a",
		`-"" a`:                        "a",
		`"a"b`:                         `"a"; b`,
		"'; drop table chunks; --":     "drop; table; chunks;",
		"-\u0301 \ufffd \u200b 東京* é*": "東京*; é*; -\u0301",
	} {
		require.Equal(t, expected, said(query.Parse(text)), "%q", text)
	}
}

func FuzzParse_EveryWordIsHeeded(f *testing.F) {
	for _, seed := range []string{`a "b c" -d e* OR f`, "-", `-"`, "*", `"*"`, "OR ODER", "„", "-„a“*", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			return // longer than a query may be
		}
		q := query.Parse(text)
		for _, g := range q.Groups {
			require.NotEmpty(t, g.Terms)
		}
		left := text
		for _, term := range q.Terms() {
			require.NotEmpty(t, term.Text)
			require.Contains(t, text, term.Text)
			left = strings.Replace(left, term.Text, "", 1)
		}
		if utf8.ValidString(text) {
			require.LessOrEqual(t, len(left), len(text))
		}
		plan := q.Plan(nil)
		require.Empty(t, plan.All, "without words nothing is found")
		require.NotEmpty(t, plan.Notes)
	})
}
