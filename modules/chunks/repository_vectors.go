package chunks

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// vectorsAtOnce is how many chunks get the names of their vectors in one statement.
const vectorsAtOnce = 1000

// Vector says which vector of a store of vectors is a chunk's.
type Vector struct {
	ChunkID int64
	// Name is 1 to [MaxVectorID] characters, or nil for none.
	Name *string
}

// selectPositions is served by the primary key.
const selectPositions = `
select id, document_id, chunk_index
from chunks
where partition_key = $1
  and collection_id = $2
  and id = any($3)`

// updateVectors is served by the primary key, chunk by chunk, in the order that it is
// given.
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
    updated_at = greatest(now(), k.updated_at + interval '1 microsecond')
from locked w
where k.partition_key = $1
  and k.collection_id = $2
  and k.id = w.chunk_id
returning k.id`

// placed is a vector with the place of its chunk.
type placed struct {
	Vector

	documentID *uuid.UUID
	chunkIndex int
}

// compare is the order in which everybody locks many chunks, so that of two one waits
// for the other and not each for each other: that of the unique key (document_id,
// chunk_index), as PostgreSQL compares, with those of no document last.
func (p placed) compare(other placed) int {
	switch {
	case p.documentID == nil && other.documentID == nil:
		return cmp.Compare(p.chunkIndex, other.chunkIndex)
	case p.documentID == nil:
		return 1
	case other.documentID == nil:
		return -1
	}
	return cmp.Or(bytes.Compare(p.documentID[:], other.documentID[:]), cmp.Compare(p.chunkIndex, other.chunkIndex))
}

// UpdateChunkEmbeddings names the vectors of chunks, a thousand in a statement, and
// gives the ids of those that the collection does not have, in ascending order. Each
// chunk is there once. It needs a unit of work.
func (r *Repository) UpdateChunkEmbeddings(ctx context.Context, scope collections.Scope, vectors []Vector) (missing []int64, err error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return nil, err
	}
	there, err := r.place(ctx, scope, vectors)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(there, placed.compare)
	updated := make(map[int64]bool, len(there))
	for some := range slices.Chunk(there, vectorsAtOnce) {
		ids, names := make([]int64, len(some)), make([]*string, len(some))
		for i, v := range some {
			ids[i], names[i] = v.ChunkID, v.Name
		}
		rows, err := r.on(ctx, scope).query(ctx, updateVectors, ids, names)
		if err != nil {
			return nil, r.db.Translate(err)
		}
		var id int64
		_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
			updated[id] = true
			return nil
		})
		if err != nil {
			return nil, r.db.Translate(err)
		}
	}
	for _, v := range vectors {
		if !updated[v.ChunkID] {
			missing = append(missing, v.ChunkID)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// place finds out where the chunks are of those vectors whose chunks are there.
func (r *Repository) place(ctx context.Context, scope collections.Scope, vectors []Vector) ([]placed, error) {
	found := make([]placed, 0, len(vectors))
	for some := range slices.Chunk(vectors, vectorsAtOnce) {
		ids, byID := make([]int64, len(some)), make(map[int64]Vector, len(some))
		for i, v := range some {
			ids[i], byID[v.ChunkID] = v.ChunkID, v
		}
		rows, err := r.on(ctx, scope).query(ctx, selectPositions, ids)
		if err != nil {
			return nil, r.db.Translate(err)
		}
		var id int64
		var at placed
		_, err = pgx.ForEachRow(rows, []any{&id, &at.documentID, &at.chunkIndex}, func() error {
			found = append(found, placed{Vector: byID[id], documentID: at.documentID, chunkIndex: at.chunkIndex})
			return nil
		})
		if err != nil {
			return nil, r.db.Translate(err)
		}
	}
	return found, nil
}
