package collections

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"
)

// CountOwned counts the collections that a user owns. It is served by the index on
// owner_id.
func (r *Repository) CountOwned(ctx context.Context, userID int64) (int64, error) {
	var n int64
	err := r.db.Session(ctx).Model(&Collection{}).Where("owner_id = ? and deleted_at is null", userID).Count(&n).Error
	return n, r.db.Translate(err)
}

// LockOwned locks collections that a user owns and gives them: those after an id,
// in the order of their ids, as everybody locks who locks several, and at most
// limit. It is served by the index on owner_id.
func (r *Repository) LockOwned(ctx context.Context, userID int64, after uuid.UUID, limit int) ([]Collection, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return nil, err
	}
	var owned []Collection
	err := r.db.Session(ctx).
		Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).
		Where("owner_id = ? and deleted_at is null and id > ?", userID, after).
		Order("id").Limit(limit).
		Find(&owned).Error
	return owned, r.db.Translate(err)
}

// setOwner is served by the primary key.
const setOwner = `
update collections
set owner_id = $2,
    updated_at = now()
where id = any($1)
  and deleted_at is null`

// deleteOwnersGrants is served by the unique key (user_id, collection_id).
const deleteOwnersGrants = `
delete from collection_permissions
where user_id = $2
  and collection_id = any($1)`

// SetOwner makes a user the owner of these collections, whose rows are locked. What
// was shared with the user is theirs now, and not shared any more.
func (r *Repository) SetOwner(ctx context.Context, ids []uuid.UUID, userID int64) error {
	for _, sql := range []string{setOwner, deleteOwnersGrants} {
		if _, err := r.db.Querier(ctx).Exec(ctx, sql, ids, userID); err != nil {
			return r.db.Translate(err)
		}
	}
	return nil
}

// releaseTombstones is served by the index on owner_id.
const releaseTombstones = `
update collections
set owner_id = null
where owner_id = $1
  and deleted_at is not null`

// ReleaseTombstones takes a user's name off the collections that they owned and
// that were deleted, so that the user can go.
func (r *Repository) ReleaseTombstones(ctx context.Context, userID int64) error {
	_, err := r.db.Querier(ctx).Exec(ctx, releaseTombstones, userID)
	return r.db.Translate(err)
}
