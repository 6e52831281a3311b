package documents

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Those that a reindex works on are completed, and have chunks that were cut here and
// not loaded from outside. It has not been through with them yet.
const toReindex = `
from documents
where collection_id = $1
  and partition_key = $2
  and status = 'completed'
  and chunked_hash is not null
  and reindexed_by is distinct from $3`

// selectToReindex is served by the index on (collection_id, status, created_at desc,
// id).
const selectToReindex = `
select id, file_path, file_name, file_size, mime_type, content_hash, chunk_count, chunked_hash, lost_count, created_at` + toReindex + `
  and (lost_count > 0) = $6
  and created_at <= $4
  and (created_at < $4 or id > $5)
order by created_at desc, id
limit $7`

// ReindexKey is the place of a document in the order in which they are reindexed: the
// newest first.
type ReindexKey struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// FirstReindexKey is before every document.
func FirstReindexKey() ReindexKey {
	return ReindexKey{CreatedAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// ListToReindex gives the next documents that the operation with this row id is not
// through with, at most limit, after the key: the suspects, that a worker was lost
// over, or the others.
func (r *Repository) ListToReindex(ctx context.Context, scope collections.Scope, operation int64, after ReindexKey, suspects bool, limit int) ([]Document, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectToReindex, scope.ID(), scope.PartitionKey(), operation, after.CreatedAt, after.ID, suspects, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Document, error) {
		d := Document{CollectionID: scope.ID(), PartitionKey: scope.PartitionKey(), Status: StatusCompleted}
		return d, row.Scan(&d.ID, &d.FilePath, &d.FileName, &d.FileSize, &d.MimeType, &d.ContentHash, &d.ChunkCount, &d.ChunkedHash, &d.LostCount, &d.CreatedAt)
	})
	return found, r.db.Translate(err)
}

// CountToReindex counts the documents that the operation with this row id is not
// through with.
func (r *Repository) CountToReindex(ctx context.Context, scope collections.Scope, operation int64) (int64, error) {
	var n int64
	err := r.db.Querier(ctx).QueryRow(ctx, "select count(*)"+toReindex, scope.ID(), scope.PartitionKey(), operation).Scan(&n)
	return n, r.db.Translate(err)
}

// suspect is served by the primary key.
const suspect = `
update documents
set lost_count = lost_count + 1
where id = any($3)
  and collection_id = $1
  and partition_key = $2
  and status = 'completed'`

// Suspect says that a worker begins with these documents: should it be lost over one
// of them, they are known. [Repository.Reindexed] clears them.
func (r *Repository) Suspect(ctx context.Context, scope collections.Scope, ids []uuid.UUID) error {
	_, err := r.db.Querier(ctx).Exec(ctx, suspect, scope.ID(), scope.PartitionKey(), ids)
	return r.db.Translate(err)
}

// clearSuspects is served by the index on (collection_id, status, …).
const clearSuspects = `
update documents
set lost_count = 0
where collection_id = $1
  and partition_key = $2
  and status = 'completed'
  and lost_count > 0`

// ClearSuspects says that no worker was lost over those that it had begun with.
func (r *Repository) ClearSuspects(ctx context.Context, scope collections.Scope) error {
	_, err := r.db.Querier(ctx).Exec(ctx, clearSuspects, scope.ID(), scope.PartitionKey())
	return r.db.Translate(err)
}

// reindexed is guarded as what it was: a document that was deleted, or got another
// content or chunks from outside meanwhile, is left as it is.
const reindexed = `
update documents
set reindexed_by = $5,
    chunk_count = $6,
    mime_type = coalesce($7, mime_type),
    lost_count = 0,
    updated_at = now()
where id = $1
  and collection_id = $2
  and partition_key = $3
  and content_hash = $4
  and status = 'completed'
  and chunked_hash is not null`

// Reindexed says that the operation with this row id is through with the document,
// which has so many chunks now. A mimeType of nil leaves it as it is.
// [ErrContentChanged] means that it is not what it was any more: roll back.
func (r *Repository) Reindexed(ctx context.Context, scope collections.Scope, d Document, operation, chunks int64, mimeType *string) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, reindexed, d.ID, scope.ID(), scope.PartitionKey(), d.ContentHash, operation, chunks, mimeType)
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrContentChanged
	}
	return nil
}
