package documents

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// retryOne is served by the primary key.
const retryOne = `
update documents
set status = 'pending',
    error_message = null,
    error_category = null,
    retry_count = retry_count + 1,
    last_retry_at = now(),
    lost_count = 0,
    updated_at = now()
where id = $1
  and collection_id = $2
  and partition_key = $3
  and status = 'failed'
returning id`

// Retry lets a failed document wait again; [ErrNotFailed] for one in another state.
func (r *Repository) Retry(ctx context.Context, scope collections.Scope, id uuid.UUID) error {
	err := r.db.Querier(ctx).QueryRow(ctx, retryOne, id, scope.ID(), scope.PartitionKey()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFailed
	}
	return r.db.Translate(err)
}

// retryFailed is served by the index on (collection_id, status, …). Those that fail
// for good are left out, and those that have failed since.
const retryFailed = `
update documents
set status = 'pending',
    error_message = null,
    error_category = null,
    retry_count = retry_count + 1,
    last_retry_at = now(),
    lost_count = 0,
    updated_at = now()
where id in (
    select id
    from documents
    where collection_id = $1
      and partition_key = $2
      and status = 'failed'
      and error_category is distinct from 'permanent'
      and (last_retry_at is null or last_retry_at < $3)
    order by created_at desc, id
    limit $4
    for no key update
  )
  and collection_id = $1
  and partition_key = $2`

// RetryFailed lets failed documents wait again for which that may help and that were not
// retried since then, at most limit, and tells how many those are.
func (r *Repository) RetryFailed(ctx context.Context, scope collections.Scope, since time.Time, limit int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, retryFailed, scope.ID(), scope.PartitionKey(), since, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

// now is the database's time.
func (r *Repository) now(ctx context.Context) (now time.Time, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, `select now()`).Scan(&now)
	return now, r.db.Translate(err)
}
