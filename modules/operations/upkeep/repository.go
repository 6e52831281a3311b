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

// countAttached counts the tables of chunks and search rows whose part with the key is
// attached.
const countAttached = `
select count(*)
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
where i.inhparent in (to_regclass('chunks'), to_regclass('chunk_search'))
  and not i.inhdetachpending
  and pg_get_expr(c.relpartbound, c.oid) ~ format('^FOR VALUES IN \((.*, )?%s(, .*)?\)$', $1::integer)`

// isWhole reports whether all chunks and search rows of a partition can be seen: those of
// one that is detached look as if they were gone.
func (r *repository) isWhole(ctx context.Context, partitionKey int) (bool, error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return false, err
	}
	var n int
	err = tx.QueryRow(ctx, countAttached, partitionKey).Scan(&n)
	return n == 2, r.db.Translate(err)
}
