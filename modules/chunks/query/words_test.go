package query_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/query"
)

func TestWords_AreThoseOfOnePosition(t *testing.T) {
	t.Parallel()
	words, err := query.Words(3, `'a':1 'häuser':2,4 'it''s\\ \\''':3`, `'häuser':2,4 'it''s\\':3`, `'a':1 'haus':2,4`)
	require.NoError(t, err)
	require.Equal(t, []query.Word{
		word(3, 1, "a", "", "a"), word(3, 2, "häuser", "häuser", "haus"),
		word(3, 3, `it's\ \'`, `it's\`, ""), word(3, 4, "häuser", "häuser", "haus"),
	}, words)
	words, err = query.Words(0, "", "", "")
	require.NoError(t, err)
	require.Empty(t, words)
	for _, broken := range []string{"a", "'a", "'a'", "'a':", "'a':x", "'a':1,", "'a':1A", "'a'b:1"} {
		_, err := query.Words(0, broken, "", "")
		require.Error(t, err, broken)
	}
}

func FuzzWords_WhatIsWrittenIsRead(f *testing.F) {
	f.Add("it's", `\`)
	f.Fuzz(func(t *testing.T, a, b string) {
		double := strings.NewReplacer("'", "''", `\`, `\\`)
		words, err := query.Words(0, "'"+double.Replace(a)+"':1 '"+double.Replace(b)+"':2", "", "")
		require.NoError(t, err)
		require.Equal(t, []query.Word{{Position: 1, Plain: a}, {Position: 2, Plain: b}}, words)
		_, _ = query.Words(0, a, b, a)
	})
}
