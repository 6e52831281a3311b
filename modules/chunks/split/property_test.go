package split_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/split"
	"semantik/platform/apperr"
)

// fragments are what random texts are made of: prose, structure, white space of
// all kinds, and characters of one to four bytes that do and do not combine.
var fragments = []string{
	"a", "word", "Wörter", "A sentence ends here. ", "Is it? ", "No! ", "e.g. this, ", "3. März ", "x.y ",
	"looooooooooooooooooooooooooooooooooooooooooooooooooooooooooong", "https://example.org/a/b?c=d&e=f",
	" ", "  ", "\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\r", "\f", "\u00a0", "\u2003", "\u2028",
	"# Title\n", "## Section\n\n", "###### Deep\n", "####### not\n", "#no\n", "Setext\n======\n", "Below\n---\n", "====\nOver\n====\n",
	"```\n", "```go\n", "~~~~\n", "- item\n", "* item\n", "1. one\n", "    code()\n", "| a | b |\n", "---\n", "Note:\n\n",
	"日本語の文章です。", "次の文。\n", "「はい。」", "한국어 문장입니다. ", "ไทย", "हिन्दी क्षेत्र ", "e\u0301", "\u0301", "\u200d", "\ufe0f",
	"👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "😀", "\u200b", "\ufeff", "a\u0300\u0301\u0302\u0303", "\x01", "…", "”", "\"",
}

func randomText(r *rand.Rand) string {
	// A handful of kinds repeats, as in real texts; all of them at once would
	// never make a long paragraph or a long list.
	kinds := make([]string, 1+r.IntN(8))
	for i := range kinds {
		kinds[i] = fragments[r.IntN(len(fragments))]
	}
	var b strings.Builder
	for range r.IntN(400) {
		b.WriteString(kinds[r.IntN(len(kinds))])
	}
	return b.String()
}

func randomOptions(r *rand.Rand) split.Options {
	size := 1 + r.IntN(60)
	if r.IntN(3) == 0 {
		size = 1 + r.IntN(1200)
	}
	return split.Options{Size: size, Overlap: r.IntN(size)}
}

func TestRecursive_HoldsItsPromisesForRandomTexts(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 3000 {
		text, o := randomText(r), randomOptions(r)
		chunks, err := split.Recursive(text, o)
		require.NoError(t, err)
		require.NoError(t, promises(text, o, chunks), "seed %d, round %d: %+v, text %q", seed, round, o, text)
		require.NoError(t, keepsClusters(text, o, chunks), "seed %d, round %d: %+v, text %q", seed, round, o, text)
	}
}

// keepsClusters checks that no chunk ends within a grapheme cluster, where no
// cluster is too long to be kept and none holds white space, at which a text is
// cut first.
func keepsClusters(text string, o split.Options, chunks []split.Chunk) error {
	inside := make(map[int]bool)
	state, at := -1, 0
	for rest := text; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if utf8.RuneCountInString(cluster) <= o.Size/2 && !strings.ContainsFunc(cluster, unicode.IsSpace) {
			for i := at + 1; i < at+len(cluster); i++ {
				inside[i] = true
			}
		}
		at += len(cluster)
	}
	for _, c := range chunks {
		if inside[c.ByteStart] || inside[c.ByteEnd] {
			return fmt.Errorf("chunk %d cuts a cluster: %+v", c.Index, c)
		}
	}
	return nil
}

func FuzzRecursive(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		o := randomOptions(r)
		f.Add(randomText(r), o.Size, o.Overlap)
	}
	for _, h := range hostile {
		f.Add(strings.Repeat(h.unit, 20), 10, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size, overlap int) {
		o := split.Options{Size: size, Overlap: overlap}
		chunks, err := split.Recursive(text, o)
		if o.Validate() != nil || !utf8.ValidString(text) {
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
			return
		}
		require.NoError(t, err)
		require.NoError(t, promises(text, o, chunks))
	})
}
