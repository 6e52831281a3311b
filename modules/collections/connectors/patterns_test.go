package connectors_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections/connectors"
)

func TestPatterns_WhatIsMalformedIsNamed(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"[":                        "is not a pattern",
		"[]":                       "is not a pattern",
		"{a,b":                     "is not a pattern",
		"a}":                       "is not a pattern",
		`a\`:                       "is not a pattern",
		"docs/[a":                  "is not a pattern",
		"":                         "is empty",
		"  ":                       "is empty",
		"/":                        "names nothing",
		"./":                       "names nothing",
		"\xff":                     "valid UTF-8",
		"a\x00":                    "NUL",
		strings.Repeat("x", 257):   "at most 256 bytes",
		strings.Repeat("{a,b}", 6): "more than 32 alternatives",
		strings.Repeat("{", 120) + "a" + strings.Repeat("}", 120): "more than 5 pairs of braces",
		"{{a,b},{c,d},{e,f}{g,h}{i,j}}x":                          "more than 32 alternatives",
	} {
		_, wrong := connectors.NewPatterns(nil, []string{"*.md", pattern})
		require.Len(t, wrong, 1, "%q", pattern)
		require.Equal(t, "exclude_patterns[1]", wrong[0].Location)
		require.Contains(t, wrong[0].Message, want, "%q", pattern)
	}
	_, wrong := connectors.NewPatterns(slices.Repeat([]string{"a"}, 101), nil)
	require.Equal(t, "include_patterns", wrong[0].Location)
	_, wrong = connectors.NewPatterns(slices.Repeat([]string{"{a,b,c,d}"}, 51), nil)
	require.Contains(t, wrong[0].Message, "200 alternatives")
	_, wrong = connectors.NewPatterns(slices.Repeat([]string{"*.{md,txt}"}, 100), nil)
	require.Empty(t, wrong)
}

// The worst that the limits allow is still quick: nobody can keep a worker busy with
// names.
func TestPatterns_TheWorstOnesAreQuick(t *testing.T) {
	t.Parallel()
	for _, worst := range []string{"**/" + strings.Repeat("*a", 100) + "{b,c}", "**/{{{{{" + strings.Repeat("*a", 100) + "b}}}}}"} {
		many := slices.Repeat([]string{worst}, 100)
		p, wrong := connectors.NewPatterns(many, many)
		require.Empty(t, wrong)
		for _, name := range []string{
			strings.Repeat(strings.Repeat("a", 254)+"/", 15) + strings.Repeat("a", 254), strings.Repeat("aaaaaaaa/", 90) + "aaaa",
		} {
			begun := time.Now()
			require.False(t, p.Takes(name))
			require.Less(t, time.Since(begun), 20*time.Second)
			t.Logf("the worst name takes %v", time.Since(begun))
		}
	}
}

func FuzzPatterns_NothingPanics(f *testing.F) {
	f.Add("*.md", "a/b.md")
	f.Add("{a,{b,c}}/**", "a/.b")
	f.Add(`\[[^a-z]`, "[")
	f.Fuzz(func(_ *testing.T, pattern, name string) {
		p, wrong := connectors.NewPatterns([]string{pattern}, []string{pattern})
		if len(wrong) == 0 && len(name) < 200 {
			p.Takes(name)
			p.Enters(name)
		}
	})
}
