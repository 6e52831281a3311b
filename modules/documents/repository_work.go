package documents

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// MaxLost is how often a worker may be lost in a row while it works on one document.
// After the first time the document is worked on alone, so the second tells that it
// is this one, and it fails.
const MaxLost = 2

// claimFresh is served by the index on (collection_id, status, …), which it reads
// from its end. The status is asked for twice, because a document may be withdrawn
// while this waits for its row.
const claimFresh = `
update documents
set status = 'processing',
    updated_at = now()
where collection_id = $1
  and partition_key = $2
  and status = 'pending'
  and id = any(array(
    select id
    from documents
    where collection_id = $1
      and partition_key = $2
      and status = 'pending'
      and lost_count = 0
    order by created_at, id desc
    limit $3
  ))
returning ` + claimedColumns

// claimRest is served by the same index. What is left are few: suspects, and what was
// left in the middle by a worker that did not know yet that it had lost the operation.
const claimRest = `
update documents
set status = 'processing',
    updated_at = now()
where collection_id = $1
  and partition_key = $2
  and status in ('pending', 'processing')
  and id = any(array(
    select id
    from documents
    where collection_id = $1
      and partition_key = $2
      and status in ('pending', 'processing')
    order by lost_count, created_at, id
    limit 1
  ))
returning ` + claimedColumns

const claimedColumns = "id, file_path, file_name, file_size, mime_type, content_hash, chunk_count, chunked_hash, retry_count, lost_count"

// ClaimWaiting marks documents that wait as being worked on, and gives them, at
// most limit; none when none waits. Those that a worker was lost over come last, and
// each by itself. One operation at a time works on a collection, so whoever asks is
// the only one.
func (r *Repository) ClaimWaiting(ctx context.Context, scope collections.Scope, limit int) ([]Document, error) {
	found, err := r.claim(ctx, scope, claimFresh, scope.ID(), scope.PartitionKey(), limit)
	if err != nil || len(found) > 0 {
		return found, err
	}
	return r.claim(ctx, scope, claimRest, scope.ID(), scope.PartitionKey())
}

func (r *Repository) claim(ctx context.Context, scope collections.Scope, sql string, args ...any) ([]Document, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, sql, args...)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Document, error) {
		d := Document{CollectionID: scope.ID(), PartitionKey: scope.PartitionKey(), Status: StatusProcessing}
		return d, row.Scan(&d.ID, &d.FilePath, &d.FileName, &d.FileSize, &d.MimeType, &d.ContentHash, &d.ChunkCount, &d.ChunkedHash, &d.RetryCount, &d.LostCount)
	})
	return found, r.db.Translate(err)
}

// release is served by the index on (collection_id, status).
const release = `
update documents
set status = 'pending',
    lost_count = lost_count + $3,
    updated_at = now()
where collection_id = $1
  and partition_key = $2
  and status = 'processing'`

// Release lets the documents wait again that a worker has left in the middle. lost
// says that it was lost, and perhaps over one of them.
func (r *Repository) Release(ctx context.Context, scope collections.Scope, lost bool) error {
	times := 0
	if lost {
		times = 1
	}
	_, err := r.db.Querier(ctx).Exec(ctx, release, scope.ID(), scope.PartitionKey(), times)
	return r.db.Translate(err)
}

// noteChunks is guarded like finish.
const noteChunks = `
update documents
set chunk_count = $5,
    chunked_hash = content_hash,
    mime_type = coalesce($6, mime_type),
    lost_count = 0,
    updated_at = now()
where id = $1
  and collection_id = $2
  and partition_key = $3
  and content_hash = $4
  and status = 'processing'`

// NoteChunks says that the document has all its chunks, although it is not
// completed: whoever takes it up again need not make them anew. A mimeType of nil
// leaves it as it is. [ErrContentChanged] means that it has another content by
// now, or was deleted: roll back.
func (r *Repository) NoteChunks(ctx context.Context, scope collections.Scope, d Document, chunks int64, mimeType *string) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, noteChunks, d.ID, scope.ID(), scope.PartitionKey(), d.ContentHash, chunks, mimeType)
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrContentChanged
	}
	return nil
}

// finish is guarded by the content hash: a document whose content was replaced
// meanwhile is pending again, and what was made of the old content is dropped.
const finish = `
update documents
set status = $5,
    chunk_count = $6,
    chunked_hash = case when $5 = 'completed' then content_hash end,
    error_message = $7,
    error_category = $8,
    mime_type = coalesce($9, mime_type),
    lost_count = 0,
    updated_at = now()
where id = $1
  and collection_id = $2
  and partition_key = $3
  and content_hash = $4
  and status = 'processing'`

