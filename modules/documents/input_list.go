package documents

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/modules/documents/filter"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// MaxQuery bounds the text of a [ListQuery], in characters.
const MaxQuery = 1000

// ListQuery asks for documents. Empty fields do not narrow.
type ListQuery struct {
	// Status is one of [Statuses]; without one the deleted are left out.
	Status string
	// Deleted asks for those in the bin, as the status deleted does.
	Deleted bool
	// Metadata is what the metadata must have, in the language of the package filter.
	Metadata json.RawMessage
	// Text has words of names, paths and metadata, all of which a document must have,
	// or words that begin so; in whatever case, up to [MaxQuery] characters.
	Text string
	Page database.Page
}

// Filter is a [ListQuery] that has been understood.
type Filter struct {
	Status   Status
	Metadata filter.Filter
	Text     string
	// Words are those of the text, as the index has them.
	Words []string
}

// joints are the characters that join words in names. The column documents.search has
// spaces in their place, and so has what is looked for in it.
var joints = strings.NewReplacer("<", " ", ">", " ", "_", " ", "~", " ", "/", " ", "@", " ", "-", " ", ".", " ", "+", " ", "&", " ")

// filter reads the query; a value that does not exist is an error.
func (q ListQuery) filter() (Filter, error) {
	f := Filter{Text: strings.TrimSpace(norm.NFC.String(q.Text))}
	if utf8.RuneCountInString(q.Text) > MaxQuery {
		return f, apperr.InvalidFields([]apperr.Field{{Location: "query.q", Message: fmt.Sprintf("may be at most %d characters long", MaxQuery)}})
	}
	if q.Status != "" {
		var ok bool
		if f.Status, ok = ParseStatus(q.Status); !ok {
			return f, errUnknownStatus.WithMessagef("Invalid status: %q is not one of pending, processing, completed, failed, deleted.", q.Status)
		}
	}
	if q.Deleted {
		if f.Status != "" && f.Status != StatusDeleted {
			return f, errNotBoth
		}
		f.Status = StatusDeleted
	}
	var err error
	if f.Metadata, err = filter.Parse(q.Metadata); err != nil {
		return f, ErrBadFilter.WithMessagef("The parameter metadata cannot be used: %v.", err).WithCause(err)
	}
	return f, nil
}

// wordQuery looks for documents that have all of the words, or words that begin so, in
// the language of PostgreSQL's tsquery.
func wordQuery(words []string) string {
	terms := make([]string, len(words))
	for i, word := range words {
		terms[i] = "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(word) + "':*"
	}
	return strings.Join(terms, " & ")
}
