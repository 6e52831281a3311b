package query

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// minPrefix is how many characters a word must have before its asterisk. With
// fewer PostgreSQL reads a good part of the index, whosever it is.
const minPrefix = 2

// Word is what PostgreSQL makes of one word of a term.
type Word struct {
	// Term is the index of the term in [Query.Terms].
	Term int
	// Position counts the words of the term from 1. One that PostgreSQL makes
	// nothing of has none.
	Position int
	// Plain is the word itself, in lower case.
	Plain string
	// English and German are its stems; "" for a stop word of that language.
	English, German string
}

// lexemes are the word's stems in the index: each once.
func (w Word) lexemes() []string {
	switch {
	case w.English == w.German, w.German == "":
		return slices.DeleteFunc([]string{w.English}, empty)
	case w.English == "":
		return []string{w.German}
	default:
		return []string{w.English, w.German}
	}
}

func empty(s string) bool { return s == "" }

// englishNouns are German stop words that are nouns in English: "cold war" asks for
// a war, "wie war das" does not.
var englishNouns = []string{"bin", "den", "die", "hat", "man", "mit", "war", "weg", "will"}

func (w Word) englishNoun() bool { return slices.Contains(englishNouns, w.Plain) }

// Plan is a query in PostgreSQL's words: texts of the type tsquery. "" stands for a
// query that finds nothing.
type Plan struct {
	// All finds what has everything that was asked for, and nothing excluded.
	All string
	// Some finds, besides, what has only some of it: what is required, if anything
	// is, or any of the words. "" where there is nothing between all and none.
	Some string
	// Rank has every lexeme that speaks for a text.
	Rank string
	// Notes tell, in a sentence each, what of the query could not be heeded.
	Notes []string
}

// planner is a query on the way to its plan.
type planner struct {
	words [][]Word // by term
	// telling decides whether a word says anything.
	telling func(Word) bool
	plan    Plan
	rank    []string
	// must are required, unless are excluded, want are wanted.
	must, unless, want []string
}

// Plan makes the queries of the words that PostgreSQL has found in the terms.
func (q Query) Plan(words []Word) Plan {
	terms := q.Terms()
	p := planner{words: make([][]Word, len(terms))}
	for _, w := range words {
		p.words[w.Term] = append(p.words[w.Term], w)
	}
	for _, of := range p.words {
		slices.SortFunc(of, func(a, b Word) int { return cmp.Compare(a.Position, b.Position) })
	}
	p.telling = p.judge(q)
	n := 0
	for _, g := range q.Groups {
		p.group(g, n)
		n += len(g.Terms)
	}
	for i, t := range q.Excluded {
		p.exclude(t, n+i)
	}
	return p.finish(q)
}

// judge decides which of the words that are wanted say something. A stop word of
// one of the languages does not ("the", "und"), unless nothing else is looked for.
// A German one that is an English noun does as long as no other German stop word
// shows that the query is German.
func (p *planner) judge(q Query) func(Word) bool {
	german, more := false, false
	n := 0
	for _, g := range q.Groups {
		for _, t := range g.Terms {
			more = more || t.Quoted || t.Prefix
			for _, w := range p.words[n] {
				german = german || w.German == "" && w.English != "" && !w.englishNoun()
			}
			n++
		}
	}
	says := func(w Word) bool {
		return w.English != "" && (w.German != "" || w.englishNoun() && !german)
	}
	for _, of := range p.words[:n] {
		more = more || slices.ContainsFunc(of, says)
	}
	if more {
		return says
	}
	return func(w Word) bool { return len(w.lexemes()) > 0 }
}

// group adds what is looked for; n is the index of its first term.
func (p *planner) group(g Group, n int) {
	var choice []string
	for i, t := range g.Terms {
		words := p.words[n+i]
		var parts []string
		if t.Quoted {
			if phrase := p.phrase(t, words); phrase != "" {
				parts = []string{phrase}
			} else {
				p.notef("%q has no word that is in the index, so it is not required.", t.Text)
			}
		} else {
			parts = p.several(t, words)
		}
		p.speaksFor(t, words)
		switch {
		case len(parts) == 0:
		case len(g.Terms) == 1 && !t.Quoted:
			p.want = append(p.want, parts...)
		default:
			choice = append(choice, both(parts))
		}
	}
	switch {
	case len(choice) == 0:
	case g.required():
		p.must = append(p.must, either(choice))
	default:
		p.want = append(p.want, either(choice))
	}
}

