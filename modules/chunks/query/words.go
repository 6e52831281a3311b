package query

import (
	"errors"
	"strconv"
	"strings"
)

// Words reads what PostgreSQL makes of a term: the text form of a tsvector of the
// words as they are, of their English and of their German stems, in which a word has
// the same position in each.
func Words(term int, plain, english, german string) ([]Word, error) {
	at := map[int]*Word{}
	last := 0
	for i, vector := range []string{plain, english, german} {
		err := lexemes(vector, func(lexeme string, position int) {
			w := at[position]
			if w == nil {
				w = &Word{Term: term, Position: position}
				at[position] = w
				last = max(last, position)
			}
			switch i {
			case 0:
				w.Plain = lexeme
			case 1:
				w.English = lexeme
			default:
				w.German = lexeme
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var words []Word
	for position := 1; position <= last; position++ {
		if w := at[position]; w != nil {
			words = append(words, *w)
		}
	}
	return words, nil
}

var errVector = errors.New("PostgreSQL wrote a tsvector in a way that is not known")

// maxPosition is PostgreSQL's.
const maxPosition = 16383

// lexemes reads a tsvector as text: 'it”s':1,3 'word':2.
func lexemes(vector string, each func(lexeme string, position int)) error {
	for vector != "" {
		lexeme, rest, err := quotedLexeme(vector)
		if err != nil {
			return err
		}
		var positions string
		positions, vector, _ = strings.Cut(rest, " ")
		positions, ok := strings.CutPrefix(positions, ":")
		if !ok {
			return errVector
		}
		for text := range strings.SplitSeq(positions, ",") {
			position, err := strconv.Atoi(text)
			if err != nil || position < 1 || position > maxPosition {
				return errVector
			}
			each(lexeme, position)
		}
	}
	return nil
}

// quotedLexeme reads the lexeme at the beginning, in which quotes and backslashes
// are doubled.
func quotedLexeme(vector string) (lexeme, rest string, err error) {
	if vector[0] != '\'' {
		return "", "", errVector
	}
	var b strings.Builder
	for i := 1; i < len(vector); i++ {
		c := vector[i]
		doubled := i+1 < len(vector) && vector[i+1] == c
		switch {
		case (c == '\'' || c == '\\') && doubled:
			i++
		case c == '\'':
			return b.String(), vector[i+1:], nil
		}
		b.WriteByte(c)
	}
	return "", "", errVector
}
