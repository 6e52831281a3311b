package partitions

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// selectCollections reads collections once from end to end, deleted ones for the
// verification of their key. It counts by what the collections themselves count,
// and reads no chunk.
const selectCollections = `
select partition_key,
       count(*),
       count(*) filter (where partition_key <> (abs(hashtext(id::text)::bigint) % nullif($1, 0))::integer),
       count(*) filter (where deleted_at is null),
       coalesce(max(chunk_count) filter (where deleted_at is null), 0),
       (array_agg(id order by chunk_count desc, id) filter (where deleted_at is null and chunk_count > 0))[1]
from collections
group by partition_key`

// Collections adds to each partition what the collections tell of it, and verifies
// the key of every collection.
func (r *Repository) Collections(ctx context.Context, found []Partition, v *Verification) error {
	rows, err := r.db.Querier(ctx).Query(ctx, selectCollections, len(found))
	if err != nil {
		return r.db.Translate(err)
	}
	var (
		num                int
		total, wrong, here int64
		most               int64
		largest            *uuid.UUID
	)
	_, err = pgx.ForEachRow(rows, []any{&num, &total, &wrong, &here, &most, &largest}, func() error {
		v.Collections += total
		v.CollectionsWrong += wrong
		if num < 0 || num >= len(found) {
			return nil // counted as wrong
		}
		p := &found[num]
		p.Collections, p.LargestChunks = here, most
		if largest != nil {
			p.Largest = *largest
		}
		return nil
	})
	return r.db.Translate(err)
}
