package chunks

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// buildSearchRows is served by the unique key (collection_id, document_id,
// chunk_index, …). A slice is a range of indexes: looking for the chunks that
// have no row yet would join the two tables, and with the statistics of a
// partition that has just been loaded PostgreSQL does that by reading all of one
// for each row of the other.
const buildSearchRows = `
insert into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
select partition_key, collection_id, document_id, id, chunk_search_vector(content)
from chunks
where partition_key = $1
  and collection_id = $2
  and document_id = $3
  and chunk_index >= $4
  and chunk_index < $5
order by chunk_index
on conflict do nothing`

// BuildSearchRows makes the search rows of the document's chunks with an index of
// from up to but not to, where they have none, and tells how many it made. It
// needs a unit of work.
func (r *Repository) BuildSearchRows(ctx context.Context, scope collections.Scope, documentID uuid.UUID, from, to int64) (int64, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return 0, fmt.Errorf("building search rows: %w", err)
	}
	tag, err := r.on(ctx, scope).loadUnder(ctx, loadSettings, buildSearchRows, documentID, from, to)
	return tag.RowsAffected(), r.db.Translate(err)
}

// countSearchRows is served by the index on document_id.
const countSearchRows = `
select count(*)
from chunk_search
where partition_key = $1
  and collection_id = $2
  and document_id = $3`

// CountSearchRows counts the search rows of a document.
func (r *Repository) CountSearchRows(ctx context.Context, scope collections.Scope, documentID uuid.UUID) (int64, error) {
	var n int64
	rows, err := r.on(ctx, scope).query(ctx, countSearchRows, documentID)
	if err != nil {
		return 0, r.db.Translate(err)
	}
	n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
	return n, r.db.Translate(err)
}
