package split

import (
	"unicode"
	"unicode/utf8"
)

// splitter walks through a text and cuts one chunk after another. It holds the
// lines of the chunk at hand, of the one before for the overlap, and of the
// one after, so that a cut can look at what comes next.
type splitter struct {
	src           string
	size, overlap int // as in Options

	lex   *lexer
	ended bool // the lexer has no more lines
	lines []line
	cur   int // lines[cur] holds the first character that is in no chunk yet

	first pos // start of the chunk before
	last  pos // end of the chunk before
	next  pos // the first character that is in no chunk yet
}

func newSplitter(text string, o Options) *splitter {
	// No chunk has more characters than the text has bytes; with that bound no
	// sum below overflows.
	size := min(o.Size, len(text)+1)
	return &splitter{
		src: text, size: size, overlap: min(o.Overlap, size-1),
		lex: newLexer(text),
	}
}

func (s *splitter) run(yield func(Chunk) bool) {
	for index := 0; ; index++ {
		if index == 0 {
			s.look(0)
		}
		if s.cur >= len(s.lines) {
			return
		}
		if index == 0 {
			s.next = s.lines[0].text
		}
		s.look(s.next.r + 2*s.size)
		start, end := s.chunk()
		if !yield(Chunk{
			Index: index, Content: s.src[start.b:end.b],
			Start: start.r, End: end.r, ByteStart: start.b, ByteEnd: end.b,
			TokenCount: EstimateTokens(end.r - start.r),
		}) {
			return
		}
		s.advance(start, end)
	}
}

// chunk places the next chunk.
func (s *splitter) chunk() (start, end pos) {
	fresh := s.freshStart()
	start = s.overlapStart(fresh)
	end, does := s.cut(start)
	if does != harmless && start.b < fresh.b && (does == breaksCluster || s.fits(s.next, s.size-(s.next.r-fresh.r))) {
		// The overlap leaves no room for what follows: it gives way.
		start = fresh
		end, _ = s.cut(start)
	}
	return start, end
}

// freshStart is where the next chunk begins when it repeats nothing: at the
// first character that is in no chunk yet, or at the indentation before it.
func (s *splitter) freshStart() pos {
	l := &s.lines[s.cur]
	if s.next == l.text {
		return s.lineStart(l)
	}
	return s.next
}

// maxIndent bounds the indentation that is kept at the start of a chunk.
const maxIndent = 40

// lineStart is where a chunk begins that begins with a line: its indentation
// says something in code and lists, and nothing when it is huge.
func (s *splitter) lineStart(l *line) pos {
	if indent := l.text.r - l.start.r; indent > min(maxIndent, s.size/8) {
		return l.text
	}
	return l.start
}

// look reads lines until they reach the offset r, in runes, and one beyond.
func (s *splitter) look(r int) {
	for !s.ended && (len(s.lines) == 0 || s.lines[len(s.lines)-1].start.r <= r) {
		l, ok := s.lex.next()
		if !ok {
			s.ended = true
			return
		}
		s.lines = append(s.lines, l)
	}
}

// advance moves on behind the chunk from start to end.
func (s *splitter) advance(start, end pos) {
	s.first, s.last = start, end
	for s.cur < len(s.lines) && s.lines[s.cur].end.b <= end.b {
		s.cur++
		if s.cur == len(s.lines) {
			s.look(s.lines[s.cur-1].start.r + 1)
		}
	}
	if s.cur < len(s.lines) {
		s.next = s.lines[s.cur].text
		if s.next.b < end.b {
			s.next = s.skipSpace(end)
		}
	}
	s.forget(start)
}

// forget drops the lines that end before the chunk that begins at start: no
// overlap reaches behind it.
func (s *splitter) forget(start pos) {
	keep := 0
	for keep < s.cur && s.lines[keep].end.b <= start.b {
		keep++
	}
	if keep > len(s.lines)/2 {
		s.lines = append(s.lines[:0], s.lines[keep:]...)
		s.cur -= keep
	}
}

func (s *splitter) skipSpace(p pos) pos {
	for p.b < len(s.src) {
		r, n := utf8.DecodeRuneInString(s.src[p.b:])
		if !unicode.IsSpace(r) {
			break
		}
		p = pos{p.b + n, p.r + 1}
	}
	return p
}

// fits reports whether the word that begins at p has at most so many characters.
func (s *splitter) fits(p pos, most int) bool {
	for _, r := range s.src[p.b:] {
		if unicode.IsSpace(r) {
			return true
		}
		if most--; most < 0 {
			return false
		}
	}
	return true
}