// several are the words of a term that are looked for by themselves.
func (p *planner) several(t Term, words []Word) []string {
	var parts []string
	for i, w := range words {
		goesOn := t.Prefix && i == len(words)-1
		if goesOn && utf8.RuneCountInString(w.Plain) < minPrefix {
			p.notef("%q is too short to stand before *; at least %d characters are needed. It was searched for as a word.", w.Plain, minPrefix)
			goesOn = false
		}
		if goesOn || p.telling(w) {
			parts = append(parts, one(w, goesOn))
		}
	}
	return parts
}

// phrase is words that follow one another. One that is not in the index leaves a
// gap, as it does there.
func (p *planner) phrase(t Term, words []Word) string {
	var b strings.Builder
	first, last := 0, 0
	for i, w := range words {
		goesOn := t.Prefix && i == len(words)-1 && utf8.RuneCountInString(w.Plain) >= minPrefix
		if !goesOn && len(w.lexemes()) == 0 {
			continue
		}
		if first == 0 {
			first = w.Position
		} else {
			b.WriteString(" <" + strconv.Itoa(w.Position-last) + "> ")
		}
		b.WriteString(one(w, goesOn))
		last = w.Position
	}
	if first == last {
		return b.String()
	}
	return "(" + b.String() + ")"
}

// speaksFor adds the words of a term to what texts are ranked by.
func (p *planner) speaksFor(t Term, words []Word) {
	for i, w := range words {
		if t.Prefix && i == len(words)-1 && utf8.RuneCountInString(w.Plain) >= minPrefix {
			p.rank = append(p.rank, quote(w.Plain)+":*")
		} else if !t.Quoted && !p.telling(w) {
			continue
		}
		for _, l := range w.lexemes() {
			p.rank = append(p.rank, quote(l))
		}
	}
}

func (p *planner) exclude(t Term, n int) {
	phrase := p.phrase(t, p.words[n])
	if phrase == "" {
		p.notef("%q is in no index, so it cannot be excluded.", t.Text)
		return
	}
	p.unless = append(p.unless, phrase)
}

func (p *planner) finish(q Query) Plan {
	p.must, p.want, p.rank = unique(p.must), unique(p.want), unique(p.rank)
	if len(p.must)+len(p.want) == 0 {
		if len(q.Groups) == 0 && len(q.Excluded) > 0 {
			p.notef("The query only says what to leave out; add what to look for.")
		} else {
			p.notef("The query has no word that can be searched for.")
		}
		return Plan{Notes: p.plan.Notes}
	}
	var not []string
	if len(p.unless) > 0 {
		not = []string{"!" + either(unique(p.unless))}
	}
	p.plan.All = both(slices.Concat(p.must, p.want, not))
	switch {
	case len(p.must) > 0 && len(p.want) > 0:
		p.plan.Some = both(slices.Concat(p.must, not))
	case len(p.want) > 1:
		p.plan.Some = both(slices.Concat([]string{either(p.want)}, not))
	}
	p.plan.Rank = strings.Join(p.rank, " | ")
	return p.plan
}

func (p *planner) notef(format string, args ...any) {
	p.plan.Notes = append(p.plan.Notes, fmt.Sprintf(format, args...))
}

// one is a word as the choice of its stems, and of what it goes on to.
func one(w Word, goesOn bool) string {
	var choice []string
	if goesOn {
		choice = append(choice, quote(w.Plain)+":*")
	}
	for _, l := range w.lexemes() {
		choice = append(choice, quote(l))
	}
	return either(choice)
}

// quote makes an operand of a lexeme, whatever is in it.
func quote(lexeme string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(lexeme) + "'"
}

func either(parts []string) string { return joined(parts, " | ") }

func both(parts []string) string { return joined(parts, " & ") }

func joined(parts []string, operator string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, operator) + ")"
}

func unique(parts []string) []string {
	slices.Sort(parts)
	return slices.Compact(parts)
}
