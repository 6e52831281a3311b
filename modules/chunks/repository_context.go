package chunks

import (
	"context"
	"slices"

	"semantik/modules/collections"
)

// The neighbours of a chunk are served by the unique key (collection_id, document_id,
// chunk_index, …), backwards and forwards.
const (
	selectBefore = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and document_id = $3
  and chunk_index < $4
order by chunk_index desc
limit $5`

	selectAfter = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and document_id = $3
  and chunk_index > $4
order by chunk_index
limit $5`

	selectBeforeOfNone = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and document_id is null
  and chunk_index < $3
order by chunk_index desc
limit $4`

	selectAfterOfNone = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and document_id is null
  and chunk_index > $3
order by chunk_index
limit $4`
)

// GetNeighbours reads the chunks of the same document that stand before a chunk and
// after it, at most n of each and never more than [MaxContext], in the order of their
// index. Chunks that belong to no document are each other's neighbours.
func (r *Repository) GetNeighbours(ctx context.Context, scope collections.Scope, c Chunk, n int) (before, after []Chunk, err error) {
	n = min(max(n, 0), MaxContext)
	sqlBefore, sqlAfter, args := selectBeforeOfNone, selectAfterOfNone, []any{c.ChunkIndex, n}
	if c.DocumentID != nil {
		sqlBefore, sqlAfter, args = selectBefore, selectAfter, []any{*c.DocumentID, c.ChunkIndex, n}
	}
	if before, err = r.collect(ctx, scope, sqlBefore, args); err != nil {
		return nil, nil, err
	}
	slices.Reverse(before)
	after, err = r.collect(ctx, scope, sqlAfter, args)
	return before, after, err
}
