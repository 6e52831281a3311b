package users

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// forChange is the lock under which an account and its sessions are changed. It
// lets others refer to the user meanwhile, as what they make does.
var forChange = clause.Locking{Strength: "NO KEY UPDATE"}

// Lock locks a user until the transaction ends, and reads the row as it is then.
// Whoever changes a session of the user holds this lock.
func (r *Repository) Lock(ctx context.Context, id int64) (User, error) {
	var u User
	err := r.db.Session(ctx).Clauses(forChange).Where("id = ?", id).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return u, ErrNotFound
	}
	return u, r.db.Translate(err)
}

// LockByRefreshToken locks the user whose token has this hash, good or not, by
// the unique index on it. A token never changes hands.
func (r *Repository) LockByRefreshToken(ctx context.Context, hash string) (User, error) {
	var u User
	err := r.db.Session(ctx).Clauses(forChange).
		Where("id = (select user_id from refresh_tokens where token_hash = ?)", hash).
		Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return u, ErrNotFound
	}
	return u, r.db.Translate(err)
}

// LockWithSuperusers locks these users together with every active superuser, ids
// ascending, and gives them as they are then; of those who do not exist there is
// none. It reads all users, which only a change of somebody's rights does.
func (r *Repository) LockWithSuperusers(ctx context.Context, ids ...int64) (map[int64]User, error) {
	var rows []User
	err := r.db.Session(ctx).Clauses(forChange).
		Where("id in ? or (is_superuser and is_active)", ids).
		Order("id").
		Find(&rows).Error
	locked := make(map[int64]User, len(rows))
	for _, u := range rows {
		locked[u.ID] = u
	}
	return locked, r.db.Translate(err)
}
