package split_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/split"
	"semantik/platform/apperr"
)

// promises checks what every result promises, for any text and options. It
// returns the first promise that is broken, with the number of the chunk.
func promises(text string, o split.Options, chunks []split.Chunk) error {
	runes := []rune(text)
	covered, coveredBytes := 0, 0
	for i, c := range chunks {
		before := split.Chunk{Start: -1}
		if i > 0 {
			before = chunks[i-1]
		}
		for _, p := range []struct {
			what string
			kept bool
		}{
			{"is numbered", c.Index == i},
			{"has offsets in order", 0 <= c.Start && c.Start < c.End && c.End <= len(runes)},
			{"has offsets in characters", c.Start < c.End && c.End <= len(runes) && string(runes[c.Start:c.End]) == c.Content},
			{"has offsets in bytes", text[c.ByteStart:c.ByteEnd] == c.Content},
			{"is not longer than the size", c.End-c.Start <= o.Size},
			{"is not white space", strings.TrimSpace(c.Content) != ""},
			{"does not end with white space", strings.TrimRightFunc(c.Content, unicode.IsSpace) == c.Content},
			{"is valid UTF-8", utf8.ValidString(c.Content)},
			{"estimates its tokens", c.TokenCount == (c.End-c.Start+3)/4},
			{"starts behind the start of the one before", c.Start > before.Start},
			{"ends behind the end of the one before", c.End > before.End},
			{"overlaps no more than it may", i == 0 || before.End-c.Start <= o.Overlap},
			{"leaves out nothing but white space", c.Start <= covered || strings.TrimSpace(text[coveredBytes:c.ByteStart]) == ""},
		} {
			if !p.kept {
				return fmt.Errorf("a chunk %s: not chunk %d, %q", p.what, i, c.Content)
			}
		}
		covered, coveredBytes = c.End, c.ByteEnd
	}
	if strings.TrimSpace(text[coveredBytes:]) != "" {
		return fmt.Errorf("the end is lost: %q", text[coveredBytes:])
	}
	return nil
}

func recursive(t testing.TB, text string, size, overlap int) []split.Chunk {
	t.Helper()
	o := split.Options{Size: size, Overlap: overlap}
	chunks, err := split.Recursive(text, o)
	require.NoError(t, err)
	require.NoError(t, promises(text, o, chunks))
	return chunks
}

func contents(chunks []split.Chunk) []string {
	out := make([]string, len(chunks))
	for i, c := range chunks {
		out[i] = c.Content
	}
	return out
}

// words makes a paragraph of about n characters.
func words(name string, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%s%d ", name, i)
	}
	return strings.TrimSpace(b.String()[:n])
}

