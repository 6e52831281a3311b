package users

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// StoredPreferences are a user's preferences as they are stored, section by
// section; what is absent has its default.
type StoredPreferences struct {
	Sections  map[string]json.RawMessage
	CreatedAt time.Time
	UpdatedAt time.Time
}

const selectPreferences = `
select preferences, created_at, updated_at
from users
where id = $1`

// GetPreferences reads a user's preferences.
func (r *Repository) GetPreferences(ctx context.Context, userID int64) (StoredPreferences, error) {
	return r.preferences(ctx, selectPreferences, userID)
}

// mergePreferences replaces whole sections and leaves the others alone, also when
// two requests replace two of them at once.
const mergePreferences = `
update users
set preferences = preferences || $2,
    updated_at = now()
where id = $1
returning preferences, created_at, updated_at`

// MergePreferences replaces the sections that are given, and gives all as they are
// then.
func (r *Repository) MergePreferences(ctx context.Context, userID int64, sections map[string]any) (StoredPreferences, error) {
	return r.preferences(ctx, mergePreferences, userID, sections)
}

const dropPreferences = `
update users
set preferences = preferences - $2::text,
    updated_at = now()
where id = $1
returning preferences, created_at, updated_at`

// DropPreferences forgets a section, which then has its defaults.
func (r *Repository) DropPreferences(ctx context.Context, userID int64, section string) (StoredPreferences, error) {
	return r.preferences(ctx, dropPreferences, userID, section)
}

func (r *Repository) preferences(ctx context.Context, sql string, args ...any) (StoredPreferences, error) {
	var p StoredPreferences
	err := r.db.Querier(ctx).QueryRow(ctx, sql, args...).Scan(&p.Sections, &p.CreatedAt, &p.UpdatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrNotFound
	}
	return p, r.db.Translate(err)
}
