package collections

import (
	"context"

	"gorm.io/gorm"

	"semantik/platform/database"
)

// ListForUser lists the collections that the caller owns or that are shared with
// them, and the public ones where asked for, newest first, with the total. A
// superuser's list is their own too: that they may see everything does not mean
// that everything is theirs.
func (r *Repository) ListForUser(ctx context.Context, who Caller, includePublic bool, page database.Page) ([]Collection, int64, error) {
	visible := func(db *gorm.DB) *gorm.DB {
		values := who.values()
		values["public"] = includePublic
		return db.Where(reachable+` and (
  collections.owner_id = @user
  or (@public and collections.is_public)
  or exists (
    select 1
    from collection_permissions p
    where p.collection_id = collections.id
      and (p.user_id = @user or p.api_key_id = @key)
  )
)`, values)
	}
	return r.table.List(ctx, page, "collections.created_at desc, collections.id", live, visible)
}
