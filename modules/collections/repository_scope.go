package collections

import (
	"context"
	"strings"

	"github.com/google/uuid"
)

// scoped is a collection's row with what the caller may do with it.
type scoped struct {
	Collection
	Granted int
}

// grantedColumn computes the caller's right in SQL, from @user, @super and @key:
// the owner and a superuser have every right, others what they were granted, and
// everybody may read a public collection. An API key acts as its owner, with
// what was granted to the key itself besides.
const grantedColumn = `
case
  when collections.owner_id = @user or @super then 3
  else greatest(
    case when collections.is_public then 1 else 0 end,
    coalesce((
      select max(case p.permission when 'admin' then 3 when 'write' then 2 else 1 end)
      from collection_permissions p
      where p.collection_id = collections.id
        and (p.user_id = @user or p.api_key_id = @key)
    ), 0))
end`

// Caller is the identity whose right is asked for.
type Caller struct {
	UserID int64
	// Super is a superuser acting in person; an API key never is one.
	Super bool
	// APIKeyID is the key that the caller uses, if any.
	APIKeyID *uuid.UUID
	// Within are the only collections that there are for the caller; nil for all.
	Within []uuid.UUID
}

func (c Caller) values() map[string]any {
	return map[string]any{"user": c.UserID, "super": c.Super, "key": c.APIKeyID, "within": c.within()}
}

// within is the array of ids as PostgreSQL reads it; nil for no bound.
func (c Caller) within() *string {
	if c.Within == nil {
		return nil
	}
	ids := make([]string, len(c.Within))
	for i, id := range c.Within {
		ids[i] = id.String()
	}
	array := "{" + strings.Join(ids, ",") + "}"
	return &array
}

// reachable keeps to what an API key is confined to.
const reachable = `(cast(@within as uuid[]) is null or collections.id = any(cast(@within as uuid[])))`

// GetByUUIDWithPermissionCheck reads the collection together with what the
// caller may do with it, in one statement. A collection that the caller may not
// even read is [ErrNotFound].
func (r *Repository) GetByUUIDWithPermissionCheck(ctx context.Context, id uuid.UUID, who Caller) (Scope, error) {
	values := who.values()
	values["id"] = id
	var found []scoped
	err := r.db.Session(ctx).Raw(`
select collections.*, `+grantedColumn+` as granted
from collections
where collections.id = @id
  and collections.deleted_at is null
  and `+reachable, values).Scan(&found).Error
	if err != nil {
		return Scope{}, r.db.Translate(err)
	}
	if len(found) == 0 || found[0].Granted < int(Read) {
		return Scope{}, ErrNotFound
	}
	return Scope{collection: found[0].Collection, granted: Permission(found[0].Granted)}, nil
}
