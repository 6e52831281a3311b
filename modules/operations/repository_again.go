package operations

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// lockPending is served by the unique key on uuid.
const lockPending = `
select uuid, type, waits_for, task_id
from operations
where uuid = $1
  and status = 'pending'
for no key update`

// lockPending locks an operation that waits; false when there is none.
func (r *Repository) lockPending(ctx context.Context, id uuid.UUID) (o Unattended, found bool, err error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return o, false, err
	}
	err = tx.QueryRow(ctx, lockPending, id).Scan(&o.UUID, &o.Type, &o.WaitsFor, &o.TaskID)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, false, nil
	}
	return o, err == nil, r.db.Translate(err)
}
