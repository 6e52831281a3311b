package chunks

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// lookedAtOnce is how many chunks are looked at for a page of those without a vector.
const lookedAtOnce = 5_000

const (
	lookBegin = ` looked as materialized (
  select id, chunk_index, embedding_vector_id
  from chunks
  where partition_key = $1
    and collection_id = $2
    and (chunk_index, id) > ($3, $4)`

	// The keys of those that were looked for, and then that of the last one looked at,
	// with the number of all that were.
	lookEnd = `
  order by chunk_index, id
  limit $6
)
(
  select chunk_index, id, 0::bigint
  from looked
  where embedding_vector_id is null
  order by chunk_index, id
  limit $5
)
union all
(
  select chunk_index, id, (select count(*) from looked)
  from looked
  order by chunk_index desc, id desc
  limit 1
)`

	// lookForNoVector is served by the index (collection_id, chunk_index, id).
	lookForNoVector = `
with` + lookBegin + lookEnd

	// lookForNoVectorOfDocument is served by the unique key (collection_id, document_id,
	// chunk_index, …).
	lookForNoVectorOfDocument = `
with` + lookBegin + `
    and document_id = $7` + lookEnd

	// selectByID is served by the primary key.
	selectByID = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and id = any($3)
order by chunk_index, id`
)

// GetChunksWithoutEmbeddings reads the chunks after a key that name no vector, at most
// limit and never more than [MaxPage], in the order of their index; with a document
// only that one's; fewer where they are very long ([MaxPageBytes]). It looks at a bounded
// number of chunks, and so may give fewer than there are, or none: next is where to go
// on, nil at the end. It is not for a unit of work.
func (r *Repository) GetChunksWithoutEmbeddings(ctx context.Context, scope collections.Scope, documentID *uuid.UUID, after Key, limit int) (found []Chunk, next *Key, err error) {
	limit = pageOf(limit)
	sql, args := lookForNoVector, append(after.args(limit), lookedAtOnce)
	if documentID != nil {
		sql, args = lookForNoVectorOfDocument, append(args, *documentID)
	}
	rows, err := r.on(ctx, scope).query(ctx, sql, args...)
	if err != nil {
		return nil, nil, r.db.Translate(err)
	}
	var ids []int64
	var at, last Key
	var looked, all int
	_, err = pgx.ForEachRow(rows, []any{&at.ChunkIndex, &at.ID, &all}, func() error {
		if all > 0 {
			looked = all
			return nil
		}
		ids, last = append(ids, at.ID), at
		return nil
	})
	if err != nil {
		return nil, nil, r.db.Translate(err)
	}
	switch {
	case len(ids) == limit: // there may be more among those that were looked at
		next = &last
	case looked == lookedAtOnce:
		next = &at
	}
	found, cut, err := r.collectSome(ctx, scope, selectByID, []any{ids})
	if cut {
		end := found[len(found)-1]
		next = &Key{end.ChunkIndex, end.ID}
	}
	return found, next, err
}
