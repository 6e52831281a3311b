package chunks

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// lockChunk is served by the primary key.
const lockChunk = selectChunk + `
for no key update`

// LockChunk is GetChunkByID, and keeps others from changing the chunk and its search
// row until the transaction ends. It needs a unit of work.
func (r *Repository) LockChunk(ctx context.Context, scope collections.Scope, id int64) (Chunk, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return Chunk{}, err
	}
	return r.one(ctx, scope, lockChunk, id)
}

// Edit is what a chunk is to have; nil leaves it as it is.
type Edit struct {
	// Content is followed by what was made of the old one: the count of tokens and the
	// name of the vector are taken away.
	Content *string
	Enabled *bool
	// Metadata is a JSON object.
	Metadata json.RawMessage
}

const (
	// updateChunk is served by the primary key. updated_at, which is what an If-Match is
	// compared with, never stays or goes back: now() is when a transaction began, which
	// may be long before another's that has ended meanwhile.
	updateChunk = `
update chunks
set content = coalesce($4, content),
    token_count = case when $4::text is null then token_count end,
    embedding_vector_id = case when $4::text is null then embedding_vector_id end,
    enabled = coalesce($5, enabled),
    metadata = coalesce($6, metadata),
    edited_at = now(),
    updated_at = greatest(now(), updated_at + interval '1 microsecond')
where partition_key = $1
  and collection_id = $2
  and id = $3
returning ` + columns

	// updateSearchRow is served by the primary key. Where there is no row yet, the chunk
	// is in the backlog, and the row will be made of its new content.
	updateSearchRow = `
update chunk_search
set search = chunk_search_vector($4)
where partition_key = $1
  and collection_id = $2
  and chunk_id = $3`
)

// UpdateChunk edits a chunk, with its search row, and gives it as it is then. It
// needs a unit of work that has locked the chunk ([Repository.LockChunk]): a search
// row that is being made of the old content would stay otherwise.
func (r *Repository) UpdateChunk(ctx context.Context, scope collections.Scope, id int64, e Edit) (Chunk, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return Chunk{}, err
	}
	c, err := r.one(ctx, scope, updateChunk, id, e.Content, e.Enabled, e.Metadata)
	if err != nil || e.Content == nil {
		return c, err
	}
	_, err = r.on(ctx, scope).exec(ctx, updateSearchRow, id, *e.Content)
	return c, r.db.Translate(err)
}

// one runs a statement that gives one chunk, or [ErrNotFound].
func (r *Repository) one(ctx context.Context, scope collections.Scope, sql string, args ...any) (Chunk, error) {
	rows, err := r.on(ctx, scope).query(ctx, sql, args...)
	if err != nil {
		return Chunk{}, r.db.Translate(err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanChunk)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, ErrNotFound
	}
	return c, r.db.Translate(err)
}

// lockDocument is served by the unique key (collection_id, document_id, …).
const lockDocument = `
select coalesce(count(*) filter (where edited), 0)
from (
  select edited_at is not null as edited
  from chunks
  where partition_key = $1
    and collection_id = $2
    and document_id = $3
  for no key update
) locked`

// LockDocument keeps others from changing the document's chunks until the transaction
// ends, which it needs, and tells how many of them people have edited.
func (r *Repository) LockDocument(ctx context.Context, scope collections.Scope, documentID uuid.UUID) (edited int64, err error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return 0, err
	}
	rows, err := r.on(ctx, scope).query(ctx, lockDocument, documentID)
	if err != nil {
		return 0, r.db.Translate(err)
	}
	edited, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
	return edited, r.db.Translate(err)
}
