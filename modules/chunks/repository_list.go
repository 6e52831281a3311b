package chunks

import (
	"context"
	"math"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Key is a position in a list of chunks: after the chunk with this index and id.
type Key struct {
	ChunkIndex int   `json:"i"`
	ID         int64 `json:"id"`
}

// valid reports whether the key can be that of a chunk.
func (k Key) valid() bool {
	return k.ID > 0 && k.ChunkIndex >= 0 && k.ChunkIndex <= math.MaxInt32
}

// selectPage is served by the index (collection_id, chunk_index, id).
const selectPage = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and (chunk_index, id) > ($3, $4)
order by chunk_index, id
limit $5`

// selectDocumentPage is served by the unique key (collection_id, document_id,
// chunk_index, …).
const selectDocumentPage = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and document_id = $6
  and (chunk_index, id) > ($3, $4)
order by chunk_index, id
limit $5`

// GetChunksByCollection reads the chunks after a key, at most limit and never
// more than [MaxPage], in the order of their index; with a document, only that
// one's. The zero key is before all of them.
func (r *Repository) GetChunksByCollection(ctx context.Context, scope collections.Scope, documentID *uuid.UUID, after Key, limit int) ([]Chunk, error) {
	limit = min(max(limit, 1), MaxPage)
	if after == (Key{}) {
		after = Key{ChunkIndex: -1}
	}
	sql, args := selectPage, []any{after.ChunkIndex, after.ID, limit}
	if documentID != nil {
		sql, args = selectDocumentPage, append(args, *documentID)
	}
	return r.collect(ctx, scope, sql, args)
}

// selectOffset is served by the index (collection_id, chunk_index, id).
const selectOffset = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
order by chunk_index, id
offset $3
limit $4`

// selectDocumentOffset is served by the unique key (collection_id, document_id,
// chunk_index, …).
const selectDocumentOffset = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and document_id = $5
order by chunk_index, id
offset $3
limit $4`

// GetChunksByOffset reads a page by number, for clients that count; reading deep
// costs what lies before, so offset ends at [MaxOffset].
func (r *Repository) GetChunksByOffset(ctx context.Context, scope collections.Scope, documentID *uuid.UUID, offset, limit int) ([]Chunk, error) {
	if offset > MaxOffset {
		return nil, errTooDeep
	}
	sql, args := selectOffset, []any{max(offset, 0), min(max(limit, 1), MaxPage)}
	if documentID != nil {
		sql, args = selectDocumentOffset, append(args, *documentID)
	}
	return r.collect(ctx, scope, sql, args)
}

func (r *Repository) collect(ctx context.Context, scope collections.Scope, sql string, args []any) ([]Chunk, error) {
	rows, err := r.on(ctx, scope).query(ctx, sql, args...)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, scanChunk)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	if found == nil {
		found = []Chunk{}
	}
	return found, nil
}
