package audit

import (
	"context"

	"semantik/platform/auth"
)

// List gives entries, newest first: a user's own, and to a superuser in person
// everybody's. An API key needs the scope admin, and gives its owner's.
//
// It returns [auth.ErrUnauthenticated] without an identity, [auth.ErrScopeMissing]
// for an API key without the scope or confined to some collections, and an error
// of kind Invalid for a value that no entry can have.
func (l *Log) List(ctx context.Context, q Query) (Page, error) {
	who, err := auth.RequireUnconfined(ctx, auth.ScopeAdmin)
	if err != nil {
		return Page{}, err
	}
	if err := q.Validate(); err != nil {
		return Page{}, err
	}
	var owner *int64
	if !who.IsSuperuser || who.ViaAPIKey() {
		owner = &who.UserID
	}
	// One more than asked for tells whether there is a next page.
	found, err := l.selectItems(ctx, owner, q, q.size()+1)
	if err != nil {
		return Page{}, err
	}
	page := Page{Items: found}
	if len(found) > q.size() {
		page.Items = found[:q.size()]
		last := page.Items[q.size()-1]
		page.Next = &Key{CreatedAt: last.CreatedAt, ID: last.ID}
	}
	return page, nil
}
