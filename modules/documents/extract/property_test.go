package extract_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents/extract"
)

// requireText checks what every result promises.
func requireText(t testing.TB, res extract.Result, content []byte) {
	t.Helper()
	require.True(t, utf8.ValidString(res.Text), "the text is not UTF-8")
	require.NotContains(t, res.Text, "\x00")
	require.NotEmpty(t, strings.TrimSpace(res.Text))
	require.Equal(t, res.Text == string(content), res.Same)
	require.NotEmpty(t, res.MIMEType)
	require.True(t, utf8.ValidString(res.Title))
	require.LessOrEqual(t, utf8.RuneCountInString(res.Title), 300)
	require.Equal(t, strings.Join(strings.Fields(res.Title), " "), res.Title, "the title is on one line")
	require.LessOrEqual(t, len(res.Text), 4*len(content)+16, "the text is out of proportion to the document")
}

var tags = []string{
	"p", "div", "span", "b", "h1", "h2", "h3", "ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td", "th", "caption", "pre", "blockquote",
	"br", "hr", "section", "body", "a", "details", "summary", "center", "img", "form",
}

// TestExtract_LosesNoVisibleText builds pages out of tags in any order, closed
// or not, and looks for each of their words in the text, in order.
func TestExtract_LosesNoVisibleText(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 3000 {
		var page strings.Builder
		var words []string
		for range r.IntN(120) {
			switch r.IntN(5) {
			case 0, 1:
				fmt.Fprintf(&page, "<%s>", tags[r.IntN(len(tags))])
			case 2:
				fmt.Fprintf(&page, "</%s>", tags[r.IntN(len(tags))])
			case 3:
				word := fmt.Sprintf("wörd%d", len(words))
				words = append(words, word)
				page.WriteString(word)
				page.WriteString([]string{" ", "\n", " &nbsp;", " \u00ad "}[r.IntN(4)])
			case 4:
				page.WriteString([]string{"<script>x</script>", "<!-- y -->", "<svg><text>z</text></svg>", "<div hidden>q</div>"}[r.IntN(4)])
			}
		}
		content := []byte(page.String())
		res, err := extract.Extract(context.Background(), "a.html", "", content)
		if len(words) == 0 {
			require.ErrorIs(t, err, extract.ErrEmpty, "seed %d, round %d: %s", seed, round, content)
			continue
		}
		require.NoError(t, err, "seed %d, round %d: %s", seed, round, content)
		requireText(t, res, content)
		got := strings.FieldsFunc(res.Text, func(c rune) bool { return unicode.IsSpace(c) || c == '`' })
		seen := make([]string, 0, len(words))
		for _, w := range got {
			if strings.HasPrefix(w, "wörd") {
				seen = append(seen, w)
			}
		}
		require.Equal(t, words, seen, "seed %d, round %d: %s\n%s", seed, round, content, res.Text)
		if strings.Contains(res.Text, "```") {
			continue // which may hold any number of blank lines
		}
		require.NotContains(t, res.Text, "\n\n\n", "seed %d, round %d: %s", seed, round, content)
	}
}
