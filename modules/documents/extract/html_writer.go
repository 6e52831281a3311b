package extract

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// gap is what stands between two pieces of text; the larger one wins.
type gap uint8

const (
	none gap = iota
	space
	newline
	blankLine
)

// gapText is what the gaps are written as.
var gapText = [...]string{none: "", space: " ", newline: "\n", blankLine: "\n\n"}

// maxHeading is, in bytes, how long a heading goes on over the ends of blocks
// within it.
const maxHeading = 500

// writer writes text with the structure of a page in Markdown. Gaps and marks
// are kept back until there is text for them, so that empty elements leave no
// trace.
type writer struct {
	buf  []byte
	gap  gap
	mark string // before the next text: "## ", "- "
	br   bool   // the gap is that of one br
	near bool   // the next text stands right below that before: a term and its meaning

	heading int // level of the heading at hand, 0 for none
	begun   int // where its text begins in buf
	h1      string

	lists []int      // the open lists: the number of the last item, -1 without numbers
	rows  []tableRow // the open tables: the row at hand
}

// apart asks for a gap before the next text.
func (w *writer) apart(g gap) {
	w.br = false
	switch t := w.row(); {
	case w.mark != "" && g > space:
		// Nothing has come since the list item or the heading began.
		return
	case w.heading > 0 && len(w.buf)-w.begun > maxHeading && g > space:
		w.endHeading() // it was never closed
	case w.heading > 0:
		g = min(g, space)
	case t != nil && t.inCell && !t.cellText:
		return
	case t != nil && t.inCell, w.near:
		g = min(g, newline)
	}
	w.gap = max(w.gap, g)
}

// text writes text with its white space collapsed.
func (w *writer) text(b []byte) {
	if w.heading > 0 {
		switch string(bytes.TrimSpace(b)) {
		case "¶", "§", "#", "🔗":
			return // the link to a heading that documentation generators add
		}
	}
	for len(b) > 0 {
		if n := solidASCII(b); n > 0 {
			w.flush()
			w.buf = append(w.buf, b[:n]...)
			b = b[n:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		switch {
		case unicode.IsSpace(r):
			if w.gap == none {
				w.gap = space
			}
		case r == '\u00ad' || r == '\u200b' || r == '\ufeff':
			// Where a word may be broken, which would keep a search from finding it.
		default:
			w.flush()
			w.buf = append(w.buf, b[:n]...)
		}
		b = b[n:]
	}
}

// solidASCII is the number of bytes that b begins with and that are ASCII and
// no white space.
func solidASCII(b []byte) int {
	for i, c := range b {
		if c <= ' ' || c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

// flush writes the gap and the marks that were kept back.
func (w *writer) flush() {
	if w.gap == none && w.mark == "" && len(w.rows) == 0 {
		return
	}
	cells := 0
	if t := w.row(); t != nil {
		cells = t.cells
		t.lines = t.lines || t.cellText && w.gap >= newline
		t.cells, t.text, t.cellText = 0, true, true
	}
	if len(w.buf) > 0 {
		w.buf = append(w.buf, gapText[w.gap]...)
	}
	for range cells {
		if n := len(w.buf); n > 0 && w.buf[n-1] != '\n' && w.buf[n-1] != ' ' {
			w.buf = append(w.buf, ' ')
		}
		w.buf = append(w.buf, "| "...)
	}
	if w.mark != "" {
		w.buf = append(w.buf, w.mark...)
		w.mark = ""
		w.begun = len(w.buf)
	}
	w.gap, w.br, w.near = none, false, false
}

func (w *writer) start(name string, does effect) {
	switch does {
	case spaced:
		w.apart(space)
	case block:
		w.apart(newline)
	case term:
		w.near = false
		w.apart(blankLine)
	case meaning:
		w.apart(newline)
		w.near = true
	case para:
		if name != "p" || w.mark == "" {
			w.endHeading()
		}
		w.apart(blankLine)
	case heading:
		w.startHeading(int(name[1] - '0'))
	case list:
		w.startList(name)
	case item:
		w.startItem()
	case table:
		w.endHeading()
		w.ownLine()
		w.gap, w.br = blankLine, false
		w.rows = append(w.rows, tableRow{})
	case row:
		w.startRow()
	case cell:
		w.startCell()
	case preform:
		w.endHeading()
		w.apart(blankLine)
	case breaking:
		w.lineBreak()
	default:
		// The rest does not part what is before it from what follows.
	}
}

func (w *writer) end(name string, does effect) {
	switch does {
	case spaced, block, para:
		w.start(name, does)
	case term, meaning:
		w.apart(newline)
	case heading:
		w.endHeading()
	case list:
		w.endList()
	case item:
		w.mark = ""
		w.apart(newline)
	case table:
		w.startRow()
		if len(w.rows) > 0 {
			w.rows = w.rows[:len(w.rows)-1]
		}
		w.apart(blankLine)
	case row:
		w.startRow()
	case cell:
		if t := w.row(); t != nil {
			t.inCell = false
		}
	case breaking:
		w.lineBreak() // </br> is one, as browsers see it
	default:
		// The rest has no effect where it ends.
	}
}

// lineBreak ends a line; two end a paragraph.
func (w *writer) lineBreak() {
	if w.br && w.heading == 0 && w.row() == nil {
		w.gap = blankLine
		return
	}
	w.apart(newline)
	w.br = w.gap == newline
}

func (w *writer) startHeading(level int) {
	w.endHeading()
	w.mark = ""
	w.ownLine()
	w.gap, w.br = blankLine, false
	w.heading, w.begun, w.near = level, len(w.buf), false
	w.mark = strings.Repeat("#", level) + " "
}

func (w *writer) endHeading() {
	if w.heading == 0 {
		return
	}
	if w.heading == 1 && w.h1 == "" && w.mark == "" {
		w.h1 = string(w.buf[w.begun:])
	}
	w.heading, w.mark, w.gap = 0, "", blankLine
}

// code writes preformatted text as it is, in a fence: what looks like a heading
// in it is none.
func (w *writer) code(b []byte) {
	b = bytes.TrimPrefix(b, []byte("\n"))
	b = bytes.TrimRightFunc(b, unicode.IsSpace)
	if len(bytes.TrimSpace(b)) == 0 {
		return
	}
	w.ownLine()
	w.mark, w.gap = "", blankLine
	w.flush()
	fence := strings.Repeat("`", max(3, longestRun(b, '`')+1))
	w.buf = append(w.buf, fence...)
	w.buf = append(w.buf, '\n')
	w.buf = append(w.buf, b...)
	w.buf = append(w.buf, '\n')
	w.buf = append(w.buf, fence...)
	w.gap = blankLine
}

// longestRun is the length of the longest run of c in b.
func longestRun(b []byte, c byte) int {
	longest, n := 0, 0
	for _, x := range b {
		if x != c {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}
