package documents

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// countLive is served by an index that leads with collection_id and leaves the deleted
// out, such as that on the path's hash.
const countLive = `
select count(*), coalesce(sum(file_size), 0)::bigint
from documents
where collection_id = $1
  and partition_key = $2
  and status <> 'deleted'`

// CountLive counts the collection's documents and their bytes.
func (r *Repository) CountLive(ctx context.Context, scope collections.Scope) (documents, bytes int64, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, countLive, scope.ID(), scope.PartitionKey()).Scan(&documents, &bytes)
	return documents, bytes, r.db.Translate(err)
}

// selectAny is served by the index that leads with collection_id.
const selectAny = `
select exists (
  select 1
  from documents
  where collection_id = $1
    and partition_key = $2
)`

// HasAny reports whether the collection has a document, be it a deleted one.
func (r *Repository) HasAny(ctx context.Context, scope collections.Scope) (bool, error) {
	var has bool
	err := r.db.Querier(ctx).QueryRow(ctx, selectAny, scope.ID(), scope.PartitionKey()).Scan(&has)
	return has, r.db.Translate(err)
}

// lockBinned is served by the index on deleted_at. What somebody is at, as to restore
// it, is left to them, and what they have restored meanwhile is looked at again and
// not found. A deleted collection's documents go with it.
const lockBinned = `
select d.id
from documents d
join collections c on c.id = d.collection_id
where d.deleted_at <= now() - $1::interval
  and d.status = 'deleted'
  and c.deleted_at is null
order by d.deleted_at
limit $2
for update of d skip locked`

// LockBinned locks documents of any collections that have been deleted for so long,
// the oldest first, until the end of the unit of work, which it needs.
func (r *Repository) LockBinned(ctx context.Context, age time.Duration, limit int) ([]uuid.UUID, error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, lockBinned, age, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, r.db.Translate(err)
}

// Both are served by the primary keys. Neither names a collection: the documents are of
// many, and are locked; one that is not deleted is not touched. What cascades goes to the
// partition of each, which its foreign key carries. How long a slice is stands in its row,
// so that it is not read for that.
const (
	purgeBinnedContents = `
with gone as (
  delete from document_contents
  where ctid = any(array(
    select c.ctid
    from document_contents c
    join documents d on d.id = c.document_id
    where d.id = any($1)
      and d.status = 'deleted'
    limit $2
  ))
  returning octet_length(data) as bytes
)
select count(*), coalesce(sum(bytes), 0)::bigint
from gone`
	purgeBinned = `
delete from documents
where id = any($1)
  and status = 'deleted'`
)

// PurgeBinnedContents deletes slices of the contents of documents that are locked in
// the bin, at most limit; fewer when that were all. It tells how many, and their bytes.
func (r *Repository) PurgeBinnedContents(ctx context.Context, ids []uuid.UUID, limit int) (slices, bytes int64, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, purgeBinnedContents, ids, limit).Scan(&slices, &bytes)
	return slices, bytes, r.db.Translate(err)
}

// PurgeBinned deletes documents that are locked in the bin, and tells how many.
func (r *Repository) PurgeBinned(ctx context.Context, ids []uuid.UUID) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, purgeBinned, ids)
	return tag.RowsAffected(), r.db.Translate(err)
}
