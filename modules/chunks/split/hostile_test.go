package split_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/split"
)

const prose = "The quick brown fox jumps over the lazy dog, again and again. Nobody knows why it does. " +
	"Some say that it is training; others that it has nothing better to do. "

// hostile are texts that have made splitters slow: each repeats one thing. They
// are built to a size in bytes.
var hostile = []struct {
	name string
	unit string
}{
	{"prose", prose + prose + "\n\n"},
	{"wrapped prose", "The quick brown fox jumps over the lazy dog and\nruns on into the next line, where it ends. So be it.\n"},
	{"one line of prose", prose},
	{"one word", "x"},
	{"spaces", " "},
	{"newlines", "\n"},
	{"CR", "\r"},
	{"CR LF", "a\r\n"},
	{"CR without LF", "a\r"},
	{"words apart", "a" + strings.Repeat(" ", 5000)},
	{"lines apart", "a" + strings.Repeat("\n", 5000)},
	{"indented", strings.Repeat(" ", 300) + "a\n"},
	{"headings", "# a\n"},
	{"headings of all levels", "# a\n## a\n### a\n#### a\n##### a\n###### a\n"},
	{"headings upwards", "###### a\n\n##### a\n\n#### a\n\n### a\n\n## a\n\n# a\n\n"},
	{"setext headings", "\na\n---\n"},
	{"underlines", "---\n"},
	{"long underlines", strings.Repeat("=", 3000) + "\n"},
	{"short sentences", "a. "},
	{"sentences", "Ab. "},
	{"full stops", "."},
	{"closers", "\"'"},
	{"fences", "```\n"},
	{"long fence marks", strings.Repeat("`", 3000) + "\n"},
	{"backticks", "`"},
	{"list items", "- a\n"},
	{"colons", "a:\n\n"},
	{"emoji", "😀"},
	{"emoji families", "👨‍👩‍👧‍👦"},
	{"flags", "🇩🇪"},
	{"combining marks", "\u0301"},
	{"joiners", "\u200d"},
	{"Hangul", "\u1112\u1161\u11ab"},
	{"Devanagari", "क्ष"},
	{"Han", "漢字"},
	{"Han sentences", "漢字。"},
	{"no-break spaces", "a\u00a0"},
	{"csv", "1,2,3,4,5,6,7,8,9\n"},
	{"minified", "{a:1,b:[2,3]},"},
}

// TestStream_HostileTexts checks the promises; the benchmark tells the speed.
func TestStream_HostileTexts(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		for _, o := range []split.Options{{Size: 1000, Overlap: 200}, {Size: 100, Overlap: 99}, {Size: 1, Overlap: 0}, {Size: 7, Overlap: 3}} {
			t.Run(fmt.Sprintf("%s by %d", h.name, o.Size), func(t *testing.T) {
				t.Parallel()
				chunks := recursive(t, strings.Repeat(h.unit, 1+20_000/len(h.unit)), o.Size, o.Overlap)
				if strings.TrimSpace(h.unit) == "" {
					require.Empty(t, chunks)
				}
			})
		}
	}
}

func BenchmarkStream(b *testing.B) {
	const size = 20 << 20
	for _, h := range hostile {
		b.Run(strings.ReplaceAll(h.name, " ", "_"), func(b *testing.B) {
			text := strings.Repeat(h.unit, size/len(h.unit))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var chunks int
			for b.Loop() {
				seq, err := split.Stream(text, split.Options{Size: split.DefaultSize, Overlap: split.DefaultOverlap})
				require.NoError(b, err)
				chunks = 0
				for range seq {
					chunks++
				}
			}
			b.ReportMetric(float64(chunks), "chunks")
		})
	}
}
