package operations

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Active is an operation that has not ended, for whoever runs the system.
type Active struct {
	UUID         uuid.UUID
	Type         Type
	Status       Status
	CollectionID uuid.UUID
	// Username is whose it is; nil once that user is gone.
	Username  *string
	CreatedAt time.Time
	StartedAt *time.Time
	Attempt   int
	Worker    *string
	// Lease is how long the claim still holds; less than nothing for one that has lapsed.
	Lease    *float64
	WaitsFor *Wait
	// Percent of what is to be done; nil while nobody knows.
	Percent *float64
}

// selectActive is served by the index on the active operations.
const selectActive = `
select o.uuid, o.type, o.status, o.collection_id, u.username, o.created_at, o.started_at, o.attempt, o.worker,
       extract(epoch from o.lease_until - now())::float8,
       o.waits_for,
       case when (o.meta #>> '{progress,total}')::float8 > 0
            then least(100, 100 * (o.meta #>> '{progress,done}')::float8 / (o.meta #>> '{progress,total}')::float8) end
from operations o
left join users u on u.id = o.user_id
where o.status in ('pending', 'processing')
order by u.username nulls last, o.created_at, o.id
limit $1`

// ListActive lists the operations that have not ended, by user and then the oldest first,
// at most limit of them.
func (r *Repository) ListActive(ctx context.Context, limit int) ([]Active, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectActive, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Active])
	return found, r.db.Translate(err)
}
