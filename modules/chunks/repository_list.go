package chunks

import (
	"context"
	"math"

	"github.com/google/uuid"

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

// GetChunksByCollection reads the chunks after a key, at most limit and never more
// than one beyond [MaxPage], which tells that there are more, in the order of their
// index. The zero key is before all of them.
func (r *Repository) GetChunksByCollection(ctx context.Context, scope collections.Scope, after Key, limit int) ([]Chunk, error) {
	return r.collect(ctx, scope, selectPage, after.args(limit))
}

// GetChunksByDocument is GetChunksByCollection for the chunks of one document.
func (r *Repository) GetChunksByDocument(ctx context.Context, scope collections.Scope, documentID uuid.UUID, after Key, limit int) ([]Chunk, error) {
	return r.collect(ctx, scope, selectDocumentPage, append(after.args(limit), documentID))
}

// args are the parameters of a page.
func (k Key) args(limit int) []any {
	if k == (Key{}) {
		k.ChunkIndex = -1
	}
	return []any{k.ChunkIndex, k.ID, min(max(limit, 1), MaxPage+1)}
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
	sql, args := selectOffset, []any{max(offset, 0), min(max(limit, 1), MaxPage+1)}
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
	found, err := scanChunks(rows)
	return found, r.db.Translate(err)
}
