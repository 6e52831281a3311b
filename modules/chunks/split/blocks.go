package split

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// blockState is what the lines so far say about the next one.
type blockState struct {
	started    bool
	prev       line
	prevLevel  int  // level of the heading that prev is part of, 0 for none
	underlines int  // coming lines that belong to a heading already begun
	announces  bool // prev is a title, or ends with a colon: it needs what follows
	closed     bool // prev closed a fence
	rule       bool // prev is a thematic break
	fence      string
}

// classify ranks the start of cur; ahead are up to two lines that follow.
func (s *blockState) classify(src string, cur *line, ahead []line) {
	body := textOf(src, cur)
	if s.fence != "" {
		s.inFence(cur, body)
	} else if s.underlines > 0 {
		s.underlines--
		cur.rank, cur.heading = rankGlued, true
	} else if level, lines := headingAt(src, s, cur, ahead); level > 0 {
		s.headline(cur, level, lines)
	} else {
		s.plain(src, cur, body, ahead)
	}
	s.started, s.prev = true, *cur
}

func (s *blockState) inFence(cur *line, body string) {
	cur.fenced, cur.inner = true, true
	cur.rank = rankLine
	if cur.blank > 0 {
		cur.rank = rankFenceGap
	}
	if closesFence(body, s.fence) {
		s.fence, s.closed = "", true
	}
}

func (s *blockState) headline(cur *line, level, lines int) {
	cur.heading = true
	cur.rank = headingRank(level)
	// A heading directly below a higher one would leave that one alone.
	if s.prevLevel > 0 && level > s.prevLevel {
		cur.rank = rankGlued
	}
	s.prevLevel, s.underlines = level, lines-1
	s.announces, s.closed, s.rule = false, false, false
}

func (s *blockState) plain(src string, cur *line, body string, ahead []line) {
	fence := opensFence(body)
	rule := fence == "" && isRule(body)
	// A rule with text right below it opens that text, else it ends the one above.
	opens := rule && len(ahead) > 0 && ahead[0].blank == 0
	switch {
	case s.prevLevel > 0:
		cur.rank = rankGlued
	case !s.started:
		cur.rank = rankPara
	case opens:
		cur.rank = rankGap
	case rule, s.announces:
		cur.rank = rankLine
	case s.rule, cur.blank > 1, s.opensOutline(cur, ahead):
		cur.rank = rankGap
	case cur.blank == 1, s.closed, fence != "":
		cur.rank = rankPara
	case isItem(body):
		cur.rank = rankItem
	default:
		cur.rank = rankLine
		cur.flowing = flows(src, s.prev, body)
	}
	cur.fenced = fence != ""
	s.announces = opens || fence == "" && !rule && (strings.HasSuffix(body, ":") || s.isTitle(src, cur, ahead))
	s.fence, s.rule, s.closed, s.prevLevel = fence, rule, false, 0
}

// opensOutline reports whether cur begins a part of an outline: back to the
// left of what stands above, with what follows further to the right. It is how
// change logs, manual pages and code are laid out.
func (s *blockState) opensOutline(cur *line, ahead []line) bool {
	return cur.blank > 0 && cur.indent() < s.prev.indent() && len(ahead) > 0 && ahead[0].indent() > cur.indent()
}

// maxTitle is the most characters of a line that is taken for a title.
const maxTitle = 80

