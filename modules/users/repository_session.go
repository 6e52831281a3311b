package users

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// PresentedToken is a refresh token as it is found when somebody presents it.
type PresentedToken struct {
	RefreshToken `gorm:"embedded"`

	// Recent is set when it was revoked within the last minute.
	Recent bool
}

// CreateRefreshToken stores a session's token, by its hash.
func (r *Repository) CreateRefreshToken(ctx context.Context, t *RefreshToken) error {
	return r.tokens.Create(ctx, t)
}

// PresentRefreshToken reads the token with this hash, by the unique index on it.
func (r *Repository) PresentRefreshToken(ctx context.Context, hash string) (PresentedToken, error) {
	var t PresentedToken
	err := r.db.Session(ctx).Model(&RefreshToken{}).
		Select("*, coalesce(revoked_at > now() - interval '60 seconds', false) as recent").
		Where("token_hash = ?", hash).
		Take(&t).Error
	return t, r.tokenError(err)
}

// GetRefreshToken reads one by its id.
func (r *Repository) GetRefreshToken(ctx context.Context, id uuid.UUID) (RefreshToken, error) {
	var t RefreshToken
	err := r.db.Session(ctx).Where("id = ?", id).Take(&t).Error
	return t, r.tokenError(err)
}

// GoodRefreshToken reads the one token of the family that is good, by the unique
// index on those.
func (r *Repository) GoodRefreshToken(ctx context.Context, family uuid.UUID) (RefreshToken, error) {
	var t RefreshToken
	err := r.db.Session(ctx).Where("family = ? and revoked_at is null", family).Take(&t).Error
	return t, r.tokenError(err)
}

func (r *Repository) tokenError(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return errUnknownToken
	}
	return r.db.Translate(err)
}

// By the primary key. The row that is revoked leaves the unique index on a family's
// good one before the row that follows enters it.
const rotateToken = `
with rotated as (
  update refresh_tokens
  set revoked_at = now(),
      last_used_at = now(),
      replaced_by = $2
  where id = $1
    and revoked_at is null
  returning user_id, family
)
insert into refresh_tokens (id, user_id, token_hash, family, client_address, user_agent, expires_at)
select $2, user_id, $3, family, $4, $5, $6
from rotated`

// RotateRefreshToken revokes a good token for another one of the same family;
// errUnknownToken when it is good no longer.
func (r *Repository) RotateRefreshToken(ctx context.Context, old uuid.UUID, next RefreshToken) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, rotateToken,
		old, next.ID, next.TokenHash, next.ClientAddress, next.UserAgent, next.ExpiresAt)
	if err == nil && tag.RowsAffected() == 0 {
		return errUnknownToken
	}
	return r.db.Translate(err)
}

// By the unique index on a family's good token.
const revokeFamily = `
update refresh_tokens
set revoked_at = now()
where family = any($1)
  and user_id = $2
  and revoked_at is null`

// RevokeFamilies ends the sessions that these families of the user's are, and
// gives how many had not ended yet.
func (r *Repository) RevokeFamilies(ctx context.Context, userID int64, families ...uuid.UUID) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, revokeFamily, families, userID)
	return tag.RowsAffected(), r.db.Translate(err)
}

// By the index on user_id.
const revokeAll = `
update refresh_tokens
set revoked_at = now()
where user_id = $1
  and revoked_at is null`

const raiseGeneration = `
update users
set session_generation = session_generation + 1
where id = $1`

// EndSessions ends every session of a user at once: the refresh tokens are
// revoked, and access tokens are of an old generation from now on. It gives how
// many sessions could still have been refreshed.
func (r *Repository) EndSessions(ctx context.Context, userID int64) (int64, error) {
	if _, err := r.db.Querier(ctx).Exec(ctx, raiseGeneration, userID); err != nil {
		return 0, r.db.Translate(err)
	}
	tag, err := r.db.Querier(ctx).Exec(ctx, revokeAll, userID)
	return tag.RowsAffected(), r.db.Translate(err)
}

// Standing is what may change about an account, or about an API key of its, while a
// request lasts.
type Standing struct {
	UserIsActive      bool
	UserIsSuperuser   bool
	SessionGeneration int64
	// KeyIsActive is false, too, for a key that is not the user's.
	KeyIsActive bool
}

// Bearer is what a request of a person is judged by.
type Bearer struct {
	Username          string
	IsActive          bool
	IsSuperuser       bool
	SessionGeneration int64
}

// By the primary key. It is the one statement that each request with an access token
// costs.
const selectBearer = `
select username, is_active, is_superuser, session_generation
from users
where id = $1`

// FindBearer reads the user that an access token is of; [ErrNotFound] when the user was
// deleted.
func (r *Repository) FindBearer(ctx context.Context, userID int64) (Bearer, error) {
	var b Bearer
	err := r.db.Querier(ctx).QueryRow(ctx, selectBearer, userID).
		Scan(&b.Username, &b.IsActive, &b.IsSuperuser, &b.SessionGeneration)
	if errors.Is(err, pgx.ErrNoRows) {
		return b, ErrNotFound
	}
	return b, r.db.Translate(err)
}

// By the primary keys.
const selectStanding = `
select u.is_active, u.is_superuser, u.session_generation,
       exists (select 1 from api_keys k where k.id = $2 and k.user_id = u.id and k.is_active)
from users u
where u.id = $1`

// Standing reads how a user and the API key in use stand now; the nil UUID is no
// key. [ErrNotFound] when the user was deleted.
func (r *Repository) Standing(ctx context.Context, userID int64, keyID uuid.UUID) (Standing, error) {
	var now Standing
	err := r.db.Querier(ctx).QueryRow(ctx, selectStanding, userID, keyID).
		Scan(&now.UserIsActive, &now.UserIsSuperuser, &now.SessionGeneration, &now.KeyIsActive)
	if errors.Is(err, pgx.ErrNoRows) {
		return now, ErrNotFound
	}
	return now, r.db.Translate(err)
}

// By the primary key.
const noteReuse = `
update refresh_tokens
set last_used_at = now()
where id = $1
  and (last_used_at is null or last_used_at <= now() - interval '60 seconds')`

// NoteReuse sets when a token that is good for nothing was last presented, and
// reports whether that has not been noted within the last minute.
func (r *Repository) NoteReuse(ctx context.Context, id uuid.UUID) (bool, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, noteReuse, id)
	return tag.RowsAffected() > 0, r.db.Translate(err)
}

// By the index on expires_at. What others are purging is left to them.
const purgeExpired = `
delete from refresh_tokens
where id in (
  select id
  from refresh_tokens
  where expires_at <= now()
  order by expires_at
  limit $1
  for update skip locked
)`

// purgedByTraffic is how many expired tokens go whenever one is made.
const purgedByTraffic = 50

// PurgeRefreshTokens removes some of the tokens, anybody's, that have expired, at most
// limit, and tells how many.
func (r *Repository) PurgeRefreshTokens(ctx context.Context, limit int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, purgeExpired, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

// CommitWithoutWaiting lets the commit of the transaction answer before it is on
// the disk: a crash of the machine within the next moment undoes it as a whole.
func (r *Repository) CommitWithoutWaiting(ctx context.Context) error {
	_, err := r.db.Querier(ctx).Exec(ctx, "set local synchronous_commit = off")
	return r.db.Translate(err)
}
