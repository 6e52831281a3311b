package split

import (
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	zeroWidthJoiner    = '\u200d'
	zeroWidthNonJoiner = '\u200c'
)

// maxCluster bounds, in bytes, how far a cluster is followed. Longer ones are
// no writing, and looking at all of one for each chunk of it would make
// hostile text quadratic.
const maxCluster = 256

// clusterBefore gives the last place at or before at, but behind from, that
// does not cut a grapheme cluster (a letter with its marks, an emoji of several
// runes, a flag). from must be such a place. When one cluster fills all of the
// stretch, it is not left whole, and the place is at itself.
func clusterBefore(src string, from, at pos) (p pos, whole bool) {
	before, after := clustersAround(src, from, at)
	switch {
	case after.b == at.b:
		return at, true
	case before.b > from.b:
		return before, true
	}
	return at, false
}

// clusterAfter gives the first place at or behind at that does not cut a
// grapheme cluster; from, before it, must be such a place.
func clusterAfter(src string, from, at pos) pos {
	_, after := clustersAround(src, from, at)
	return after
}

// clustersAround gives the places between clusters that are next to at: the
// last one before it and the first one not before it.
func clustersAround(src string, from, at pos) (before, after pos) {
	if at.b >= len(src) || at.b <= from.b || separate(src, at.b) {
		return at, at
	}
	// Walk back to a place that is certainly between two clusters, then forward
	// over whole ones.
	for after = at; after.b > from.b && (after.b == at.b || !separate(src, after.b)); {
		_, n := utf8.DecodeLastRuneInString(src[:after.b])
		after = pos{after.b - n, after.r - 1}
	}
	near := src[:min(len(src), at.b+maxCluster)]
	for state := -1; after.b < at.b; {
		before = after
		var cluster string
		cluster, _, _, state = uniseg.FirstGraphemeClusterInString(near[after.b:], state)
		after = pos{after.b + len(cluster), after.r + utf8.RuneCountInString(cluster)}
	}
	if after.b == len(near) && len(near) < len(src) {
		return before, at
	}
	return before, after
}

// separate reports whether the runes before and after b certainly belong to
// different clusters; false where it takes a look at more of the text.
func separate(src string, b int) bool {
	after, _ := utf8.DecodeRuneInString(src[b:])
	before, _ := utf8.DecodeLastRuneInString(src[:b])
	return stands(before) && stands(after) || before == '\n' || after == '\n' && before != '\r'
}

// stands reports whether a rune joins no neighbour that stands too: printable
// ASCII, letters of most scripts, Hangul syllables, emoji that are no modifiers
// and no flags.
func stands(r rune) bool {
	switch {
	case r < 0x7f:
		return r >= 0x20
	case r < 0x1100:
		return unicode.IsLetter(r) && r != 0x0e33 && r != 0x0eb3 && r != 0x0d4e
	case r >= 0x3041 && r <= 0x3096, r >= 0x30a1 && r <= 0x30fa, r >= 0x4e00 && r <= 0x9fff:
		return true
	case r >= 0xac00 && r <= 0xd7a3, r >= 0xff01 && r <= 0xff60:
		return true
	}
	return r >= 0x1f300 && r <= 0x1f3fa || r >= 0x1f400 && r <= 0x1faff
}

// joinsLeft reports whether a rune belongs to the one before it: a mark, a
// joiner, a modifier.
func joinsLeft(r rune) bool {
	if r < 0x300 {
		return false
	}
	return unicode.Is(unicode.M, r) || r == zeroWidthJoiner || r == zeroWidthNonJoiner ||
		r == 0x0e33 || r == 0x0eb3 || r == 0xff9e || r == 0xff9f || r >= 0x1f3fb && r <= 0x1f3ff || r >= 0xe0020 && r <= 0xe007f
}

// joinsSpace reports whether the text begins with a mark that stands on the
// white space before it.
func joinsSpace(after string) bool {
	r, _ := utf8.DecodeRuneInString(after)
	return joinsLeft(r)
}