func TestRecursive_Cuts(t *testing.T) {
	t.Parallel()
	a60, b60, c60 := words("a", 60), words("b", 60), words("c", 60)
	for _, c := range []struct {
		rule          string
		size, overlap int
		text          string
		want          []string
	}{
		{"nothing of nothing", 10, 0, "", []string{}},
		{"nothing of white space", 10, 3, " \r\n\t\u00a0\u2028\n", []string{}},
		{"a text that fits is one chunk", 1000, 200, "\n\n# A\n\n" + a60 + "\n\n# B\n\nb\n", []string{"# A\n\n" + a60 + "\n\n# B\n\nb"}},
		{"at headings", 100, 20, "# A\n\n" + a60 + "\n\n# B\n\n" + b60, []string{"# A\n\n" + a60, "# B\n\n" + b60}},
		{"at setext headings", 100, 20, "A\n=\n\n" + a60 + "\n\nBee\n---\n\n" + b60, []string{"A\n=\n\n" + a60, "Bee\n---\n\n" + b60}},
		{"at underlined titles", 100, 20, "Title\n^^^^^\n" + a60 + "\n\n~~~~~\nOther\n~~~~~\n" + b60, []string{"Title\n^^^^^\n" + a60, "~~~~~\nOther\n~~~~~\n" + b60}},
		{"at the higher of two headings", 100, 0, "## A\n\n" + words("a", 30) + "\n\n# B\n\nb\n\n## C\n\n" + c60, []string{"## A\n\n" + words("a", 30), "# B\n\nb\n\n## C\n\n" + c60}},
		{"small sections share a chunk", 100, 20, "### A\n\n" + words("a", 20) + "\n\n### B\n\n" + words("b", 20) + "\n\n### C\n\n" + c60, []string{"### A\n\n" + words("a", 20) + "\n\n### B\n\n" + words("b", 20), "### C\n\n" + c60}},
		{"big top-level sections do not", 100, 20, "# A\n\n" + words("a", 50) + "\n\n# B\n\n" + words("b", 20) + "\n\n# C\n\n" + c60, []string{"# A\n\n" + words("a", 50), "# B\n\n" + words("b", 20) + "\n\n# C\n\n" + c60}},
		{"a heading stays with its text", 100, 0, a60 + "\n\n" + words("b", 25) + "\n\n### C\n\n" + c60, []string{a60 + "\n\n" + words("b", 25), "### C\n\n" + c60}},
		{"a heading stays with the heading below", 100, 0, a60 + "\n\n# B\n\n## C\n\n" + c60, []string{a60, "# B\n\n## C\n\n" + c60}},
		{"at paragraphs", 100, 0, a60 + "\n\n" + b60 + "\n\n" + c60, []string{a60, b60, c60}},
		{"at paragraphs of CR LF", 100, 0, a60 + "\r\n\r\n" + b60, []string{a60, b60}},
		{"small paragraphs share a chunk", 100, 0, words("a", 40) + "\n\n" + words("b", 40) + "\n\n" + c60, []string{words("a", 40) + "\n\n" + words("b", 40), c60}},
		{"a title stays with its text", 100, 0, a60 + ".\n\nTitle\n\n" + b60 + ".", []string{a60 + ".", "Title\n\n" + b60 + "."}},
		{"what announces stays with what it announces", 100, 0, a60 + ".\n\nSuch as:\n\n" + b60, []string{a60 + ".", "Such as:\n\n" + b60}},
		{"at a wider gap", 100, 0, a60 + "\n\n\nb\n\n" + c60, []string{a60, "b\n\n" + c60}},
		{"at list items", 100, 0, "- " + a60 + "\n  and more\n- " + b60 + "\n- c", []string{"- " + a60 + "\n  and more", "- " + b60 + "\n- c"}},
		{"at lines", 100, 0, a60 + "\n" + words("b", 30) + "\n" + c60, []string{a60 + "\n" + words("b", 30), c60}},
		{"keeping the indentation of a line", 100, 0, a60 + "\n    " + b60, []string{a60, "    " + b60}},
		{"at sentences", 100, 0, "A" + words("a", 50) + ". B" + words("b", 30) + "! C" + words("c", 50) + ".", []string{"A" + words("a", 50) + ". B" + words("b", 30) + "!", "C" + words("c", 50) + "."}},
		{"not at abbreviations and numbers", 60, 0, "Some words of a sentence, e.g. that of Dr. A. Smith on 3. May, end here.", []string{"Some words of a sentence, e.g. that of", "Dr. A. Smith on 3. May, end here."}},
		{"at wide full stops", 10, 0, "日本語の文章。次の文章です。", []string{"日本語の文章。", "次の文章です。"}},
		{"at words", 20, 0, "one two three four five six", []string{"one two three four", "five six"}},
		{"within words when they are too long", 10, 0, "abcdefghijklmno", []string{"abcdefghij", "klmno"}},
		{"behind punctuation within words", 20, 0, "https://example/path/abcdefghij", []string{"https://example/", "path/abcdefghij"}},
		{"not within a cluster", 4, 0, "ae\u0301e\u0301e\u0301👍🏽👍🏽🇩🇪🇫🇷", []string{"ae\u0301", "e\u0301e\u0301", "👍🏽👍🏽", "🇩🇪🇫🇷"}},
		{"within a cluster that is longer than a chunk", 2, 0, "a\u0301\u0302\u0303", []string{"a\u0301", "\u0302\u0303"}},
		{"a code fence stays in one piece", 100, 0, words("a", 20) + "\n\n```\n" + words("b", 35) + "\n\n# no heading\n" + words("c", 30) + "\n```\nd", []string{words("a", 20), "```\n" + words("b", 35) + "\n\n# no heading\n" + words("c", 30) + "\n```\nd"}},
		{"a comment is no heading", 60, 0, "x = 1\n# one comment\n# of two lines\ny = 2\n\n" + words("z", 40), []string{"x = 1\n# one comment\n# of two lines\ny = 2", words("z", 40)}},
		{"a tail is not left over", 100, 0, words("a", 50) + "\n\n" + words("b", 40) + "\n\n" + words("c", 20), []string{words("a", 50), words("b", 40) + "\n\n" + words("c", 20)}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, contents(recursive(t, c.text, c.size, c.overlap)))
		})
	}
}

