package upkeep

import (
	"context"

	"semantik/platform/database"
)

// repository has the few statements that belong to no module.
type repository struct{ db *database.DB }

// Counting a large collection takes longer than a statement may that somebody waits
// for.
const patience = `set local statement_timeout = '15min'`

// bePatient lets the statements of the unit of work take long.
func (r *repository) bePatient(ctx context.Context) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, patience)
	return r.db.Translate(err)
}
