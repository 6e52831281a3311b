package operations

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Key is the place of an operation in the order of all, the oldest first.
type Key struct {
	CreatedAt time.Time
	ID        int64
}

// selectEnded goes through what is old, the oldest first, by the index on (created_at,
// id). Which of them are among the newest of their collection the index (collection_id,
// created_at, id) tells, once for each collection. The operation by which a collection
// was deleted goes with the collection's row.
const selectEnded = `
with old as (
  select id, collection_id, created_at, type, completed_at
  from operations
  where created_at < now() - $1::interval
    and (created_at, id) > ($2, $3)
  order by created_at, id
  limit $4
), kept as (
  select c.collection_id, k.created_at, k.id
  from (select distinct collection_id from old) c
  cross join lateral (
    select o.created_at, o.id
    from operations o
    where o.collection_id = c.collection_id
    order by o.created_at desc, o.id desc
    offset $5
    limit 1
  ) k
)
select array(
         select old.id
         from old
         join kept on kept.collection_id = old.collection_id
         where old.completed_at < now() - $1::interval
           and old.type <> 'delete'
           and (old.created_at, old.id) < (kept.created_at, kept.id)
       ),
       count(*),
       coalesce((array_agg(created_at order by created_at desc, id desc))[1], $2),
       coalesce((array_agg(id order by created_at desc, id desc))[1], $3)
from old`

// selectHeldTasks is served by the index on the active operations.
const selectHeldTasks = `
select task_id
from operations
where status = 'processing'
  and lease_until > now()
  and task_id is not null`

// ListHeldTasks gives the jobs over which operations are being worked on.
func (r *Repository) ListHeldTasks(ctx context.Context) ([]int64, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectHeldTasks)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return ids, r.db.Translate(err)
}

// ListEnded looks at the next operations after a place, at most limit, and gives those
// that have ended longer ago than that and are not among the newest of their collection.
// It tells where it has got to, and whether there may be more. What has ended does not
// change any more.
func (r *Repository) ListEnded(ctx context.Context, age time.Duration, newest int, after Key, limit int) (ids []int64, at Key, more bool, err error) {
	var looked int64
	err = r.db.Querier(ctx).QueryRow(ctx, selectEnded, age, after.CreatedAt, after.ID, limit, max(newest-1, 0)).
		Scan(&ids, &looked, &at.CreatedAt, &at.ID)
	return ids, at, looked >= int64(limit), r.db.Translate(err)
}

// purgeEnded is served by the primary key.
const purgeEnded = `
delete from operations
where id = any($1)
  and completed_at is not null`

// PurgeEnded deletes operations that have ended, and tells how many.
func (r *Repository) PurgeEnded(ctx context.Context, ids []int64) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, purgeEnded, ids)
	return tag.RowsAffected(), r.db.Translate(err)
}

const (
	// selectRows is served by the primary key.
	selectRows = `
select row_to_json(o)::text, o.created_at, o.id
from operations o
where o.id = any($1)
order by o.created_at, o.id`

	// selectRowsOf is served by the index on (collection_id, created_at, id).
	selectRowsOf = `
select row_to_json(o)::text, o.created_at, o.id
from operations o
where o.collection_id = $1
  and (o.created_at, o.id) > ($2, $3)
order by o.created_at, o.id
limit $4`
)

// ReadRows gives the whole rows of operations, as JSON, to each, which must not keep
// them.
func (r *Repository) ReadRows(ctx context.Context, ids []int64, each func(row []byte) error) error {
	_, _, err := r.readRows(ctx, each, selectRows, ids)
	return err
}

// ReadRowsOf is [Repository.ReadRows] for the operations of a deleted collection, at most
// limit after a place. It tells where it has got to, and whether there may be more.
func (r *Repository) ReadRowsOf(ctx context.Context, scope collections.Scope, after Key, limit int, each func(row []byte) error) (at Key, more bool, err error) {
	at, n, err := r.readRows(ctx, each, selectRowsOf, scope.ID(), after.CreatedAt, after.ID, limit)
	return at, n >= limit, err
}

func (r *Repository) readRows(ctx context.Context, each func(row []byte) error, statement string, args ...any) (last Key, n int, err error) {
	rows, err := r.db.Querier(ctx).Query(ctx, statement, args...)
	if err != nil {
		return last, 0, r.db.Translate(err)
	}
	var row []byte
	_, err = pgx.ForEachRow(rows, []any{&row, &last.CreatedAt, &last.ID}, func() error {
		n++
		return each(row)
	})
	return last, n, r.db.Translate(err)
}

// selectPurged is served by the index on (collection_id, created_at, id).
const selectPurged = `
select exists (
  select 1
  from operations
  where collection_id = $1
    and type = 'delete'
    and status = 'completed'
)`

// IsPurged reports whether the operation by which the collection was deleted has ended.
func (r *Repository) IsPurged(ctx context.Context, scope collections.Scope) (bool, error) {
	var purged bool
	err := r.db.Querier(ctx).QueryRow(ctx, selectPurged, scope.ID()).Scan(&purged)
	return purged, r.db.Translate(err)
}

// purgeOfDeleted is served by the index on (collection_id, created_at, id).
const purgeOfDeleted = `
delete from operations
where type <> 'delete'
  and ctid = any(array(
    select ctid
    from operations
    where collection_id = $1
      and type <> 'delete'
    limit $2
  ))`

// PurgeOfDeleted deletes operations of a deleted collection, at most limit, but for the
// one by which it was deleted. It tells how many.
func (r *Repository) PurgeOfDeleted(ctx context.Context, scope collections.Scope, limit int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, purgeOfDeleted, scope.ID(), limit)
	return tag.RowsAffected(), r.db.Translate(err)
}
