package collections

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

// ListQuery asks for collections. Empty fields do not narrow.
type ListQuery struct {
	// IncludePublic adds the public collections of others.
	IncludePublic bool
	// All asks for everybody's collections; only a superuser may.
	All bool
	// Text is looked for in names and descriptions, without regard to case.
	Text string
	// Status is one of [Statuses].
	Status string
	// Owner is the name of the user whose they are, in whatever case.
	Owner string
	// Sort is one of [SortNames], with a - before it for the other way round;
	// "-created_at" if empty.
	Sort string
	Page database.Page
}

// SortNames are what a list can be sorted by.
var SortNames = []string{"name", "created_at", "updated_at", "document_count", "vector_count", "total_size_bytes"}

// defaultSort is newest first.
const defaultSort = "-created_at"

// Filter is a [ListQuery] that has been understood.
type Filter struct {
	IncludePublic bool
	All           bool
	Text          string
	Status        Status
	Owner         string
	// Sort is one of [SortNames], ascending unless Descending.
	Sort       string
	Descending bool
}

// filter reads the query; a value that does not exist is an error.
func (q ListQuery) filter() (Filter, error) {
	f := Filter{IncludePublic: q.IncludePublic, All: q.All, Text: norm.NFC.String(strings.TrimSpace(q.Text)), Owner: strings.TrimSpace(q.Owner)}
	if utf8.RuneCountInString(f.Text) > MaxName {
		return f, apperr.InvalidFields([]apperr.Field{{Location: "query.q", Message: "may be at most 255 characters long"}})
	}
	if q.Status != "" {
		status, ok := ParseStatus(strings.ToLower(q.Status))
		if !ok {
			return f, errUnknownStatus.WithMessagef("Invalid status: %q is not one of pending, processing, ready, error, degraded.", q.Status)
		}
		f.Status = status
	}
	sort := q.Sort
	if sort == "" {
		sort = defaultSort
	}
	f.Sort, f.Descending = strings.CutPrefix(sort, "-")
	if _, ok := orders[f.Sort]; !ok {
		return f, errUnknownSort.WithMessagef("Invalid sort: %q is not one of %s; a - before it turns it round.", q.Sort, strings.Join(SortNames, ", "))
	}
	return f, nil
}

// orders are the expressions behind [SortNames].
var orders = map[string]string{
	"name":             "lower(collections.name)",
	"created_at":       "collections.created_at",
	"updated_at":       "collections.updated_at",
	"document_count":   "collections.document_count",
	"vector_count":     "collections.vector_count",
	"total_size_bytes": "collections.total_size_bytes",
}
