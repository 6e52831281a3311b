package app

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"semantik/app/client"
)

// style colours text, or leaves it as it is.
type style struct{ on bool }

func (s style) wrap(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string   { return s.wrap("1", text) }
func (s style) dim(text string) string    { return s.wrap("2", text) }
func (s style) red(text string) string    { return s.wrap("31", text) }
func (s style) green(text string) string  { return s.wrap("32", text) }
func (s style) yellow(text string) string { return s.wrap("33", text) }

// plain makes foreign text safe to show: on one line, and without the characters
// with which it could move the cursor, change the colours or hide itself.
func plain(text string) string { return strings.Join(strings.Fields(printable(text)), " ") }

// printable puts a space in place of what is not to be seen.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// snippet shows a search's snippet, which is HTML with the words in <mark>, on a
// terminal.
func (s style) snippet(snippet string) string {
	var out strings.Builder
	for rest := snippet; rest != ""; {
		before, after, found := strings.Cut(rest, "<mark>")
		out.WriteString(spaced(before))
		if !found {
			break
		}
		word, after, _ := strings.Cut(after, "</mark>")
		out.WriteString(s.bold(s.yellow(spaced(word))))
		rest = after
	}
	return strings.TrimSpace(out.String())
}

// spaced is plain text that keeps a space at either end.
func spaced(escaped string) string {
	text := printable(html.UnescapeString(escaped))
	clean := plain(text)
	if clean == "" {
		return text[:min(1, len(text))]
	}
	if strings.HasPrefix(text, " ") {
		clean = " " + clean
	}
	if strings.HasSuffix(text, " ") {
		clean += " "
	}
	return clean
}

// counted is a number with its noun: "1 file", "2,100 files".
func counted[N int | int64](n N, one, many string) string {
	noun := many
	if n == 1 {
		noun = one
	}
	return grouped(int64(n)) + " " + noun
}

// grouped writes a number with commas between the thousands.
func grouped(n int64) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// seconds writes a time for people.
func seconds(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 100:
		return fmt.Sprintf("%.0f s", s)
	default:
		return fmt.Sprintf("%d min %02d s", int(s)/60, int(s)%60)
	}
}

// quoted is a word for a shell's command line.
func quoted(word string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@,+=", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !safe(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// scoreText is a hit's score for people.
func scoreText(hit client.Hit) string {
	return fmt.Sprintf("%.3f", hit.Score)
}
