package documents

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// selectForPurge is served by the index on (collection_id, status, created_at
// desc, id): the documents come in the order in which they were loaded, and mostly
// lie, from the last.
const selectForPurge = `
select id
from documents
where collection_id = $1
  and partition_key = $2
order by status, created_at desc, id
limit $3`

// ListForPurge gives documents of a deleted collection, at most limit.
func (r *Repository) ListForPurge(ctx context.Context, scope collections.Scope, limit int) ([]uuid.UUID, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectForPurge, scope.ID(), scope.PartitionKey(), limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, r.db.Translate(err)
}

// purgeContents is served by the primary key.
const purgeContents = `
delete from document_contents
where collection_id = $1
  and partition_key = $2
  and ctid = any(array(
    select ctid
    from document_contents
    where document_id = any($3)
      and collection_id = $1
      and partition_key = $2
    limit $4
  ))`

// PurgeContents deletes slices of these documents' contents, at most limit; fewer
// when that were all. It tells how many.
func (r *Repository) PurgeContents(ctx context.Context, scope collections.Scope, ids []uuid.UUID, limit int) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, purgeContents, scope.ID(), scope.PartitionKey(), ids, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

// purgeDocuments is served by the primary key.
const purgeDocuments = `
delete from documents
where collection_id = $1
  and partition_key = $2
  and id = any($3)`

// Purge deletes these documents, and tells how many that were. Whatever is left of
// them goes too, so the caller has deleted before what may be much.
func (r *Repository) Purge(ctx context.Context, scope collections.Scope, ids []uuid.UUID) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, purgeDocuments, scope.ID(), scope.PartitionKey(), ids)
	return tag.RowsAffected(), r.db.Translate(err)
}
