package users

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"semantik/platform/database"
)

// Repository has the statements on users and their sessions.
type Repository struct {
	db     *database.DB
	table  database.Table[User, int64]
	tokens database.Table[RefreshToken, string]
}

// NewRepository makes a repository on the database.
func NewRepository(db *database.DB) *Repository {
	return &Repository{
		db: db,
		table: database.Table[User, int64]{
			DB: db, Key: "id", NotFound: ErrNotFound,
			Updatable: []string{"email", "full_name", "hashed_password", "is_active", "is_superuser"},
		},
		tokens: database.Table[RefreshToken, string]{DB: db, Key: "token_hash", NotFound: errUnknownToken},
	}
}

// Create inserts a user; [ErrUsernameTaken] or [ErrEmailTaken] when there is one
// already.
func (r *Repository) Create(ctx context.Context, u *User) error {
	return r.table.Create(ctx, u)
}

// Get reads one user.
func (r *Repository) Get(ctx context.Context, id int64) (User, error) {
	return r.table.Get(ctx, id)
}

// GetByLogin reads the user with this name or, when it has an @, this e-mail
// address, in whatever case. It is served by the unique indexes on
// lower(username) and lower(email).
func (r *Repository) GetByLogin(ctx context.Context, login string) (User, error) {
	var u User
	err := r.db.Session(ctx).Where("lower(username) = lower(?) or lower(email) = lower(?)", login, login).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return u, ErrNotFound
	}
	return u, r.db.Translate(err)
}

// FirstSuperuser reads the active superuser with the preferred name, or the
// oldest one when that is none. It is asked once a start and reads all users.
func (r *Repository) FirstSuperuser(ctx context.Context, preferred string) (User, error) {
	var u User
	err := r.db.Session(ctx).
		Where("is_superuser and is_active").
		Order(clause.OrderBy{Expression: gorm.Expr("lower(username) = lower(?) desc, id", preferred)}).
		Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return u, errNoSuperuser
	}
	return u, r.db.Translate(err)
}

// GetByUsername reads the user with this name, in whatever case, by the unique
// index on lower(username).
func (r *Repository) GetByUsername(ctx context.Context, username string) (User, error) {
	var u User
	err := r.db.Session(ctx).Where("lower(username) = lower(?)", username).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return u, ErrNotFound
	}
	return u, r.db.Translate(err)
}

// List lists the users by name, with the total: all, or those who have the query
// in their name, full name or e-mail address. The order is that of the index on
// lower(username); a query reads all users, since it may stand anywhere.
func (r *Repository) List(ctx context.Context, query string, page database.Page) ([]User, int64, error) {
	var conditions []database.Condition
	if query != "" {
		pattern := "%" + database.EscapeLike(query) + "%"
		conditions = append(conditions, database.Where(
			"username ilike @pattern or email ilike @pattern or full_name ilike @pattern", sql.Named("pattern", pattern)))
	}
	return r.table.List(ctx, page, "lower(username), id", conditions...)
}

// Update changes columns of the allow-list.
func (r *Repository) Update(ctx context.Context, id int64, changes map[string]any) (User, error) {
	return r.table.Update(ctx, id, changes)
}

// Delete removes a user. One who owns collections cannot be removed: the
// database refuses it.
func (r *Repository) Delete(ctx context.Context, id int64) error {
	return r.table.Delete(ctx, id)
}

// LockFirst makes those who may be the first user wait for one another until the
// transaction ends, and reports whether there is none yet.
func (r *Repository) LockFirst(ctx context.Context) (bool, error) {
	if _, err := r.db.Querier(ctx).Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('first user', 0))"); err != nil {
		return false, r.db.Translate(err)
	}
	var exists bool
	err := r.db.Querier(ctx).QueryRow(ctx, "select exists (select 1 from users)").Scan(&exists)
	return !exists, r.db.Translate(err)
}

// Exists reports whether there is any user.
func (r *Repository) Exists(ctx context.Context) (bool, error) {
	var exists bool
	err := r.db.Querier(ctx).QueryRow(ctx, "select exists (select 1 from users)").Scan(&exists)
	return exists, r.db.Translate(err)
}

// NoteLogin sets the time of the last login of a user of this generation of
// sessions; [ErrWrongPassword] when the generation is another one, or the user is
// gone.
func (r *Repository) NoteLogin(ctx context.Context, id, generation int64) error {
	result := r.db.Session(ctx).Model(&User{}).
		Where("id = ? and session_generation = ?", id, generation).
		Update("last_login", gorm.Expr("now()"))
	if result.Error == nil && result.RowsAffected == 0 {
		return ErrWrongPassword
	}
	return r.db.Translate(result.Error)
}
