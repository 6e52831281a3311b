package documents

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Known is what is known of a path of a source.
type Known struct {
	Path string
	// DocumentID is the document that has the path or, for a copy, the content.
	DocumentID uuid.UUID
	// CopyID is set for a copy of a document with another path.
	CopyID   *int64
	SourceID *int64
	Size     int64
	// Hash is the document's.
	Hash string
	// ModifiedAt is nil where the file's time does not tell.
	ModifiedAt *time.Time
	SeenAt     *time.Time
	// Retry means that the document failed of something that may have passed.
	Retry bool
}

// maxUnknownRetries is how often a run over a source takes up a document again that
// failed, nobody knows why.
const maxUnknownRetries = 3

// selectKnown is served by the indexes on the hashes of the paths, and for copies by
// that on (collection_id, content_hash): once for each path, which the offset of nothing
// keeps apart. As joins they may be planned as a look through the whole table, where
// many rows are expected.
const selectKnown = `
select p.path, known.*
from unnest($4::text[]) as p (path)
cross join lateral (
  select d.id, null::bigint, d.source_id, d.file_size, d.content_hash, d.file_modified_at, d.last_seen_at,
    d.status = 'failed' and (d.error_category = 'transient' or d.error_category is distinct from 'permanent' and d.retry_count < $5)
  from documents d
  where d.collection_id = $1
    and d.partition_key = $2
    and hashtextextended(d.file_path, 0) = hashtextextended(p.path, 0)
    and d.file_path = p.path
    and d.status <> 'deleted'
  offset 0
) known
union all
select p.path, known.*
from unnest($4::text[]) as p (path)
cross join lateral (
  select d.id, c.id, c.source_id, c.file_size, d.content_hash, c.file_modified_at, c.last_seen_at, false
  from source_copies c
  join documents d on d.collection_id = $1
    and d.partition_key = $2
    and d.content_hash = c.content_hash
    and d.status <> 'deleted'
  where c.source_id = $3
    and hashtextextended(c.file_path, 0) = hashtextextended(p.path, 0)
    and c.file_path = p.path
  offset 0
) known`

// ListKnown gives what is known of these paths of a source. A path may be known as a
// document's and as a copy's; one of which nothing is known is absent.
func (r *Repository) ListKnown(ctx context.Context, scope collections.Scope, sourceID int64, paths []string) ([]Known, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectKnown, scope.ID(), scope.PartitionKey(), sourceID, paths, maxUnknownRetries)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Known])
	return found, r.db.Translate(err)
}

const (
	// seeDocuments is served by the primary key.
	seeDocuments = `
update documents
set last_seen_at = now()
where id = any($3)
  and collection_id = $1
  and partition_key = $2`

	// seeCopies is served by the primary key.
	seeCopies = `
update source_copies
set last_seen_at = now()
where id = any($1)
  and source_id = $2`
)

// See notes that these documents and copies of a source were seen. It needs a unit of
// work.
func (r *Repository) See(ctx context.Context, scope collections.Scope, sourceID int64, ids []uuid.UUID, copies []int64) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if _, err := tx.Exec(ctx, seeDocuments, scope.ID(), scope.PartitionKey(), ids); err != nil {
			return r.db.Translate(err)
		}
	}
	if len(copies) > 0 {
		_, err = tx.Exec(ctx, seeCopies, copies, sourceID)
	}
	return r.db.Translate(err)
}

// selectVanished is served by the index on (source_id, id), in whose order it reads on
// from where it was.
const selectVanished = `
select id
from documents
where source_id = $3
  and id > $5
  and collection_id = $1
  and partition_key = $2
  and status <> 'deleted'
  and (last_seen_at is null or last_seen_at < $4)
order by id
limit $6`

// ListVanished gives documents of a source that were not seen since then, in the order of
// their ids: those after the given one, at most limit.
func (r *Repository) ListVanished(ctx context.Context, scope collections.Scope, sourceID int64, since time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectVanished, scope.ID(), scope.PartitionKey(), sourceID, since, after, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, r.db.Translate(err)
}

// countVanished is served by the index on (source_id, id), unless most documents of the
// database are the source's.
const countVanished = `
select count(*)
from documents
where source_id = $3
  and collection_id = $1
  and partition_key = $2
  and status <> 'deleted'
  and (last_seen_at is null or last_seen_at < $4)`

// CountVanished counts the documents of a source that were not seen since then.
func (r *Repository) CountVanished(ctx context.Context, scope collections.Scope, sourceID int64, since time.Time) (int64, error) {
	var n int64
	err := r.db.Querier(ctx).QueryRow(ctx, countVanished, scope.ID(), scope.PartitionKey(), sourceID, since).Scan(&n)
	return n, r.db.Translate(err)
}

const (
	// selectOfSource is served by the index on (source_id, id), in whose order it reads on
	// from where it was: what was removed by then would be passed over again each time.
	selectOfSource = `
select id, file_path, file_size, content_hash, status
from documents
where source_id = $3
  and id > $4
  and collection_id = $1
  and partition_key = $2
order by id
limit $5`

	// countOfSource is served by the index on (source_id, id).
	countOfSource = `
select count(*)
from documents
where source_id = $3
  and collection_id = $1
  and partition_key = $2
  and status <> 'deleted'`
)

// CountOfSource counts the documents of a source, without the deleted ones.
func (r *Repository) CountOfSource(ctx context.Context, scope collections.Scope, sourceID int64) (int64, error) {
	var n int64
	err := r.db.Querier(ctx).QueryRow(ctx, countOfSource, scope.ID(), scope.PartitionKey(), sourceID).Scan(&n)
	return n, r.db.Translate(err)
}

// ListOfSource gives documents of a source, the deleted ones included, in the order of
// their ids: those after the given one, at most limit.
func (r *Repository) ListOfSource(ctx context.Context, scope collections.Scope, sourceID int64, after uuid.UUID, limit int) ([]Document, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectOfSource, scope.ID(), scope.PartitionKey(), sourceID, after, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Document, error) {
		d := Document{CollectionID: scope.ID(), PartitionKey: scope.PartitionKey()}
		return d, row.Scan(&d.ID, &d.FilePath, &d.FileSize, &d.ContentHash, &d.Status)
	})
	return found, r.db.Translate(err)
}

// leaveSource is served by the primary key.
const leaveSource = `
update documents
set source_id = null
where id = any($3)
  and collection_id = $1
  and partition_key = $2`

// LeaveSource takes documents out of their source, which is going to be removed.
func (r *Repository) LeaveSource(ctx context.Context, scope collections.Scope, ids []uuid.UUID) error {
	_, err := r.db.Querier(ctx).Exec(ctx, leaveSource, scope.ID(), scope.PartitionKey(), ids)
	return r.db.Translate(err)
}
