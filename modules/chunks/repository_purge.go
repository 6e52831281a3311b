package chunks

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Purged is what a slice of a purge has deleted.
type Purged struct {
	Chunks     int64
	SearchRows int64
	// Last is the greatest index of the chunks.
	Last int
}

// Each chunk goes together with its search row, in one statement: a row that is
// left of either says that something else has lost the other. The chunks are
// deleted by their place, the quickest way to a row that was just found, and the
// search rows are found by their primary key.
const (
	purgeBegin = ` gone as (
  delete from chunks
  where partition_key = $1
    and collection_id = $2
    and ctid = any(array(
      select ctid
      from chunks
      where partition_key = $1
        and collection_id = $2`

	purgeEnd = `
      limit $4
    ))
  returning id, chunk_index
), gone_rows as (
  delete from chunk_search
  where partition_key = $1
    and collection_id = $2
    and chunk_id = any(array(select id from gone))
  returning chunk_id
)
select count(*), (select count(*) from gone_rows), coalesce(max(chunk_index), -1)
from gone`

	// The chunks of documents are served by the unique key (collection_id,
	// document_id, chunk_index, …), in the order in which they mostly lie, since a
	// document is loaded at once.
	purgeOfDocuments = `
with` + purgeBegin + `
        and document_id = any($3)
      order by document_id, chunk_index` + purgeEnd

	// Those without a document are served by the same key. They are gone through
	// by index, and not from the start each time: what the slices before have
	// deleted still lies there until PostgreSQL's vacuum has come by.
	purgeOfNone = `
with` + purgeBegin + `
        and document_id is null
        and chunk_index > $3
      order by chunk_index` + purgeEnd
)

// PurgeOfDocuments deletes chunks of these documents of a deleted collection with
// their search rows, at most limit; fewer when that were all.
func (r *Repository) PurgeOfDocuments(ctx context.Context, scope collections.Scope, ids []uuid.UUID, limit int) (Purged, error) {
	return r.purge(ctx, scope, purgeOfDocuments, ids, limit)
}

// PurgeOfNone deletes chunks of a deleted collection that belong to no document,
// with their search rows: the next ones after an index, at most limit; fewer when
// that were all.
func (r *Repository) PurgeOfNone(ctx context.Context, scope collections.Scope, after, limit int) (Purged, error) {
	return r.purge(ctx, scope, purgeOfNone, after, limit)
}

func (r *Repository) purge(ctx context.Context, scope collections.Scope, sql string, args ...any) (Purged, error) {
	rows, err := r.on(ctx, scope).query(ctx, sql, args...)
	if err != nil {
		return Purged{}, r.db.Translate(err)
	}
	gone, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Purged])
	return gone, r.db.Translate(err)
}
