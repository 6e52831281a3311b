package web

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/apperr"
)

const (
	defaultPerPage  = 50
	defaultPageSize = 20
	maxPageSize     = 100
	// maxCursor bounds a cursor, which is small by nature.
	maxCursor = 1024
)

// Page is paging by page and per_page, embedded in an input. limit is another
// name for per_page, which wins when both are there.
type Page struct {
	Page    int `query:"page" minimum:"1" maximum:"10000000" default:"1" doc:"Which page, from 1."`
	PerPage int `query:"per_page" minimum:"1" maximum:"100" doc:"How many on a page; 50 when it is not given."`
	Limit   int `query:"limit" minimum:"1" maximum:"100" doc:"Another name for per_page."`
}

// Size is how many on a page.
func (p Page) Size() int {
	switch {
	case p.PerPage > 0:
		return p.PerPage
	case p.Limit > 0:
		return p.Limit
	default:
		return defaultPerPage
	}
}

// Offset is how many come before the page.
func (p Page) Offset() int { return (max(1, p.Page) - 1) * p.Size() }

// Info is the part of the answer that is about paging, for embedding.
func (p Page) Info(total int64) PageInfo {
	return PageInfo{Total: total, Page: max(1, p.Page), PerPage: p.Size()}
}

// PageInfo tells where the page is, embedded in an answer beside the list.
type PageInfo struct {
	Total   int64 `json:"total" doc:"How many there are in all."`
	Page    int   `json:"page"`
	PerPage int   `json:"per_page"`
}

// Window is paging by offset and limit, embedded in an input.
type Window struct {
	Offset int `query:"offset" minimum:"0" maximum:"1000000000" default:"0" doc:"How many to leave out."`
	Limit  int `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many to give."`
}

// Items is the answer to a [Window].
type Items[T any] struct {
	Items  []T   `json:"items"`
	Total  int64 `json:"total" doc:"How many there are in all."`
	Offset int   `json:"offset"`
	Limit  int   `json:"limit"`
}

// NewItems is the answer with these items.
func NewItems[T any](items []T, total int64, window Window) Items[T] {
	return Items[T]{Items: items, Total: total, Offset: window.Offset, Limit: window.Limit}
}

// Cursor is paging by page and page_size, or by key with after, which is as quick
// at the end of a long list as at its beginning. It is embedded in an input.
//
// An input that embeds it has no Resolve method of its own: it would hide this
// type's, unless it calls it.
type Cursor struct {
	Page     int    `query:"page" minimum:"1" maximum:"10000000" default:"1" doc:"Which page, from 1; not together with after."`
	PageSize int    `query:"page_size" minimum:"1" maximum:"1000" default:"20" doc:"How many on a page; more than 100 only together with after."`
	After    string `query:"after" maxLength:"1024" doc:"The member next of the answer before."`
}

// ByKey reports whether the page is asked for by key.
func (c Cursor) ByKey() bool { return c.After != "" }

// Offset is how many come before the page, when it is not asked for by key.
func (c Cursor) Offset() int { return (max(1, c.Page) - 1) * c.Size() }

// Size is how many on a page.
func (c Cursor) Size() int {
	if c.PageSize <= 0 {
		return defaultPageSize
	}
	return c.PageSize
}

// Resolve checks what the two ways allow; Huma calls it.
func (c *Cursor) Resolve(huma.Context) []error {
	var errs []error
	if !c.ByKey() && c.PageSize > maxPageSize && c.PageSize <= 10*maxPageSize {
		errs = append(errs, &huma.ErrorDetail{Location: "query.page_size", Message: "must be at most 100 without after", Value: c.PageSize})
	}
	if c.ByKey() && c.Page > 1 {
		errs = append(errs, &huma.ErrorDetail{Location: "query.page", Message: "must not be given together with after", Value: c.Page})
	}
	return errs
}

// EncodeCursor makes the opaque text of a key, which is anything that JSON can
// hold. It is not secret and not signed: check what comes back.
func EncodeCursor(key any) string {
	data, err := json.Marshal(key)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// DecodeCursor reads what [EncodeCursor] made into key, a pointer. The error is an
// apperr of kind Invalid that names query.after.
func DecodeCursor(text string, key any) error {
	bad := apperr.InvalidFields([]apperr.Field{{Location: "query.after", Message: "must be the member next of an answer to this request", Value: text}})
	if len(text) > maxCursor {
		return bad
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return bad
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(key); err != nil || decoder.More() {
		return bad
	}
	return nil
}
