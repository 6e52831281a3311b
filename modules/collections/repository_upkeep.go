package collections

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// What the system looks after by the clock, in all collections.

// selectAfter is served by the primary key.
const selectAfter = `
select id
from collections
where id > $1
  and deleted_at is null
order by id
limit $2`

// ListAfter gives the ids of the collections that follow an id, whosever they are.
func (r *Repository) ListAfter(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectAfter, after, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, r.db.Translate(err)
}

// trimSyncRuns finds each collection's oldest by the index (collection_id, started_at
// desc, id desc), and deletes them by the primary key. One that is running stays.
const trimSyncRuns = `
delete from sync_runs
where status <> 'running'
  and id = any(array(
    select old.id
    from unnest($1::uuid[]) as c (id)
    cross join lateral (
      select r.id
      from sync_runs r
      where r.collection_id = c.id
      order by r.started_at desc, r.id desc
      offset $2
      limit $3
    ) old
  ))`

// TrimSyncRuns deletes old runs of these collections, at most limit of each: all but
// the newest ones. It tells how many.
func (r *Repository) TrimSyncRuns(ctx context.Context, ids []uuid.UUID, newest, limit int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, trimSyncRuns, ids, newest, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

// Tombstone is the row of a collection that was deleted.
type Tombstone struct {
	ID        uuid.UUID
	DeletedAt time.Time
}

// selectTombstones is served by the index on deleted_at.
const selectTombstones = `
select id, deleted_at
from collections
where deleted_at < now() - $1::interval
  and (deleted_at, id) > ($2, $3)
order by deleted_at, id
limit $4`

// ListTombstones gives the collections that were deleted longer ago than that, the
// oldest first: those after another one.
func (r *Repository) ListTombstones(ctx context.Context, age time.Duration, after Tombstone, limit int) ([]Tombstone, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectTombstones, age, after.DeletedAt, after.ID, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Tombstone])
	return found, r.db.Translate(err)
}

// selectBelongings is served by the keys and indexes that lead with collection_id.
const selectBelongings = `
select exists (select 1 from collection_permissions where collection_id = $1)
    or exists (select 1 from sync_runs where collection_id = $1)
    or exists (select 1 from collection_sources where collection_id = $1)`

// HasBelongings reports whether anything is left of a collection besides its
// documents, its chunks and its operations.
func (r *Repository) HasBelongings(ctx context.Context, scope Scope) (bool, error) {
	var left bool
	err := r.db.Querier(ctx).QueryRow(ctx, selectBelongings, scope.ID()).Scan(&left)
	return left, r.db.Translate(err)
}

// forgetTombstone is served by the primary key.
const forgetTombstone = `
delete from collections
where id = $1
  and deleted_at is not null`

// Forget deletes a tombstone, and with it what is left of its operations; false when
// there is none. Whoever calls it has seen in the same unit of work, which it needs,
// that nothing else would go with it.
func (r *Repository) Forget(ctx context.Context, scope Scope) (bool, error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, forgetTombstone, scope.ID())
	return tag.RowsAffected() > 0, r.db.Translate(err)
}
