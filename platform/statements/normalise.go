package statements

import "strings"

// maxText is how much is kept of a statement's text, in bytes.
const maxText = 4000

// Normalise gives the text of a statement without what somebody may have written into it:
// every string and number that stands in it is a question mark, comments are gone, and
// white space is one space. What it does not understand, such as a string without an end,
// is masked to the end.
func Normalise(sql string) string {
	n := normaliser{sql: sql}
	n.out.Grow(min(len(sql), maxText+16))
	for n.at < len(n.sql) && n.out.Len() <= maxText {
		n.next()
	}
	text := strings.TrimSpace(n.out.String())
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " …"
	}
	return text
}

type normaliser struct {
	sql string
	at  int
	out strings.Builder
}

func (n *normaliser) rest() string { return n.sql[n.at:] }

func (n *normaliser) next() {
	c, rest := n.sql[n.at], n.rest()
	switch {
	case c == '\'':
		n.text(n.escapes())
	case strings.HasPrefix(rest, "--"):
		n.skipTo("\n", false)
	case strings.HasPrefix(rest, "/*"):
		n.skipTo("*/", true)
	case c == '$' && n.dollar():
	case c == '"':
		n.identifier()
	case c <= ' ':
		n.at++
		n.space()
	case isDigit(c) && !n.within():
		for n.at < len(n.sql) && (isWord(n.sql[n.at]) || n.sql[n.at] == '.') {
			n.at++
		}
		n.out.WriteByte('?')
	default:
		n.out.WriteByte(c)
		n.at++
	}
}

func (n *normaliser) space() {
	if s := n.out.String(); s != "" && s[len(s)-1] != ' ' {
		n.out.WriteByte(' ')
	}
}

// within reports whether what comes continues a name or a parameter.
func (n *normaliser) within() bool {
	return n.at > 0 && (isWord(n.sql[n.at-1]) || n.sql[n.at-1] == '$')
}

// escapes reports whether the string that begins here has backslashes that mean something:
// it has an E before it.
func (n *normaliser) escapes() bool {
	if n.at == 0 || n.sql[n.at-1] != 'e' && n.sql[n.at-1] != 'E' {
		return false
	}
	return n.at == 1 || !isWord(n.sql[n.at-2])
}

// text masks a string, in which two quotes are one.
func (n *normaliser) text(escapes bool) {
	n.out.WriteByte('?')
	for n.at++; n.at < len(n.sql); n.at++ {
		switch c := n.sql[n.at]; {
		case c == '\\' && escapes:
			n.at++
		case c == '\'' && n.at+1 < len(n.sql) && n.sql[n.at+1] == '\'':
			n.at++
		case c == '\'':
			n.at++
			return
		}
	}
	n.at = len(n.sql)
}

// dollar masks a string between two marks of dollars, if there is one.
func (n *normaliser) dollar() bool {
	if n.within() {
		return false
	}
	end := strings.IndexByte(n.sql[n.at+1:], '$')
	if end < 0 {
		return false
	}
	mark := n.sql[n.at : n.at+1+end+1]
	for i := 1; i < len(mark)-1; i++ {
		if !isWord(mark[i]) || i == 1 && isDigit(mark[i]) {
			return false
		}
	}
	n.at += len(mark)
	n.out.WriteByte('?')
	if closing := strings.Index(n.rest(), mark); closing >= 0 {
		n.at += closing + len(mark)
	} else {
		n.at = len(n.sql)
	}
	return true
}

func (n *normaliser) identifier() {
	end := strings.IndexByte(n.sql[n.at+1:], '"')
	if end < 0 {
		n.out.WriteByte('?')
		n.at = len(n.sql)
		return
	}
	n.out.WriteString(n.sql[n.at : n.at+end+2])
	n.at += end + 2
}

func (n *normaliser) skipTo(end string, over bool) {
	n.space()
	i := strings.Index(n.rest(), end)
	if i < 0 {
		n.at = len(n.sql)
		return
	}
	n.at += i
	if over {
		n.at += len(end)
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
