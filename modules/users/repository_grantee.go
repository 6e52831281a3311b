package users

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Grantee is whom something can be shared with: a person, or an API key and the
// person whose key it is.
type Grantee struct {
	UserID   int64
	Username string
	// APIKeyID is nil for a person; name and prefix are then empty.
	APIKeyID     *uuid.UUID
	APIKeyName   string
	APIKeyPrefix string
}

// selectPerson is served by the primary key or by the unique index on
// lower(username).
const selectPerson = `
select id, username
from users
where is_active
  and (id = $1 or lower(username) = lower($2))`

// FindPerson finds the active user with this id or, where that is 0, this name in
// whatever case. One who was deactivated is [ErrNotFound], like one who never was.
func (r *Repository) FindPerson(ctx context.Context, id int64, username string) (Grantee, error) {
	var g Grantee
	err := r.db.Querier(ctx).QueryRow(ctx, selectPerson, id, username).Scan(&g.UserID, &g.Username)
	return g, r.notFound(err)
}

// selectKey is served by the primary keys.
const selectKey = `
select u.id, u.username, k.id, k.name, k.prefix
from api_keys k
join users u on u.id = k.user_id
where k.id = $1
  and k.is_active
  and (k.expires_at is null or k.expires_at > now())
  and u.is_active`

// FindKey finds an API key that is in force, whoever owns it. One that was revoked
// or has expired is [ErrNotFound], like one that never was.
func (r *Repository) FindKey(ctx context.Context, id uuid.UUID) (Grantee, error) {
	var g Grantee
	err := r.db.Querier(ctx).QueryRow(ctx, selectKey, id).
		Scan(&g.UserID, &g.Username, &g.APIKeyID, &g.APIKeyName, &g.APIKeyPrefix)
	return g, r.notFound(err)
}

func (r *Repository) notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return r.db.Translate(err)
}
