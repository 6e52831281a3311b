package documents

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"semantik/modules/collections"
)

// contentColumns are the columns of document_contents in the order of COPY.
var contentColumns = []string{"document_id", "kind", "slice", "collection_id", "partition_key", "data"}

// deleteContent is served by the primary key.
const deleteContent = `
delete from document_contents
where document_id = $1
  and kind = $2
  and collection_id = $3
  and partition_key = $4`

// SaveContent stores a content in slices, in place of the one that is there. It
// needs a unit of work and holds one slice in memory.
func (r *Repository) SaveContent(ctx context.Context, scope collections.Scope, id uuid.UUID, kind ContentKind, content io.Reader) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return fmt.Errorf("storing a content: %w", err)
	}
	if _, err := tx.Exec(ctx, deleteContent, id, kind, scope.ID(), scope.PartitionKey()); err != nil {
		return r.db.Translate(err)
	}
	buffer := make([]byte, SliceBytes)
	slice := 0
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"document_contents"}, contentColumns, pgx.CopyFromFunc(func() ([]any, error) {
		n, err := io.ReadFull(content, buffer)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return nil, nil
			}
			return nil, fmt.Errorf("reading the content: %w", err)
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("reading the content: %w", err)
		}
		row := []any{id, string(kind), slice, scope.ID(), scope.PartitionKey(), buffer[:n]}
		slice++
		return row, nil
	}))
	return r.db.Translate(err)
}

// selectContent is served by the primary key.
const selectContent = `
select data
from document_contents
where document_id = $1
  and kind = $2
  and collection_id = $3
  and partition_key = $4
order by slice`

// ReadContent gives a whole content; its size is what uploads are limited to. A
// document that has none, or an empty one, gives nothing.
func (r *Repository) ReadContent(ctx context.Context, scope collections.Scope, d Document, kind ContentKind) ([]byte, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectContent, d.ID, string(kind), scope.ID(), scope.PartitionKey())
	if err != nil {
		return nil, fmt.Errorf("reading a content: %w", r.db.Translate(err))
	}
	content := make([]byte, 0, d.FileSize)
	var slice []byte
	_, err = pgx.ForEachRow(rows, []any{&slice}, func() error {
		content = append(content, slice...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading a content: %w", r.db.Translate(err))
	}
	return content, nil
}

// hasContent is served by the primary key.
const hasContent = `
select exists (
  select 1
  from document_contents
  where document_id = $1
    and kind = $2
    and slice = 0
    and collection_id = $3
    and partition_key = $4
)`

// HasContent tells whether a content is stored that is not empty.
func (r *Repository) HasContent(ctx context.Context, scope collections.Scope, id uuid.UUID, kind ContentKind) (bool, error) {
	var stored bool
	err := r.db.Querier(ctx).QueryRow(ctx, hasContent, id, kind, scope.ID(), scope.PartitionKey()).Scan(&stored)
	return stored, r.db.Translate(err)
}

// selectSlice is served by both primary keys. A content and its hash change in one
// transaction, so that the statement sees them together.
const selectSlice = `
select c.data
from document_contents c
join documents d on d.id = c.document_id
where c.document_id = $1
  and c.kind = 'original'
  and c.slice = $2
  and c.collection_id = $3
  and c.partition_key = $4
  and d.collection_id = $3
  and d.partition_key = $4
  and d.content_hash = $5
  and d.status <> 'deleted'`

// ReadSlice reads a slice of a document's original content, into the buffer if it is
// large enough. Where the document has another content by now, or is gone, it is
// [ErrContentChanged].
func (r *Repository) ReadSlice(ctx context.Context, scope collections.Scope, d Document, slice int64, buffer []byte) ([]byte, error) {
	data := pgtype.PreallocBytes(buffer)
	err := r.db.Querier(ctx).QueryRow(ctx, selectSlice, d.ID, slice, scope.ID(), scope.PartitionKey(), d.ContentHash).Scan(&data)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrContentChanged.WithMessagef("The content was replaced or deleted while it was being read.")
	}
	return data, r.db.Translate(err)
}
