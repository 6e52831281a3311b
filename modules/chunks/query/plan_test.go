package query_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/query"
)

func word(term, position int, plain, english, german string) query.Word {
	return query.Word{Term: term, Position: position, Plain: plain, English: english, German: german}
}

func TestPlan_QuotesWhatPostgreSQLFound(t *testing.T) {
	t.Parallel()
	p := query.Parse("x").Plan([]query.Word{word(0, 1, "x", `'`, `\' | 'b`)})
	require.Equal(t, `('''' | '\\'' | ''b')`, p.All)
	require.Empty(t, p.Some, "one word is all of them")
}

func TestPlan_WordsAreWantedPhrasesRequired(t *testing.T) {
	t.Parallel()
	q := query.Parse(`nails "rusty in box" hammer -wood pre*`)
	p := q.Plan([]query.Word{
		word(0, 1, "nails", "nail", "nail"), word(1, 1, "rusty", "rusti", "rusty"), word(1, 2, "in", "", ""), word(1, 3, "box", "box", "box"),
		word(2, 1, "hammer", "hammer", "hamm"), word(4, 1, "wood", "wood", "wood"), word(3, 1, "pre", "pre", "pre"),
	})
	require.Equal(t, `((('rusti' | 'rusty') <2> 'box') & 'nail' & ('hammer' | 'hamm') & ('pre':* | 'pre') & !'wood')`, p.All)
	require.Equal(t, `((('rusti' | 'rusty') <2> 'box') & !'wood')`, p.Some)
	require.Equal(t, `'box' | 'hamm' | 'hammer' | 'nail' | 'pre' | 'pre':* | 'rusti' | 'rusty'`, p.Rank)
	require.Empty(t, p.Notes)
}

func TestPlan_SaysWhatItCannotHeed(t *testing.T) {
	t.Parallel()
	in := word(0, 1, "in", "", "")
	for text, note := range map[string]string{
		"in":   "The query has no word that can be searched for.",
		"-in":  `"in" is in no index, so it cannot be excluded.`,
		`"in"`: `"in" has no word that is in the index, so it is not required.`,
		"i*":   `"i" is too short to stand before *; at least 2 characters are needed. It was searched for as a word.`,
	} {
		words := []query.Word{in}
		if text == "i*" {
			words = []query.Word{word(0, 1, "i", "", "i")}
		}
		require.Contains(t, query.Parse(text).Plan(words).Notes, note)
	}
	p := query.Parse("-wood").Plan([]query.Word{word(0, 1, "wood", "wood", "wood")})
	require.Empty(t, p.All)
	require.Equal(t, []string{"The query only says what to leave out; add what to look for."}, p.Notes)
}

func TestPlan_StopWordsCountOnlyWhereNothingElseDoes(t *testing.T) {
	t.Parallel()
	cold, war := word(0, 1, "cold", "cold", "cold"), word(1, 1, "war", "war", "")
	require.Equal(t, `('cold' & 'war')`, query.Parse("cold war").Plan([]query.Word{cold, war}).All)
	wie, krieg := word(0, 1, "wie", "wie", ""), word(2, 1, "krieg", "krieg", "krieg")
	require.Equal(t, `'krieg'`, query.Parse("wie war krieg").Plan([]query.Word{wie, war, krieg}).All)
	require.Equal(t, `'die'`, query.Parse("die").Plan([]query.Word{word(0, 1, "die", "die", "")}).All)
	require.Equal(t, `'the'`, query.Parse("the").Plan([]query.Word{word(0, 1, "the", "", "the")}).All)
}
