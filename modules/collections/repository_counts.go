package collections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// selectCounts is served by the primary key.
const selectCounts = `
select id, document_count, chunk_count, vector_count, total_size_bytes
from collections
where id = any($1)
  and deleted_at is null`

// GetCounts reads the counters of these collections, without those that are gone.
func (r *Repository) GetCounts(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Counts, error) {
	found := map[uuid.UUID]Counts{}
	if len(ids) == 0 {
		return found, nil
	}
	rows, err := r.db.Querier(ctx).Query(ctx, selectCounts, ids)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	var id uuid.UUID
	var c Counts
	_, err = pgx.ForEachRow(rows, []any{&id, &c.Documents, &c.Chunks, &c.Vectors, &c.Bytes}, func() error {
		found[id] = c
		return nil
	})
	return found, r.db.Translate(err)
}