func TestRecursive_Overlaps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule          string
		size, overlap int
		text          string
		want          []string // what each chunk but the first repeats
	}{
		{"from a sentence", 100, 50, words("a", 60) + ". A short sentence. " + words("B", 60) + ".", []string{"A short sentence."}},
		{"from a word", 50, 12, words("a", 120), []string{"a12 a13 a14", "a21 a22 a23"}},
		{"from a line", 60, 30, "first line of a log\nsecond line of a log\nthird line of a log\nfourth line of a log", []string{"third line of a log"}},
		{"from a list item", 60, 30, "- the first item\n- the second item\n- the third item\n- the fourth item", []string{"- the second item"}},
		{"not over a heading", 60, 30, words("a", 50) + "\n\n# B\n\n" + words("b", 50), []string{""}},
		{"not at the cost of a paragraph", 60, 30, words("a", 50) + ". C.\n\n" + words("b", 59), []string{""}},
		{"not from within a fence", 60, 30, "```\n" + words("a", 20) + "\n" + words("b", 20) + "\n```\n\n" + words("c", 40), []string{""}},
		{"from a cluster in text without spaces", 8, 3, "🇩🇪🇫🇷🇩🇪🇫🇷🇩🇪🇫🇷", []string{"🇫🇷"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			chunks := recursive(t, c.text, c.size, c.overlap)
			var got []string
			for i := 1; i < len(chunks); i++ {
				repeated := max(0, chunks[i-1].End-chunks[i].Start)
				got = append(got, string([]rune(chunks[i].Content)[:repeated]))
			}
			require.Equal(t, c.want, got, "%q", contents(chunks))
		})
	}
}

func TestRecursive_RefusesWrongOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []split.Options{{}, {Size: -1}, {Size: 10, Overlap: -1}, {Size: 10, Overlap: 10}, {Size: 1, Overlap: 1}, {Size: 0, Overlap: -1}} {
		_, err := split.Recursive("text", o)
		require.Equal(t, apperr.Invalid, apperr.KindOf(err), "%+v", o)
		_, err = split.Stream("text", o)
		require.Equal(t, apperr.Invalid, apperr.KindOf(err), "%+v", o)
	}
	require.Len(t, apperr.From(split.Options{Overlap: -1}.Validate()).Fields, 2, "every wrong option is named")
	require.NoError(t, split.Options{Size: split.DefaultSize, Overlap: split.DefaultOverlap}.Validate())
}

func TestRecursive_RefusesInvalidUTF8(t *testing.T) {
	t.Parallel()
	_, err := split.Recursive("a\xff", split.Options{Size: 10})
	require.ErrorIs(t, err, split.ErrInvalidUTF8)
}

func TestRecursive_TakesAnySize(t *testing.T) {
	t.Parallel()
	const most = int(^uint(0) >> 1)
	require.Equal(t, []string{"a b"}, contents(recursive(t, "a b", most, most-1)))
}

func TestStream_GivesTheChunksOfRecursive(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(words("a", 300)+"\n\n", 50)
	o := split.Options{Size: 200, Overlap: 50}
	want, err := split.Recursive(text, o)
	require.NoError(t, err)
	seq, err := split.Stream(text, o)
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, want, slices.Collect(seq), "the sequence starts again")
	}
	var some []split.Chunk
	for c := range seq {
		if some = append(some, c); len(some) == 3 {
			break
		}
	}
	require.Equal(t, want[:3], some)
}

// Not parallel: what is measured is what the process allocates meanwhile.
func TestStream_HoldsAWindowOnly(t *testing.T) {
	for _, unit := range []string{"x", "\na", "# a\n", words("a", 500) + "\n\n"} {
		text := strings.Repeat(unit, 4_000_000/len(unit))
		seq, err := split.Stream(text, split.Options{Size: 1000, Overlap: 200})
		require.NoError(t, err)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range seq {
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2_000_000), "for %.10q", unit)
	}
}

func TestEstimateTokens(t *testing.T) {
	t.Parallel()
	for characters, want := range map[int]int{0: 0, 1: 1, 4: 1, 5: 2, 1000: 250} {
		require.Equal(t, want, split.EstimateTokens(characters))
	}
}
