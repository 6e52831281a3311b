package split

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pos is a place between two characters of the text, counted in bytes and in
// runes.
type pos struct{ b, r int }

// rank says how good a place the start of a line is to cut at: higher is
// better.
type rank uint8

const (
	rankGlued    rank = iota // never at a line's start by choice: under a heading
	rankLine                 // a line like others
	rankFenceGap             // after a blank line within a code fence
	rankItem                 // a list item
	rankPara                 // a paragraph
	rankGap                  // a paragraph after two blank lines or a rule
	rankH6                   // a heading of the sixth level
	rankH1       = rankH6 + 5
	rankCount    = rankH1 + 1
)

// topLevel is the weakest heading that counts as a top-level section: the
// title of a document and the sections directly below it.
const topLevel = rankH1 - 1

func headingRank(level int) rank { return rankH1 - rank(level-1) }

func (k rank) isHeading() bool { return k >= rankH6 }

// line is a line of the text that is not blank, as the lexer has read it.
type line struct {
	start pos // first character, indentation included
	text  pos // first character that is not white space
	end   pos // after the last character that is not white space
	blank int // blank lines before it
	word  int // characters of its first word

	rank    rank
	heading bool // (part of) a heading, whatever its rank
	fenced  bool // of a code fence, its markers included
	inner   bool // of a code fence, the marker that opens it left out
	flowing bool // goes on with the sentence of the line before
}

// indent is the number of characters before the first that is not white space.
func (l *line) indent() int { return l.text.r - l.start.r }

// width is the number of characters, indentation included.
func (l *line) width() int { return l.end.r - l.start.r }

// lexer reads the lines of a text once, from the first to the last, and ranks
// their starts. It holds three lines: a setext heading is known by the line
// below it, one with an overline by the second below.
type lexer struct {
	src   string
	at    pos
	ahead [3]line
	n     int // lines in ahead
	state blockState
}

func newLexer(text string) *lexer {
	l := &lexer{src: text}
	for range l.ahead {
		l.read()
	}
	return l
}

// next gives the next ranked line; false at the end of the text.
func (l *lexer) next() (line, bool) {
	if l.n == 0 {
		return line{}, false
	}
	cur := l.ahead[0]
	l.state.classify(l.src, &cur, l.ahead[1:l.n])
	copy(l.ahead[:], l.ahead[1:l.n])
	l.n--
	l.read()
	return cur, true
}

// read appends the next line that is not blank to ahead, if there is one.
func (l *lexer) read() {
	blank := 0
	for l.at.b < len(l.src) {
		start := l.at
		stop, after := lineEnd(l.src, l.at.b)
		whole := l.src[start.b:stop]
		lead := strings.TrimLeftFunc(whole, unicode.IsSpace)
		runes := utf8.RuneCountInString(whole)
		l.at = pos{after, start.r + runes + after - stop}
		if lead == "" {
			blank++
			continue
		}
		indent := len(whole) - len(lead)
		body := strings.TrimRightFunc(lead, unicode.IsSpace)
		text := pos{start.b + indent, start.r + utf8.RuneCountInString(whole[:indent])}
		end := pos{text.b + len(body), start.r + runes - utf8.RuneCountInString(lead[len(body):])}
		l.ahead[l.n] = line{start: start, text: text, end: end, blank: blank, word: wordLength(body)}
		l.n++
		return
	}
}

// wordLength is the number of characters before the first white space, up to
// maxWord.
func wordLength(body string) int {
	n := 0
	for _, r := range body {
		if n == maxWord || unicode.IsSpace(r) {
			break
		}
		n++
	}
	return n
}

// maxWord bounds how long a word is measured.
const maxWord = 40

// lineEnd finds the end of the line that begins at from: where its terminator
// (LF, CR LF or CR) begins, and where the next line does.
func lineEnd(s string, from int) (stop, after int) {
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\n':
			return i, i + 1
		case '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				return i, i + 2
			}
			return i, i + 1
		}
	}
	return len(s), len(s)
}
