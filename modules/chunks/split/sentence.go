package split

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// found are the places to cut within a stretch of text, each the last of its
// kind; the zero pos where there is none.
type found struct {
	sentence pos // after a sentence, with its closing quotes
	word     pos // after a word
	soft     pos // within a word, after punctuation such as / or ,
	limit    pos // where the stretch ends
}

// scan looks for places to cut between from, which is no white space, and
// limit, an offset in runes. Sentences and soft places count from a third of
// the way.
func scan(src string, from pos, limit int) found {
	var f found
	enough := from.r + (limit-from.r)/3
	at, before := from, rune(0)
	for ; at.r <= limit && at.b < len(src); at.r++ {
		r, n := utf8.DecodeRuneInString(src[at.b:])
		if at.r > from.r {
			f.look(src, from, at, before, r, at.r >= enough)
		}
		if at.r == limit {
			break
		}
		at.b, before = at.b+n, r
	}
	f.limit = at
	if at.b == len(src) && at.r > from.r && !unicode.IsSpace(before) {
		f.word = at
	}
	return f
}

// look notes the place at between the runes before and r; enough says that it
// is far enough for a sentence.
func (f *found) look(src string, from, at pos, before, r rune, enough bool) {
	switch {
	case unicode.IsSpace(r):
		if unicode.IsSpace(before) || joinsSpace(src[at.b+utf8.RuneLen(r):]) {
			return
		}
		f.word = at
		if enough && endsSentence(src, from.b, at.b) {
			f.sentence = at
		}
	case !enough || joinsLeft(r):
	case endsWide(src, from.b, at.b, before, r):
		f.sentence = at
	case strings.ContainsRune(softMarks, before):
		f.soft = at
	}
}

// softMarks are the marks behind which a long word is cut rather than anywhere.
const softMarks = ",;:/|&?=)]}>_-，、；："

// endsWide reports whether a sentence ends between the runes before and r with
// a mark that no white space follows.
func endsWide(src string, lo, at int, before, r rune) bool {
	if isCloser(r) || isWideStop(r) {
		return false
	}
	return isWideStop(before) || isWideCloser(before) && endsSentence(src, lo, at)
}

func isWideStop(r rune) bool { return r == '。' || r == '！' || r == '？' || r == '．' }

func isWideCloser(r rune) bool {
	return r == '」' || r == '』' || r == '）' || r == '】' || r == '》'
}

func isCloser(r rune) bool {
	return isWideCloser(r) || r == '"' || r == '\'' || r == ')' || r == ']' || r == '”' || r == '’' || r == '»' || r == '*' || r == '_' || r == '`'
}

// maxClosers bounds how many quotes and brackets may follow the mark that ends
// a sentence.
const maxClosers = 4

// endsSentence reports whether a sentence ends at byte at, behind which stands
// white space, the end, or, after a wide mark, anything. Nothing before lo is
// looked at.
func endsSentence(src string, lo, at int) bool {
	head := src[lo:at]
	for range maxClosers {
		r, n := utf8.DecodeLastRuneInString(head)
		if !isCloser(r) {
			break
		}
		head = head[:len(head)-n]
	}
	r, n := utf8.DecodeLastRuneInString(head)
	switch {
	case r == '!' || r == '?' || isWideStop(r):
		return true
	case r == '…':
		return !startsLower(src[at:])
	case r != '.':
		return false
	}
	return !isAbbreviation(head[:len(head)-n]) && !startsLower(src[at:])
}

// startsLower reports whether the text after white space begins with a small
// letter: then the full stop before it ended no sentence.
func startsLower(s string) bool {
	for i, r := range s {
		if i > 8 {
			return false
		}
		if !unicode.IsSpace(r) {
			return unicode.IsLower(r)
		}
	}
	return false
}

// isAbbreviation looks at the text before a full stop: whether its last word
// is one that is usually abbreviated, a single letter (an initial, "z. B."), or
// a number of a list.
func isAbbreviation(head string) bool {
	word := head[max(0, len(head)-12):]
	if i := strings.LastIndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' }); i >= 0 {
		_, n := utf8.DecodeRuneInString(word[i:])
		word = word[i+n:]
	}
	switch strings.ToLower(word) {
	case "e.g", "i.e", "cf", "vs", "mr", "mrs", "ms", "dr", "prof", "st", "fig", "eq", "sec", "vol", "nos",
		"al", "approx", "ca", "inc", "ltd", "jr", "sr", "p.s", "resp", "dept", "u.s",
		"z.b", "d.h", "u.a", "o.ä", "bzw", "usw", "ggf", "vgl", "evtl", "nr", "inkl", "zzgl", "abb", "bspw", "sog":
		return true
	}
	runes := utf8.RuneCountInString(word)
	return runes == 1 && !isWide(word) || runes == 2 && strings.Trim(word, "0123456789") == ""
}

// isWide reports whether a text begins with a letter of a script in which one
// letter is a word.
func isWide(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}
