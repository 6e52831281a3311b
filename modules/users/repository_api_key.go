package users

import (
	"context"
	"time"

	"github.com/google/uuid"

	"semantik/platform/database"
)

// countKeysInForce is served by ix_api_keys_user_id_name, which leads with the
// user.
const countKeysInForce = `
select count(*)
from api_keys
where user_id = $1
  and is_active
  and (expires_at is null or expires_at > now())`

// CountActiveAPIKeys counts the user's keys that are neither revoked nor expired.
// Whoever acts on the answer holds the user's row by [Repository.Lock].
func (r *Repository) CountActiveAPIKeys(ctx context.Context, userID int64) (int, error) {
	var n int
	err := r.db.Querier(ctx).QueryRow(ctx, countKeysInForce, userID).Scan(&n)
	return n, r.db.Translate(err)
}

const insertAPIKey = `
insert into api_keys (id, user_id, name, prefix, key_hash, permissions, expires_at)
values (?, ?, ?, ?, ?, ?, now() + make_interval(days => ?))
returning *`

// CreateAPIKey inserts a key that expires after so many days, and fills in what the
// database has set. [ErrAPIKeyNameTaken] when the user has one of that name.
func (r *Repository) CreateAPIKey(ctx context.Context, k *APIKey, days int) error {
	err := r.db.Session(ctx).Raw(insertAPIKey, k.ID, k.UserID, k.Name, k.Prefix, k.KeyHash, k.Permissions, days).Scan(k).Error
	return r.db.Translate(err)
}

// ownedBy keeps to one user's keys.
func ownedBy(userID int64) database.Condition {
	return database.Where("api_keys.user_id = ?", userID)
}

// ListAPIKeys lists a user's keys, revoked and expired ones too, newest first,
// with the total. It is served by ix_api_keys_user_id_name.
func (r *Repository) ListAPIKeys(ctx context.Context, userID int64, page database.Page) ([]APIKey, int64, error) {
	return r.apiKeys().List(ctx, page, "api_keys.created_at desc, api_keys.id", ownedBy(userID))
}

// GetAPIKey reads one of a user's keys; another user's is [ErrAPIKeyNotFound].
func (r *Repository) GetAPIKey(ctx context.Context, userID int64, id uuid.UUID) (APIKey, error) {
	return r.apiKeys().Get(ctx, id, ownedBy(userID))
}

const updateKeyActive = `
update api_keys
set is_active = $3,
    revoked_at = case when $3 then null else now() end
where user_id = $1
  and id = $2`

// SetAPIKeyActive revokes one of a user's keys, or takes that back.
func (r *Repository) SetAPIKeyActive(ctx context.Context, userID int64, id uuid.UUID, active bool) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, updateKeyActive, userID, id, active)
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrAPIKeyNotFound
	}
	return nil
}

// purgeAPIKeys reads the whole table, which has a few rows for each user and which a task
// looks through once an hour. What others are at is left to them.
const purgeAPIKeys = `
delete from api_keys
where id in (
  select id
  from api_keys
  where expires_at < now() - $1::interval
     or not is_active and revoked_at < now() - $1::interval
  limit $2
  for update skip locked
)`

// PurgeAPIKeys removes keys, anybody's, that have expired or were revoked longer ago than
// that, at most limit, with what was shared with them, and tells how many.
func (r *Repository) PurgeAPIKeys(ctx context.Context, age time.Duration, limit int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, purgeAPIKeys, age, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

func (r *Repository) apiKeys() database.Table[APIKey, uuid.UUID] {
	return database.Table[APIKey, uuid.UUID]{DB: r.db, Key: "id", NotFound: ErrAPIKeyNotFound}
}
