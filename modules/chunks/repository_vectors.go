package chunks

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

const (
	// lookedAtOnce is how many chunks are looked at for a page of those without a vector.
	lookedAtOnce = 5_000
	// vectorsAtOnce is how many chunks get the names of their vectors in one statement.
	vectorsAtOnce = 1000
)

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
// only that one's. It looks at a bounded number of chunks, and so may give fewer than
// there are, or none: next is where to go on, nil at the end.
func (r *Repository) GetChunksWithoutEmbeddings(ctx context.Context, scope collections.Scope, documentID *uuid.UUID, after Key, limit int) (found []Chunk, next *Key, err error) {
	limit = min(max(limit, 1), MaxPage)
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
	found, err = r.collect(ctx, scope, selectByID, []any{ids})
	return found, next, err
}

// Vector says which vector of a store of vectors is a chunk's.
type Vector struct {
	ChunkID int64
	// Name is 1 to [MaxVectorID] characters, or nil for none.
	Name *string
}

// updateVectors is served by the primary key, chunk by chunk, in the order of the ids
// that it is given, so that two who name the same ones wait for each other in turn.
const updateVectors = `
with locked as materialized (
  select w.chunk_id, w.vector_id
  from unnest($3::bigint[], $4::text[]) as w(chunk_id, vector_id)
  cross join lateral (
    select k.id
    from chunks k
    where k.partition_key = $1
      and k.collection_id = $2
      and k.id = w.chunk_id
    for no key update
  ) l
)
update chunks k
set embedding_vector_id = w.vector_id,
    updated_at = greatest(now(), k.created_at + interval '1 microsecond')
from locked w
where k.partition_key = $1
  and k.collection_id = $2
  and k.id = w.chunk_id
returning k.id`

// UpdateChunkEmbeddings names the vectors of chunks, a thousand in a statement, and
// gives the ids of those that the collection does not have, in ascending order. Each
// chunk is there once. It needs a unit of work.
func (r *Repository) UpdateChunkEmbeddings(ctx context.Context, scope collections.Scope, vectors []Vector) (missing []int64, err error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return nil, err
	}
	ordered := slices.SortedFunc(slices.Values(vectors), func(a, b Vector) int { return cmp.Compare(a.ChunkID, b.ChunkID) })
	for some := range slices.Chunk(ordered, vectorsAtOnce) {
		ids, names := make([]int64, len(some)), make([]*string, len(some))
		for i, v := range some {
			ids[i], names[i] = v.ChunkID, v.Name
		}
		rows, err := r.on(ctx, scope).query(ctx, updateVectors, ids, names)
		if err != nil {
			return nil, r.db.Translate(err)
		}
		updated, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return nil, r.db.Translate(err)
		}
		slices.Sort(updated)
		for _, id := range ids {
			if _, found := slices.BinarySearch(updated, id); !found {
				missing = append(missing, id)
			}
		}
	}
	return missing, nil
}