// isTitle reports whether cur looks like the title of what follows: one short
// line by itself that ends no sentence, above a longer text or one further to
// the right.
func (s *blockState) isTitle(src string, cur *line, ahead []line) bool {
	apart := !s.started || cur.blank > 0 || s.rule
	if !apart || cur.width() > maxTitle || len(ahead) == 0 || ahead[0].blank == 0 {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(src[cur.text.b:cur.end.b])
	if strings.ContainsRune(".!?…,;。！？", last) {
		return false
	}
	next := &ahead[0]
	if s.rule {
		return true
	}
	if next.indent() != cur.indent() {
		return next.indent() > cur.indent()
	}
	first, _ := utf8.DecodeRuneInString(src[cur.text.b:])
	return !unicode.IsLower(first) && next.width() > 2*cur.width()
}

// headingAt says whether a heading begins at cur: its level, and how many
// lines it has. Level 0 is none.
func headingAt(src string, s *blockState, cur *line, ahead []line) (level, lines int) {
	apart := !s.started || cur.blank > 0 || s.prevLevel > 0
	if level = atxHeading(src, cur, ahead, apart); level > 0 {
		return level, 1
	}
	if !apart || cur.indent() > 3 || len(ahead) == 0 || ahead[0].blank > 0 {
		return 0, 0
	}
	body, below := textOf(src, cur), textOf(src, &ahead[0])
	if !isRun(body) {
		return underlineLevel(below, cur.end.r-cur.text.r), 2
	}
	// A line above a title and the same one below it.
	if len(ahead) < 2 || ahead[1].blank > 0 || isRun(below) || textOf(src, &ahead[1]) != body {
		return 0, 0
	}
	return underlineLevel(body, ahead[0].end.r-ahead[0].text.r), 3
}

// atxHeading is the level of the ATX heading at cur, 0 for none; apart says
// that cur stands apart from the text above.
func atxHeading(src string, cur *line, ahead []line, apart bool) int {
	level := atxLevel(textOf(src, cur))
	if level == 0 || cur.indent() > 0 {
		return 0
	}
	// A single # is also how many languages write a comment. A heading stands
	// apart from the text above, and no second one follows at once.
	follows := len(ahead) > 0 && ahead[0].blank == 0 && atxLevel(textOf(src, &ahead[0])) == 1
	if level == 1 && (!apart || follows) {
		return 0
	}
	return level
}

func textOf(src string, l *line) string { return src[l.text.b:l.end.b] }

// atxLevel is the level of a Markdown heading such as "## Name", 0 for none.
func atxLevel(body string) int {
	n := 0
	for n < len(body) && body[n] == '#' {
		n++
	}
	if n == 0 || n > 6 || n >= len(body) || body[n] != ' ' && body[n] != '\t' {
		return 0
	}
	return n
}

// underlineLevel is the level of the heading that a line of punctuation under
// a title of so many characters makes, 0 for none. Markdown knows = and -,
// whatever their number; the others are reStructuredText's, and must be as
// long as the title.
func underlineLevel(body string, title int) int {
	if !isRun(body) {
		return 0
	}
	switch body[0] {
	case '=':
		return 1
	case '-':
		return 2
	}
	if len(body) >= 4 && len(body) >= title {
		return 3
	}
	return 0
}

// isRun reports whether a line is three or more times one mark of underlining.
func isRun(body string) bool {
	if len(body) < 3 || strings.IndexByte(`=-~^"*+`, body[0]) < 0 {
		return false
	}
	for i := 1; i < len(body); i++ {
		if body[i] != body[0] {
			return false
		}
	}
	return true
}

// isRule reports whether a line is a thematic break: a run of marks, with or
// without spaces between.
func isRule(body string) bool {
	marks := 0
	for i := range len(body) {
		switch {
		case body[i] == ' ':
		case strings.IndexByte("-*_=~#+.", body[i]) >= 0 && body[i] == body[0]:
			marks++
		default:
			return false
		}
	}
	return marks >= 3
}

// maxFence is the most marks of a line that opens a code fence.
const maxFence = 8

// opensFence gives the marks of a line that begins a fenced code block, such
// as "```go"; "" for any other line.
func opensFence(body string) string {
	n := 0
	for n < len(body) && body[n] == body[0] && (body[0] == '`' || body[0] == '~') {
		n++
	}
	// An info string has no backtick, or the line is code within a sentence. A
	// long row of marks is a rule.
	if n < 3 || n > maxFence || body[0] == '`' && strings.IndexByte(body[n:], '`') >= 0 {
		return ""
	}
	return body[:n]
}

func closesFence(body, fence string) bool {
	return len(body) >= len(fence) && body[0] == fence[0] && strings.Trim(body, fence[:1]) == ""
}

// isItem reports whether a line begins a list item: "- ", "* ", "+ ", "• ",
// "1. ", "1) ", "a) ".
func isItem(body string) bool {
	mark, _, spaced := strings.Cut(body[:min(len(body), 8)], " ")
	if !spaced || mark == "" {
		return false
	}
	switch mark {
	case "-", "*", "+", "•", "–":
		return true
	}
	last := mark[len(mark)-1]
	if last != '.' && last != ')' {
		return false
	}
	number := mark[:len(mark)-1]
	if len(number) == 1 && last == ')' && number[0] >= 'a' && number[0] <= 'z' {
		return true
	}
	return number != "" && strings.Trim(number, "0123456789") == ""
}
