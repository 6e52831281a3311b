package extract_test

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents/extract"
)

type hostilePage struct{ name, unit string }

// hostilePages are pages that have made readers of HTML slow or deep: each
// repeats one thing.
var hostilePages = []hostilePage{
	{"paragraphs", "<p class=\"x\">The quick brown fox jumps over the <b>lazy</b> dog &amp; again.</p>\n"},
	{"text alone", "The quick brown fox jumps over the lazy dog. "},
	{"nested divs", "<div>"},
	{"nested divs with text", "<div>a"},
	{"nested lists", "<ul><li>a"},
	{"numbered lists", "<ol><li>a"},
	{"items", "<li>a"},
	{"nested tables", "<table><tr><td>a"},
	{"cells", "<td>a"},
	{"empty cells", "<td>"},
	{"rows", "<tr><td>a<td>b"},
	{"headings", "<h1>a"},
	{"closed headings", "<h2>a</h2>"},
	{"bold", "<b>a"},
	{"end tags", "</div>"},
	{"line breaks", "<br>"},
	{"preformatted", "<pre>a</pre>"},
	{"unclosed preformatted", "<pre>a"},
	{"templates", "<template>a"},
	{"hidden", "<div hidden>a"},
	{"hidden and closed", "<div hidden>a</div>"},
	{"SVG", "<svg>a"},
	{"scripts", "<script>a</script>"},
	{"unclosed script", "<script>a"},
	{"script comments", "<script><!--<script>"},
	{"titles", "<title>a"},
	{"comments", "<!-- a -->"},
	{"unclosed comment", "<!-- a"},
	{"angle brackets", "<"},
	{"unclosed tag", "<a "},
	{"attributes", "<a b=c d='e' f=\"g\">"},
	{"one tag of attributes", " a=b"},
	{"ampersands", "&"},
	{"entities", "&lt;"},
	{"long entity", "a"},
	{"unknown entities", "&abc"},
	{"spaces", " "},
	{"no-break spaces", "&nbsp;"},
	{"soft hyphens", "a\u00ad"},
	{"backticks", "`"},
	{"CDATA", "<![CDATA[a"},
	{"processing instructions", "<?a"},
	{"doctypes", "<!doctype html>"},
}

func (h hostilePage) page(size int) []byte {
	page := strings.Repeat(h.unit, size/len(h.unit)+1)
	switch h.name {
	case "one tag of attributes":
		page = "<a" + page
	case "long entity":
		page = "&" + page
	}
	return []byte(page)
}

func TestExtract_HostilePages(t *testing.T) {
	t.Parallel()
	for _, h := range hostilePages {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			page := h.page(300_000)
			res, err := extract.Extract(context.Background(), "page.html", "", page)
			if err != nil {
				require.ErrorIs(t, err, extract.ErrEmpty)
				return
			}
			require.Truef(t, utf8.ValidString(res.Text), "the text is not UTF-8")
			require.LessOrEqual(t, len(res.Text), 4*len(page), "the text is out of proportion to the page")
		})
	}
}

func TestExtract_KeepsTheTextOfHostilePages(t *testing.T) {
	t.Parallel()
	const depth = 100_000
	for _, tag := range []string{"div", "span", "b", "ul", "blockquote", "table", "template", "svg", "select", "h1", "pre", "div hidden"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			page := strings.Repeat("<"+tag+">", depth) + "here it is"
			res, err := extract.Extract(context.Background(), "page.html", "", []byte(page))
			require.NoError(t, err)
			require.Contains(t, res.Text, "here it is")
		})
	}
}

func BenchmarkExtract_HTML(b *testing.B) {
	const size = 20 << 20
	for _, h := range hostilePages {
		b.Run(strings.ReplaceAll(h.name, " ", "_"), func(b *testing.B) {
			page := h.page(size)
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			var out int
			for b.Loop() {
				res, err := extract.Extract(context.Background(), "page.html", "", page)
				if err != nil {
					require.ErrorIs(b, err, extract.ErrEmpty)
				}
				out = len(res.Text)
			}
			b.ReportMetric(float64(out)/float64(len(page)), "out/in")
		})
	}
}
