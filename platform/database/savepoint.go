package database

import (
	"context"
	"fmt"
)

// Savepoint runs fn so that it may fail alone: its error undoes what fn did and
// is returned, and the unit of work around it can go on and commit. A unit of
// work that fn joined and that failed is undone with it. Outside a unit of work
// it is [ErrMisuse].
//
// A panic passes through and ends the whole.
func (db *DB) Savepoint(ctx context.Context, fn func(ctx context.Context) error) error {
	u := db.unitOf(ctx)
	if u == nil {
		return fmt.Errorf("%w: a savepoint outside of one", ErrMisuse)
	}
	if err := u.usable(); err != nil {
		return err
	}
	if u.poison != nil {
		return fmt.Errorf("%w: %w", ErrPoisoned, u.poison)
	}
	u.savepoints++
	name := fmt.Sprintf("savepoint_%d", u.savepoints)
	if _, err := u.tx.Exec(ctx, "savepoint "+name); err != nil {
		u.poison = err
		return fmt.Errorf("setting a savepoint: %w", db.Translate(err))
	}
	afterBefore := len(u.after)

	err := fn(ctx)
	if err == nil && u.poison != nil {
		err = fmt.Errorf("%w: %w", ErrPoisoned, u.poison)
	}
	if err == nil {
		if _, err := u.tx.Exec(ctx, "release savepoint "+name); err != nil {
			u.poison = err
			return fmt.Errorf("releasing a savepoint: %w", db.Translate(err))
		}
		return nil
	}

	u.poison = nil
	u.after = u.after[:afterBefore]
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if _, undoErr := u.tx.Exec(bounded, "rollback to savepoint "+name+"; release savepoint "+name); undoErr != nil {
		u.poison = undoErr
	}
	return err
}
