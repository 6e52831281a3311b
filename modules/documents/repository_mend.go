package documents

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Double is a document whose content an older one of its collection has.
type Double struct {
	CollectionID, ID uuid.UUID
}

// selectDoubles reads all documents once: the unique index that keeps a content from
// being there twice is what has failed, and is not asked.
const selectDoubles = `
select d.collection_id, d.id
from (
  select collection_id, id, row_number() over (partition by collection_id, content_hash order by created_at, id) as place
  from documents
  where status <> 'deleted'
) d
join collections c on c.id = d.collection_id and c.deleted_at is null
where d.place > 1
limit $1`

// ListDoubles gives documents whose content an older one has, of any collections.
func (r *Repository) ListDoubles(ctx context.Context, limit int) ([]Double, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectDoubles, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Double])
	return found, r.db.Translate(err)
}

// cutAnew is served by the primary key. One without its content stays as it is: its chunks
// are all there is.
const cutAnew = `
update documents d
set status = 'pending',
    chunked_hash = null,
    updated_at = now()
where d.id = any($3)
  and d.collection_id = $1
  and d.partition_key = $2
  and d.status = 'completed'
  and d.chunked_hash is not null
  and (d.file_size = 0 or exists (select 1 from document_contents o where o.document_id = d.id and o.kind = 'original'))`

// CutAnew lets documents that are done wait again, for their chunks to be made anew of
// their content. Until then they have those that they have. It tells how many.
func (r *Repository) CutAnew(ctx context.Context, scope collections.Scope, ids []uuid.UUID) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, cutAnew, scope.ID(), scope.PartitionKey(), ids)
	return tag.RowsAffected(), r.db.Translate(err)
}
