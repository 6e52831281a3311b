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

// forgetKeys is served by the index on expires_at.
const forgetKeys = `
delete from idempotency_keys
where ctid = any(array(
  select ctid
  from idempotency_keys
  where expires_at <= now()
  order by expires_at
  limit $1
  for update skip locked
))`

// forgetKeys deletes idempotency keys that have expired, at most limit, and tells how
// many.
func (r *repository) forgetKeys(ctx context.Context, limit int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, forgetKeys, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}
