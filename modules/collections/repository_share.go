package collections

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/database"
)

// insertGrant is served by the unique keys (user_id, collection_id) and
// (api_key_id, collection_id).
const insertGrant = `
insert into collection_permissions (collection_id, user_id, api_key_id, permission, granted_by)
values ($1, $2, $3, $4, nullif($5, 0))
on conflict do nothing
returning id, created_at`

// CreateGrant gives the permission to whom the grant names, and fills in what the
// database has set. False means that they have one already.
func (r *Repository) CreateGrant(ctx context.Context, scope Scope, g *Grant, by int64) (bool, error) {
	err := r.db.Querier(ctx).QueryRow(ctx, insertGrant, scope.ID(), g.UserID, g.APIKeyID, g.Permission.String(), by).
		Scan(&g.ID, &g.CreatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, r.db.Translate(err)
}

// grantColumns and grantTables read grants with the names of those that they
// speak of. The joins go by primary keys.
const (
	grantColumns = `
select p.id, p.collection_id, p.permission, p.user_id, coalesce(u.username, o.username),
       p.api_key_id, k.name, k.prefix, p.granted_by, g.username, p.created_at`
	grantTables = `
from collection_permissions p
left join users u on u.id = p.user_id
left join api_keys k on k.id = p.api_key_id
left join users o on o.id = k.user_id
left join users g on g.id = p.granted_by`
)

// selectGrant is served by the primary key.
const selectGrant = grantColumns + grantTables + `
where p.id = $2
  and p.collection_id = $1`

// selectGrantOf is served by the unique keys (user_id, collection_id) and
// (api_key_id, collection_id).
const selectGrantOf = grantColumns + grantTables + `
where p.collection_id = $1
  and (p.user_id = $2 or p.api_key_id = $3)`

// GetGrant reads one of the collection's grants.
func (r *Repository) GetGrant(ctx context.Context, scope Scope, id int64) (Grant, error) {
	return r.oneGrant(ctx, selectGrant, scope.ID(), id)
}

// GrantOf reads what the collection's grant gives to a user or to an API key.
func (r *Repository) GrantOf(ctx context.Context, scope Scope, userID *int64, keyID *uuid.UUID) (Grant, error) {
	return r.oneGrant(ctx, selectGrantOf, scope.ID(), userID, keyID)
}

func (r *Repository) oneGrant(ctx context.Context, sql string, args ...any) (Grant, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, sql, args...)
	if err != nil {
		return Grant{}, r.db.Translate(err)
	}
	g, err := pgx.CollectExactlyOneRow(rows, scanGrant)
	if errors.Is(err, pgx.ErrNoRows) {
		return g, ErrPermissionNotFound
	}
	return g, r.db.Translate(err)
}

// scanGrant reads a row of grantColumns. A grant whose grantee has gone in the
// same instant has no name any more.
func scanGrant(row pgx.CollectableRow) (Grant, error) {
	var g Grant
	var permission string
	var username *string
	err := row.Scan(&g.ID, &g.CollectionID, &permission, &g.UserID, &username,
		&g.APIKeyID, &g.APIKeyName, &g.APIKeyPrefix, &g.GrantedBy, &g.GrantedByName, &g.CreatedAt)
	g.Permission, _ = ParsePermission(permission)
	g.Username = valueOr(username, "")
	return g, err
}

// selectGrants is served by the index on collection_id. The page is cut before
// anything is joined to it.
const selectGrants = grantColumns + `
from (
  select *
  from collection_permissions
  where collection_id = $1
  order by id
  offset $2
  limit $3
) p
left join users u on u.id = p.user_id
left join api_keys k on k.id = p.api_key_id
left join users o on o.id = k.user_id
left join users g on g.id = p.granted_by
order by p.id`

// countGrants is served by the index on collection_id.
const countGrants = `
select count(*)
from collection_permissions
where collection_id = $1`

// ListGrants lists the collection's grants in the order in which they were given,
// with the total.
func (r *Repository) ListGrants(ctx context.Context, scope Scope, page database.Page) ([]Grant, int64, error) {
	var total int64
	if err := r.db.Querier(ctx).QueryRow(ctx, countGrants, scope.ID()).Scan(&total); err != nil {
		return nil, 0, r.db.Translate(err)
	}
	rows, err := r.db.Querier(ctx).Query(ctx, selectGrants, scope.ID(), max(page.Offset, 0), min(max(page.Limit, 1), database.MaxList))
	if err != nil {
		return nil, 0, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, scanGrant)
	return found, total, r.db.Translate(err)
}

// updateGrant and deleteGrant are served by the primary key.
const (
	updateGrant = `
update collection_permissions
set permission = $3
where id = $2
  and collection_id = $1`

	deleteGrant = `
delete from collection_permissions
where id = $2
  and collection_id = $1`
)

// UpdateGrant changes what one of the collection's grants allows.
func (r *Repository) UpdateGrant(ctx context.Context, scope Scope, id int64, to Permission) error {
	return r.onGrant(ctx, updateGrant, scope.ID(), id, to.String())
}

// DeleteGrant takes one of the collection's grants back.
func (r *Repository) DeleteGrant(ctx context.Context, scope Scope, id int64) error {
	return r.onGrant(ctx, deleteGrant, scope.ID(), id)
}

func (r *Repository) onGrant(ctx context.Context, sql string, args ...any) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, sql, args...)
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrPermissionNotFound
	}
	return nil
}
