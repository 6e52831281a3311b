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
		return db.Where(`(
  collections.owner_id = @user
  or (@public and collections.is_public)
  or exists (
    select 1
    from collection_permissions p
    where p.collection_id = collections.id
      and (p.user_id = @user or p.api_key_id = @key)
  )
)`, map[string]any{"user": who.UserID, "key": who.APIKeyID, "public": includePublic})
	}
	return r.table.List(ctx, page, "collections.created_at desc, collections.id", live, visible)
}
