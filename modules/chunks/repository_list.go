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

// GetChunksByCollection reads the chunks after a key, at most limit and never more than
// [MaxPage], in the order of their index; fewer where they are very long
// ([MaxPageBytes]). The zero key is before all of them. more tells whether there are
// others after them. It is not for a unit of work.
func (r *Repository) GetChunksByCollection(ctx context.Context, scope collections.Scope, after Key, limit int) (found []Chunk, more bool, err error) {
	limit = pageOf(limit)
	found, cut, err := r.collectSome(ctx, scope, selectPage, after.args(limit+1))
	return upTo(found, cut, limit, err)
}

// GetChunksByDocument is GetChunksByCollection for the chunks of one document.
func (r *Repository) GetChunksByDocument(ctx context.Context, scope collections.Scope, documentID uuid.UUID, after Key, limit int) (found []Chunk, more bool, err error) {
	limit = pageOf(limit)
	found, cut, err := r.collectSome(ctx, scope, selectDocumentPage, append(after.args(limit+1), documentID))
	return upTo(found, cut, limit, err)
}

// pageOf is a size that a page may have.
func pageOf(limit int) int { return min(max(limit, 1), MaxPage) }

// upTo takes off the one that was read to know whether there are more.
func upTo(found []Chunk, cut bool, limit int, err error) ([]Chunk, bool, error) {
	if len(found) > limit {
		return found[:limit], true, err
	}
	return found, cut, err
}

// args are the parameters of a page of so many chunks.
func (k Key) args(limit int) []any {
	if k == (Key{}) {
		k.ChunkIndex = -1
	}
	return []any{k.ChunkIndex, k.ID, limit}
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
// costs what lies before, so offset ends at [MaxOffset]. A page that would have to be
// cut, by [MaxPageBytes], is [ErrPageTooLong]: the one after it would begin too late.
func (r *Repository) GetChunksByOffset(ctx context.Context, scope collections.Scope, documentID *uuid.UUID, offset, limit int) (found []Chunk, more bool, err error) {
	if offset >= MaxOffset {
		return nil, false, errTooDeep
	}
	limit = pageOf(limit)
	sql, args := selectOffset, []any{max(offset, 0), limit + 1}
	if documentID != nil {
		sql, args = selectDocumentOffset, append(args, *documentID)
	}
	found, cut, err := r.collectSome(ctx, scope, sql, args)
	if cut && len(found) < limit {
		return nil, false, ErrPageTooLong
	}
	return upTo(found, cut, limit, err)
}

// collectSome reads chunks up to [MaxPageBytes], and tells whether there were more. The
// statement is cancelled then: PostgreSQL would send gigabytes of what nobody wants.
func (r *Repository) collectSome(ctx context.Context, scope collections.Scope, sql string, args []any) (found []Chunk, cut bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	rows, err := r.on(ctx, scope).query(ctx, sql, args...)
	if err != nil {
		return nil, false, r.db.Translate(err)
	}
	found, cut, err = scanChunks(rows, MaxPageBytes, stop)
	return found, cut, r.db.Translate(err)
}

func (r *Repository) collect(ctx context.Context, scope collections.Scope, sql string, args []any) ([]Chunk, error) {
	rows, err := r.on(ctx, scope).query(ctx, sql, args...)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, _, err := scanChunks(rows, 0, nil)
	return found, r.db.Translate(err)
}
