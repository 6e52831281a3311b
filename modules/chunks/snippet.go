package chunks

import (
	"html"
	"strings"
)

// snippet takes, of the two readings of the same text, the one in which more
// words were found, and makes HTML of it: everything escaped but the marks.
// PostgreSQL compares the words of a text in one language at a time.
func snippet(english, german string) string {
	text := english
	if strings.Count(german, markStart) > strings.Count(english, markStart) {
		text = german
	}
	return strings.NewReplacer(markStart, "<mark>", markStop, "</mark>").
		Replace(html.EscapeString(strings.Join(strings.Fields(text), " ")))
}
