package split

import (
	"unicode"
	"unicode/utf8"
)

// candidate is a line start to cut at: the chunk would end after the line
// before it.
type candidate struct {
	end  pos // of the chunk
	fill int // characters of the chunk
	ok   bool
}

// harm is what a cut breaks.
type harm uint8

const (
	harmless harm = iota
	breaksWord
	breaksCluster
)

// cut finds where the chunk that begins at start ends, at most size characters
// later and behind next.
func (s *splitter) cut(start pos) (end pos, does harm) {
	limit := start.r + s.size
	if s.ended && s.last.b == 0 && s.rest().r <= limit {
		return s.rest(), harmless // the whole text is one chunk
	}
	best, whole := s.candidates(start, limit)
	k := strongest(&best)
	if whole && s.rest().r-best[k].end.r < s.size/10 {
		return s.rest(), harmless // what is left is too small for a chunk
	}
	if k.isHeading() {
		return best[k].end, harmless
	}
	if whole {
		return s.rest(), harmless
	}
	if balanced := s.balance(start, limit); balanced < limit {
		// An even cut is worth less than one at a better place.
		if even, _ := s.candidates(start, balanced); strongest(&even) >= k {
			limit, best, k = balanced, even, strongest(&even)
		}
	}
	if k > rankLine {
		return best[k].end, harmless
	}
	return s.cutWithin(start, limit, best[rankLine])
}

// strongest is the highest rank that has a candidate; rankGlued for none.
func strongest(best *[rankCount]candidate) rank {
	k := rankH1
	for k > rankGlued && !best[k].ok {
		k--
	}
	return k
}

// rest is the end of the last line read: of the text, once the lexer has ended.
func (s *splitter) rest() pos { return s.lines[len(s.lines)-1].end }

// candidates finds for each rank the best line start to cut at, with the chunk
// ending at limit or before; whole says that all that is left of the text fits.
//
// Within a rank the last one is the best, for the fullest chunk; only a
// top-level section that fills half a chunk is not joined by another.
func (s *splitter) candidates(start pos, limit int) (best [rankCount]candidate, whole bool) {
	room := limit - s.next.r
	for i := s.cur + 1; i < len(s.lines); i++ {
		end, k := s.lines[i-1].end, s.lines[i].rank
		if end.r > limit {
			return best, false
		}
		if k == rankGlued {
			continue
		}
		fill, kept := end.r-start.r, best[k]
		switch {
		case k.isHeading() && fill < s.size/4, k >= rankPara && end.r-s.next.r < room/3:
			if fill < s.size/10 || !s.staysWhole(i, limit) {
				continue
			}
		case end.r-s.next.r < room/3:
			continue
		case k >= topLevel && kept.ok && kept.fill >= s.size/2:
			continue
		}
		best[k] = candidate{end: end, fill: fill, ok: true}
	}
	return best, s.ended && s.rest().r <= limit
}

// staysWhole reports whether the section or the code fence that begins at
// line i is kept in one piece by a cut before it, and would not be without.
// Sections nest at most six deep, so that asking for every line stays linear.
func (s *splitter) staysWhole(i, limit int) bool {
	first := &s.lines[i]
	if !first.rank.isHeading() && !first.fenced {
		return false
	}
	end := first.end.r
	for _, l := range s.lines[i+1:] {
		if first.rank.isHeading() && l.rank >= first.rank || !first.rank.isHeading() && !l.fenced {
			return end > limit
		}
		if end = l.end.r; end-first.start.r > s.size {
			return false
		}
	}
	return s.ended && end > limit
}

// balance gives a limit that halves what is left of a section (or of the text)
// when a full chunk would leave only a small tail of it; else the given one.
func (s *splitter) balance(start pos, limit int) int {
	tail := limit + s.size/3
	end, known := s.rest().r, s.ended
	for i := s.cur + 1; i < len(s.lines) && s.lines[i-1].end.r <= tail; i++ {
		if s.lines[i].rank.isHeading() && s.lines[i-1].end.r > limit {
			end, known = s.lines[i-1].end.r, true
			break
		}
	}
	if !known || end <= limit || end > tail {
		return limit
	}
	half := start.r + (end-start.r)*11/20
	return min(limit, max(half, s.next.r+(limit-s.next.r)/2))
}

// cutWithin cuts where no block ends: at a line, unless the lines are prose
// with hard breaks, at the end of a sentence, at a word, within a word.
func (s *splitter) cutWithin(start pos, limit int, byLine candidate) (end pos, does harm) {
	if byLine.ok && !isProse(s.upTo(limit)) {
		return byLine.end, harmless
	}
	found := scan(s.src, s.next, limit)
	switch {
	case found.sentence.b > 0:
		return found.sentence, harmless
	case byLine.ok:
		return byLine.end, harmless
	case found.word.b > 0 && s.wordServes(start, found.word):
		return found.word, harmless
	case found.soft.b > 0:
		return found.soft, breaksWord
	}
	end, whole := clusterBefore(s.src, s.next, found.limit)
	if !whole {
		return s.trimmed(end), breaksCluster
	}
	return s.trimmed(end), breaksWord
}

// trimmed goes back over white space.
func (s *splitter) trimmed(p pos) pos {
	for {
		r, n := utf8.DecodeLastRuneInString(s.src[:p.b])
		if !unicode.IsSpace(r) {
			return p
		}
		p = pos{p.b - n, p.r - 1}
	}
}

// wordServes reports whether the end of the last whole word is a good place to
// cut: the chunk is not nearly empty, or the word that follows it fits into
// the next one. Else that word must be cut anyway, and may begin here.
func (s *splitter) wordServes(start, word pos) bool {
	if word.r-start.r >= s.size/4 && word.r-s.next.r > s.size/8 {
		return true
	}
	return s.fits(s.skipSpace(word), s.size)
}

// upTo gives the lines from that of next on that begin before limit.
func (s *splitter) upTo(limit int) []line {
	i := s.cur
	for i < len(s.lines) && s.lines[i].start.r < limit {
		i++
	}
	return s.lines[s.cur:i]
}
