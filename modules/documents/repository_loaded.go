package documents

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Loaded is a document that chunks were loaded into from outside.
type Loaded struct {
	ID uuid.UUID
	// New is how many chunks it did not have before.
	New int64
}

// lockLoaded is served by the primary key. The order is that in which everybody locks
// several documents.
const lockLoaded = `
select id, status
from documents
where collection_id = $1
  and partition_key = $2
  and id = any($3::uuid[])
order by id
for no key update`

// addChunks is served by the primary key. Nobody knows any more what the chunks were
// made from.
const addChunks = `
update documents d
set chunk_count = d.chunk_count + w.new_chunks::integer,
    chunked_hash = null,
    updated_at = now()
from unnest($3::uuid[], $4::bigint[]) as w(id, new_chunks)
where d.id = w.id
  and d.collection_id = $1
  and d.partition_key = $2`

// AddChunks counts chunks that were loaded into documents from outside, or with a
// negative number deleted, in the order of the documents' ids. It locks them as
// [Repository.LockLoadable] does, and gives its errors.
func (r *Repository) AddChunks(ctx context.Context, scope collections.Scope, loaded []Loaded) error {
	ids, counts := make([]uuid.UUID, len(loaded)), make([]int64, len(loaded))
	for i, l := range loaded {
		ids[i], counts[i] = l.ID, l.New
	}
	if err := r.LockLoadable(ctx, scope, ids...); err != nil {
		return err
	}
	_, err := r.db.Querier(ctx).Exec(ctx, addChunks, scope.ID(), scope.PartitionKey(), ids, counts)
	return r.db.Translate(err)
}

// LockLoadable locks documents whose chunks are being changed from outside, until the
// unit of work ends, which it needs. It comes after the chunks, as with everybody who
// loads. Only completed documents take that: one that waits or is being worked on gets
// its own chunks ([ErrNotLoadable]), and one that is deleted or not there is
// [ErrNotFound].
func (r *Repository) LockLoadable(ctx context.Context, scope collections.Scope, ids ...uuid.UUID) error {
	if _, err := r.db.Tx(ctx); err != nil {
		return err
	}
	rows, err := r.db.Querier(ctx).Query(ctx, lockLoaded, scope.ID(), scope.PartitionKey(), ids)
	if err != nil {
		return fmt.Errorf("locking documents: %w", r.db.Translate(err))
	}
	found := make(map[uuid.UUID]Status, len(ids))
	var id uuid.UUID
	var status Status
	_, err = pgx.ForEachRow(rows, []any{&id, &status}, func() error {
		found[id] = status
		return nil
	})
	if err != nil {
		return fmt.Errorf("locking documents: %w", r.db.Translate(err))
	}
	for _, id := range ids {
		if err := loadable(id, found); err != nil {
			return err
		}
	}
	return nil
}

// loadable tells why a document takes no chunks.
func loadable(id uuid.UUID, found map[uuid.UUID]Status) error {
	status, there := found[id]
	switch {
	case !there, status == StatusDeleted:
		return ErrNotFound.WithMessagef("The collection has no document %s, or not any more.", id).WithDetail("document_id", id.String())
	case status != StatusCompleted:
		return ErrNotLoadable.WithMessagef("The document %s is %s: its chunks can be changed only once it is completed.", id, status).
			WithDetail("document_id", id.String())
	default:
		return nil
	}
}
