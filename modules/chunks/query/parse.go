package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Query is what was asked for.
type Query struct {
	// Groups are what is looked for.
	Groups []Group
	// Excluded are the terms that may not be there.
	Excluded []Term
}

// Group is one thing that is looked for: any of its terms will do.
type Group struct{ Terms []Term }

// required tells whether nothing is found without it: what is quoted is meant.
func (g Group) required() bool {
	for _, t := range g.Terms {
		if t.Quoted {
			return true
		}
	}
	return false
}

// Term is a word, or what is to PostgreSQL several ("TCP/IP"), or a phrase.
type Term struct {
	Text string
	// Quoted terms are phrases: their words follow one another.
	Quoted bool
	// Prefix is set where the last word may go on.
	Prefix bool
}

// Terms lists all terms: those of the groups, then the excluded ones.
func (q Query) Terms() []Term {
	var all []Term
	for _, g := range q.Groups {
		all = append(all, g.Terms...)
	}
	return append(all, q.Excluded...)
}

// token is a term as it stands in the text.
type token struct {
	Term

	excluded bool
	// or is set for the word OR.
	or bool
}

// Parse takes a text apart.
func Parse(text string) Query {
	var q Query
	tokens := tokens(text)
	// open is set after an OR that has something before it.
	open := false
	for i, t := range tokens {
		switch {
		case t.excluded:
			q.Excluded = append(q.Excluded, t.Term)
			open = false
		case t.or && joins(tokens, i):
			open = true
		case open:
			last := &q.Groups[len(q.Groups)-1]
			last.Terms = append(last.Terms, t.Term)
			open = false
		default:
			q.Groups = append(q.Groups, Group{Terms: []Term{t.Term}})
		}
	}
	return q
}

// joins tells whether the OR at i stands between two terms that it can join.
func joins(tokens []token, i int) bool {
	if i == 0 || i+1 == len(tokens) {
		return false
	}
	before, after := tokens[i-1], tokens[i+1]
	return !before.excluded && !before.or && !after.excluded && !after.or
}

func tokens(text string) []token {
	var found []token
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		if text == "" {
			return found
		}
		t, length := next(text)
		text = text[length:]
		if strings.IndexFunc(t.Text, isWord) >= 0 {
			found = append(found, t)
		}
	}
}

// next reads the token at the beginning, and tells how many bytes it takes.
func next(text string) (t token, length int) {
	start := 0
	if excludes(text) {
		t.excluded, start = true, 1
	}
	if phrase, size, ok := quoted(text[start:]); ok {
		t.Quoted = true
		t.Text, t.Prefix = star(phrase)
		return t, start + size
	}
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	word := text[start:end]
	t.or = !t.excluded && (word == "OR" || word == "ODER")
	t.Text, t.Prefix = star(word)
	return t, end
}

// excludes tells whether the text begins with a minus that excludes: one that
// stands before a word or a quotation. In "--amend", "- a" and "->" it does not.
func excludes(text string) bool {
	if text[0] != '-' {
		return false
	}
	if _, _, ok := quoted(text[1:]); ok {
		return true
	}
	r, _ := utf8.DecodeRuneInString(text[1:])
	return isWord(r)
}

// marks are the characters that open a quotation, with those that close it: text
// that comes out of a word processor has others than a keyboard.
var marks = map[rune]string{'"': `"`, '“': `”“"`, '„': `“”"`, '”': `”`, '«': `»`, '»': `«`}

// quoted reads the quotation at the beginning. Without its end there is none.
func quoted(text string) (phrase string, length int, ok bool) {
	open, size := utf8.DecodeRuneInString(text)
	closing, is := marks[open]
	if !is {
		return "", 0, false
	}
	end := strings.IndexAny(text[size:], closing)
	if end < 0 {
		return "", 0, false
	}
	end += size
	_, closes := utf8.DecodeRuneInString(text[end:])
	return text[size:end], end + closes, true
}

// star takes the asterisk off that lets the last word go on.
func star(text string) (rest string, prefix bool) {
	rest, prefix = strings.CutSuffix(text, "*")
	r, _ := utf8.DecodeLastRuneInString(rest)
	if !prefix || !isWord(r) {
		return text, false
	}
	return rest, true
}

// isWord tells what a word can be made of; the rest is punctuation.
func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}
