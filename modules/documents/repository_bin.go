package documents

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"semantik/modules/collections"
)

// GetAny reads a document, be it a deleted one.
func (r *Repository) GetAny(ctx context.Context, scope collections.Scope, id uuid.UUID) (Document, error) {
	return r.table.Get(ctx, id, within(scope))
}

// LockDeleted locks a document in the bin until the end of the unit of work, and reads it:
// whoever empties the bin passes it over. [ErrNotFound] when it is not there any more.
func (r *Repository) LockDeleted(ctx context.Context, scope collections.Scope, id uuid.UUID) (Document, error) {
	var d Document
	err := within(scope)(r.db.Session(ctx)).Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).
		Where("id = ? and status = 'deleted'", id).
		Take(&d).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return d, ErrNotFound
	}
	return d, r.db.Translate(err)
}

// binned is what decides whether a deleted document can be restored.
type binned struct {
	// inTime means that its time in the bin is not over.
	inTime bool
	// slices and bytes are what is stored of its original content.
	slices, bytes int64
}

// selectBinnedContent is served by the primary keys. How long a slice is stands in its
// row.
const selectBinnedContent = `
select d.deleted_at > now() - $4::interval,
       (select count(*)
        from document_contents c
        where c.document_id = d.id and c.kind = 'original' and c.collection_id = $2 and c.partition_key = $3),
       (select coalesce(sum(octet_length(c.data)), 0)::bigint
        from document_contents c
        where c.document_id = d.id and c.kind = 'original' and c.collection_id = $2 and c.partition_key = $3)
from documents d
where d.id = $1
  and d.collection_id = $2
  and d.partition_key = $3`

// lookIntoBin tells what there is of a deleted document that may be kept for that long.
func (r *Repository) lookIntoBin(ctx context.Context, scope collections.Scope, id uuid.UUID, age time.Duration) (b binned, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, selectBinnedContent, id, scope.ID(), scope.PartitionKey(), age).Scan(&b.inTime, &b.slices, &b.bytes)
	return b, r.db.Translate(err)
}

// restore is served by the primary key. A run over the document's source that is going on
// has it as seen.
const restore = `
update documents
set status = $4,
    deleted_at = null,
    error_message = null,
    error_category = null,
    chunk_count = 0,
    chunked_hash = null,
    lost_count = 0,
    reindexed_by = null,
    last_seen_at = now(),
    updated_at = now()
where id = $1
  and collection_id = $2
  and partition_key = $3
  and status = 'deleted'`

// Restore takes a document out of the bin, without any chunks, and gives it a state.
// [ErrDuplicate] when the collection has its content by now.
func (r *Repository) Restore(ctx context.Context, scope collections.Scope, id uuid.UUID, as Status) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, restore, id, scope.ID(), scope.PartitionKey(), as)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return r.db.Translate(err)
}
