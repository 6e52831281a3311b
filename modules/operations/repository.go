package operations

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// Repository has the statements on operations.
type Repository struct {
	db    *database.DB
	table database.Table[Operation, uuid.UUID]
}

// NewRepository makes a repository on the database.
func NewRepository(db *database.DB) *Repository {
	return &Repository{db: db, table: database.Table[Operation, uuid.UUID]{
		DB: db, Key: "uuid", NotFound: ErrNotFound,
	}}
}

// Create inserts an operation; [ErrActive] when the collection has one that has
// not ended, which the database decides and not a read before the write.
func (r *Repository) Create(ctx context.Context, o *Operation) error {
	return r.table.Create(ctx, o)
}

// Get reads one operation by the id that the API shows.
func (r *Repository) Get(ctx context.Context, id uuid.UUID) (Operation, error) {
	return r.table.Get(ctx, id)
}

// selectOrigin is served by the unique index on uuid.
const selectOrigin = `
select collection_id, user_id, type, status
from operations
where uuid = $1`

// GetOrigin reads what decides who may see an operation, and who may work on it;
// [ErrNotFound] with an origin of nothing.
func (r *Repository) GetOrigin(ctx context.Context, id uuid.UUID) (Origin, error) {
	var o Origin
	err := r.db.Querier(ctx).QueryRow(ctx, selectOrigin, id).Scan(&o.CollectionID, &o.UserID, &o.Type, &o.Status)
	if errors.Is(err, pgx.ErrNoRows) {
		return Origin{}, ErrNotFound
	}
	return o, r.db.Translate(err)
}

// Delete removes an operation's row.
func (r *Repository) Delete(ctx context.Context, id uuid.UUID) error {
	return r.table.Delete(ctx, id)
}

// SetTask notes the queue's job that rings for the operation.
func (r *Repository) SetTask(ctx context.Context, id uuid.UUID, task int64) error {
	err := r.db.Session(ctx).Model(&Operation{}).Where("uuid = ?", id).Update("task_id", task).Error
	return r.db.Translate(err)
}

// Active reads the collection's operation that has not ended; false if there is
// none. It is served by the partial unique index on the active ones. Whoever acts
// on the answer has locked the collection's row first.
func (r *Repository) Active(ctx context.Context, scope collections.Scope) (Operation, bool, error) {
	var o Operation
	err := r.db.Session(ctx).
		Where("collection_id = ? and status in ('pending', 'processing')", scope.ID()).
		Take(&o).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return o, false, nil
	}
	return o, err == nil, r.db.Translate(err)
}

// countActiveOf is served by the index on the active operations of users.
const countActiveOf = `
select count(*)
from (
  select
  from operations
  where user_id = $1
    and status in ('pending', 'processing')
  limit $2
) active`

// CountActiveOf counts the operations of a user that have not ended, up to limit.
func (r *Repository) CountActiveOf(ctx context.Context, userID int64, limit int) (n int, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, countActiveOf, userID, limit).Scan(&n)
	return n, r.db.Translate(err)
}

// cancelActive is served by the partial unique index on the active operations.
const cancelActive = `
update operations
set status = 'cancelled',
    worker = null,
    lease_until = null,
    completed_at = now(),
    waits_for = null,
    meta = meta - 'stalled' - 'interrupted'
where collection_id = $1
  and status in ('pending', 'processing')
returning uuid, collection_id, user_id, type`

// CancelActive cancels the collection's operation that has not ended, and gives
// its id; uuid.Nil when there is none. It tells so. A worker that has it finds out at the end
// of its step, which rolls back. Whoever calls it has locked the collection's row
// in an earlier statement: what was started by then is seen, and nothing is
// started after.
func (r *Repository) CancelActive(ctx context.Context, scope collections.Scope) (uuid.UUID, error) {
	return r.cancelled(ctx, cancelActive, scope.ID())
}

// cancelOne is served by the unique key on uuid.
const cancelOne = `
update operations
set status = 'cancelled',
    worker = null,
    lease_until = null,
    completed_at = now(),
    waits_for = null,
    meta = (meta - 'stalled' - 'interrupted') || jsonb_build_object('result', $2::jsonb)
where uuid = $1
  and status in ('pending', 'processing')
returning uuid, collection_id, user_id, type`

// Cancel ends an operation that has not ended, with what is to be told about it;
// [ErrEnded] when it has. It tells so. The collection's row is locked.
func (r *Repository) Cancel(ctx context.Context, id uuid.UUID, result map[string]any) error {
	ended, err := r.cancelled(ctx, cancelOne, id, result)
	if err == nil && ended == uuid.Nil {
		return ErrEnded
	}
	return err
}

// cancelled runs a statement that cancels one operation or none, gives its id, and
// tells so, in the unit of work of the context.
func (r *Repository) cancelled(ctx context.Context, sql string, args ...any) (uuid.UUID, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return uuid.Nil, err
	}
	var o Operation
	err := r.db.Querier(ctx).QueryRow(ctx, sql, args...).Scan(&o.UUID, &o.CollectionID, &o.UserID, &o.Type)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, r.db.Translate(err)
	}
	return o.UUID, r.tellEnded(ctx, o, StatusCancelled)
}

// Filter narrows a list of operations; zero fields do not.
type Filter struct {
	UserID       *int64
	CollectionID uuid.UUID
	// ReadableBy leaves out what is on a collection that the caller may not read.
	ReadableBy *collections.Caller
	Statuses   []Status
	Type       Type
}

// List lists operations, the newest first, with the total. It is served by the
// index on (user_id, created_at desc, id desc), on (collection_id, …) or, where
// neither is asked for, on (created_at desc, id desc); what else the filter says is
// looked at row by row.
func (r *Repository) List(ctx context.Context, f Filter, page database.Page) ([]Operation, int64, error) {
	var conditions []database.Condition
	if f.UserID != nil {
		conditions = append(conditions, database.Where("user_id = ?", *f.UserID))
	}
	if f.CollectionID != uuid.Nil {
		conditions = append(conditions, database.Where("collection_id = ?", f.CollectionID))
	}
	if f.ReadableBy != nil {
		conditions = append(conditions, f.ReadableBy.Reads("operations.collection_id", "operations.type = 'delete'"))
	}
	if len(f.Statuses) > 0 {
		conditions = append(conditions, database.Where("status in ?", f.Statuses))
	}
	if f.Type != "" {
		conditions = append(conditions, database.Where("type = ?", f.Type))
	}
	return r.table.List(ctx, page, "created_at desc, id desc", conditions...)
}

// selectWorkTime is served by the index (collection_id, created_at, id).
const selectWorkTime = `
select coalesce(sum(extract(epoch from completed_at - started_at)), 0)::float8
from (
  select type, started_at, completed_at
  from operations
  where collection_id = $1
  order by created_at desc, id desc
  limit 1000
) newest
where type in ('index', 'append', 'reindex', 'retry_documents')`

// WorkTime adds up how long the operations took that made the collection's chunks and
// have ended: those among the collection's newest thousand.
func (r *Repository) WorkTime(ctx context.Context, scope collections.Scope) (time.Duration, error) {
	var seconds float64
	err := r.db.Querier(ctx).QueryRow(ctx, selectWorkTime, scope.ID()).Scan(&seconds)
	return time.Duration(seconds * float64(time.Second)), r.db.Translate(err)
}
