package split

import (
	"unicode"
	"unicode/utf8"
)

// overlapStart is where the chunk whose fresh text begins at fresh starts: some
// of the chunk before is repeated, from a sentence or a line where one begins
// within reach, else from a word. It is fresh itself where nothing is: at the
// start of the text, of a section, and where the next paragraph would no
// longer fit as a whole.
func (s *splitter) overlapStart(fresh pos) pos {
	atLine := s.next == s.lines[s.cur].text
	if s.last.b == 0 || s.overlap == 0 || atLine && s.lines[s.cur].heading {
		return fresh
	}
	// Of a short chunk no more than half is repeated; of a full one what the
	// options say, so long as it leaves half the step that they mean.
	step := min(s.size-s.overlap, s.last.r-s.first.r)
	lowest := max(s.next.r-s.overlap, s.unitEnd()-s.size, s.first.r+(step+1)/2)
	if lowest >= s.last.r {
		return fresh
	}
	lo := s.back(s.last, s.last.r-lowest)
	p, ok := s.lineWithin(lo)
	if !ok {
		p = s.textWithin(lo, fresh)
	}
	if s.insideFence(p) && (!atLine || !s.lines[s.cur].inner) {
		return fresh // the end of a code block says nothing by itself
	}
	return p
}

// insideFence reports whether p lies within a code fence that began before.
func (s *splitter) insideFence(p pos) bool {
	for i := s.cur; i >= 0; i-- {
		if l := &s.lines[i]; l.start.b <= p.b {
			return l.inner
		}
	}
	return false
}

// unitEnd is the end of the text that the next chunk should hold in one piece:
// of the paragraph at next, else of its line; 0 when both are too long.
func (s *splitter) unitEnd() int {
	end := 0
	for i := s.cur; i < len(s.lines); i++ {
		l := &s.lines[i]
		if i > s.cur && (l.rank >= rankItem || l.rank == rankGlued) {
			break
		}
		if l.end.r-s.next.r > s.size {
			end = s.lines[s.cur].end.r
			break
		}
		end = l.end.r
	}
	if end-s.next.r > s.size {
		return 0
	}
	return end
}

// back walks n runes back from p.
func (s *splitter) back(p pos, n int) pos {
	for ; n > 0 && p.b > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s.src[:p.b])
		p = pos{p.b - size, p.r - 1}
	}
	return p
}

// lineWithin finds a block that begins between lo and the end of the chunk
// before: the last heading, so that what is repeated is of one section, else
// the first paragraph or list item, else the first line where the lines are
// not wrapped prose.
func (s *splitter) lineWithin(lo pos) (at pos, ok bool) {
	var plain *line
	for i := s.cur; i >= 0 && s.lines[i].start.b >= lo.b; i-- {
		l := &s.lines[i]
		switch {
		case l.text.b >= s.last.b || l.rank == rankGlued && !l.heading:
		case l.rank >= rankItem || l.heading:
			at, ok = s.lineStart(l), true
		default:
			plain = l
		}
		if l.heading && l.text.b < s.last.b {
			break
		}
	}
	if !ok && plain != nil && !isProse(s.lines[:s.cur+1]) {
		at, ok = s.lineStart(plain), true
	}
	return at, ok && s.enough(at, lo)
}

// enough reports whether a repetition from at is worth it, where one could
// begin at lo.
func (s *splitter) enough(at, lo pos) bool {
	return s.last.r-at.r >= (s.last.r-lo.r)/3
}

// textWithin finds a sentence or a word that begins between lo and the end of
// the chunk before, or a cluster when that chunk ended within a word. A few
// words alone are not repeated.
func (s *splitter) textWithin(lo, fresh pos) pos {
	var word pos
	before, _ := utf8.DecodeLastRuneInString(s.src[:lo.b])
	solid := s.solidEnd(lo.b)
	for p := lo; p.b < s.last.b; {
		r, n := utf8.DecodeRuneInString(s.src[p.b:])
		if !unicode.IsSpace(r) {
			if !joinsLeft(r) {
				spaced := unicode.IsSpace(before)
				if spaced && word.b == 0 {
					word = p
				}
				if spaced && endsSentence(s.src, 0, solid) || endsWide(s.src, 0, p.b, before, r) {
					if s.enough(p, lo) {
						return p
					}
					break
				}
			}
			solid = p.b + n
		}
		p, before = pos{p.b + n, p.r + 1}, r
	}
	return s.wordWithin(word, lo, fresh)
}

// solidEnd goes back from byte b over white space, not over much of it.
func (s *splitter) solidEnd(b int) int {
	for end := b; end > 0 && b-end < maxIndent; {
		r, n := utf8.DecodeLastRuneInString(s.src[:end])
		if !unicode.IsSpace(r) {
			return end
		}
		end -= n
	}
	return b
}

// wordWithin chooses between the word found behind lo, if any, and a cluster.
func (s *splitter) wordWithin(word, lo, fresh pos) pos {
	if word.b > 0 && s.last.r-word.r >= s.overlap/8 {
		return word
	}
	if word.b > 0 || s.last.b != s.next.b {
		return fresh
	}
	if p := clusterAfter(s.src, s.first, lo); p.b < s.last.b {
		return p
	}
	return fresh
}
