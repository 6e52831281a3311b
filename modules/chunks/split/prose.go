package split

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// proseWidth is the fewest characters of a line that was wrapped rather than
// ended.
const proseWidth = 40

// flows reports whether a line goes on with the sentence of the one before, as
// in prose with hard line breaks: the line before is long and ends within a
// phrase, this one begins with a small letter.
func flows(src string, before line, body string) bool {
	if before.width() < proseWidth || before.fenced {
		return false
	}
	first, _ := utf8.DecodeRuneInString(body)
	last, _ := utf8.DecodeLastRuneInString(src[before.text.b:before.end.b])
	return unicode.IsLower(first) && (unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune(`,-"”’)`, last))
}

// isProse reports whether the lines are sentences that were wrapped, rather
// than lines that each say something (a log, a table, code): some begin within
// a sentence, and most are so long that the first word of the next would not
// have fitted.
func isProse(lines []line) bool {
	widest := 0
	for i := range lines {
		widest = max(widest, lines[i].width())
	}
	plain, flowing, filled := 0, 0, 0
	for i := 1; i < len(lines); i++ {
		l := &lines[i]
		if l.rank != rankLine || l.blank > 0 || l.fenced {
			continue
		}
		plain++
		if l.flowing {
			flowing++
		}
		if lines[i-1].width()+1+l.word >= min(widest, 2*proseWidth) {
			filled++
		}
	}
	return flowing > 0 && flowing*4 >= plain && filled*4 >= plain*3
}