// Complete ends the work on a document that has its chunks. A mimeType of nil
// leaves it as it is.
// [ErrContentChanged] means that it has another content by now: roll back.
func (r *Repository) Complete(ctx context.Context, scope collections.Scope, d Document, chunks int64, mimeType *string) error {
	return r.finish(ctx, scope, d, StatusCompleted, chunks, nil, nil, mimeType)
}

// Fail ends the work on a document with the reason that is shown to people. The
// chunks of an older content, if any, are the caller's to delete.
func (r *Repository) Fail(ctx context.Context, scope collections.Scope, d Document, reason string, category Category) error {
	return r.finish(ctx, scope, d, StatusFailed, 0, &reason, &category, nil)
}

func (r *Repository) finish(ctx context.Context, scope collections.Scope, d Document, to Status, chunks int64, reason *string, category *Category, mimeType *string) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, finish,
		d.ID, scope.ID(), scope.PartitionKey(), d.ContentHash, to, chunks, reason, category, mimeType)
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrContentChanged
	}
	return nil
}

// selectHalfDone is served by the index on (collection_id, status).
const selectHalfDone = `
select id, file_path, file_name, file_size, content_hash, status, chunk_count, chunked_hash
from documents
where collection_id = $1
  and partition_key = $2
  and status in ('pending', 'processing')
  and chunked_hash = content_hash
order by id`

// ListHalfDone gives the documents that wait although the chunks of their present
// content are loaded: large ones that were broken off among their search rows, which
// are few.
func (r *Repository) ListHalfDone(ctx context.Context, scope collections.Scope) ([]Document, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectHalfDone, scope.ID(), scope.PartitionKey())
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Document, error) {
		d := Document{CollectionID: scope.ID(), PartitionKey: scope.PartitionKey()}
		return d, row.Scan(&d.ID, &d.FilePath, &d.FileName, &d.FileSize, &d.ContentHash, &d.Status, &d.ChunkCount, &d.ChunkedHash)
	})
	return found, r.db.Translate(err)
}

// withdraw is served by the index on (collection_id, status). What was made of an
// older content stays, chunks and all: a reader goes on seeing it.
const withdraw = `
update documents
set status = 'failed',
    error_message = $3,
    error_category = 'transient',
    updated_at = now()
where collection_id = $1
  and partition_key = $2
  and status in ('pending', 'processing')`

// Withdraw gives up the documents that wait or are being worked on, with the reason
// that is shown to people, and tells how many those are. They keep the chunks that
// were made of an older content; those that [Repository.ListHalfDone] gives are dealt
// with before.
func (r *Repository) Withdraw(ctx context.Context, scope collections.Scope, reason string) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, withdraw, scope.ID(), scope.PartitionKey(), reason)
	return tag.RowsAffected(), r.db.Translate(err)
}

// withdrawSome is served by the index on (collection_id, status, …). Half of the newest
// would be read again and again if it took the oldest, which a worker takes.
const withdrawSome = `
update documents
set status = 'failed',
    error_message = $3,
    error_category = 'transient',
    updated_at = now()
where id in (
    select id
    from documents
    where collection_id = $1
      and partition_key = $2
      and status = 'pending'
      and chunked_hash is distinct from content_hash
    order by created_at desc, id
    limit $4
    for no key update skip locked
  )
  and collection_id = $1
  and partition_key = $2`

// WithdrawSome is [Repository.Withdraw] for at most limit of the documents that wait,
// where there are more of them than that, and else for none.
func (r *Repository) WithdrawSome(ctx context.Context, scope collections.Scope, reason string, limit int) (int64, error) {
	if waiting, err := r.CountWaiting(ctx, scope); err != nil || waiting <= int64(limit) {
		return 0, err
	}
	tag, err := r.db.Querier(ctx).Exec(ctx, withdrawSome, scope.ID(), scope.PartitionKey(), reason, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

// forgetChunks is served by the primary key.
const forgetChunks = `
update documents
set chunk_count = 0,
    chunked_hash = null,
    updated_at = now()
where id = $1
  and collection_id = $2
  and partition_key = $3
  and status in ('pending', 'processing')`

// ForgetChunks says that a document that waits has no chunks any more.
func (r *Repository) ForgetChunks(ctx context.Context, scope collections.Scope, id uuid.UUID) error {
	_, err := r.db.Querier(ctx).Exec(ctx, forgetChunks, id, scope.ID(), scope.PartitionKey())
	return r.db.Translate(err)
}
