package chunks

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/modules/documents"
)

// Span is what a load has brought of one document, or of none.
type Span struct {
	DocumentID *uuid.UUID
	// First and Last are the least and the greatest index.
	First, Last int
	// New is how many of the chunks were not there before.
	New int64
}

var backlogColumns = []string{"collection_id", "partition_key", "load_id", "document_id", "first_index", "last_index", "new_chunks"}

// nextLoad gives a load its number. It is out of the sequence of the rows' own ids:
// what counts is only that later loads have greater ones.
const nextLoad = `select nextval(pg_get_serial_sequence('chunk_search_backlog', 'id'))`

// NewLoad gives the number of a load that begins.
func (r *Repository) NewLoad(ctx context.Context) (int64, error) {
	var id int64
	err := r.db.Querier(ctx).QueryRow(ctx, nextLoad).Scan(&id)
	return id, r.db.Translate(err)
}

// NoteSpans writes down what a load has brought, for the search rows to be made and
// for the documents to be counted. It needs a unit of work.
func (r *Repository) NoteSpans(ctx context.Context, scope collections.Scope, load int64, spans []Span) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return fmt.Errorf("noting a load: %w", err)
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"chunk_search_backlog"}, backlogColumns, pgx.CopyFromSlice(len(spans), func(i int) ([]any, error) {
		s := spans[i]
		return []any{scope.ID(), scope.PartitionKey(), load, s.DocumentID, s.First, s.Last, s.New}, nil
	}))
	if err != nil {
		return fmt.Errorf("noting a load: %w", r.db.Translate(err))
	}
	return nil
}

// noteMerged is NoteSpans for what was merged.
const noteMerged = `
insert into chunk_search_backlog (partition_key, collection_id, load_id, document_id, first_index, last_index, new_chunks)
select $1::integer, $2::uuid, $3::bigint, document_id, min(chunk_index), max(chunk_index), count(*) filter (where is_new)
from load_merged
group by document_id`

// NoteMerged writes down what [Repository.MergeStaged] has loaded.
func (r *Repository) NoteMerged(ctx context.Context, scope collections.Scope, load int64) error {
	if _, err := r.on(ctx, scope).exec(ctx, noteMerged, load); err != nil {
		return fmt.Errorf("noting a load: %w", r.db.Translate(err))
	}
	return nil
}

// declareLoaded is served by the index on (collection_id, load_id, id).
const declareLoaded = `
declare loaded_documents no scroll cursor for
select document_id, sum(new_chunks)::bigint
from chunk_search_backlog
where partition_key = $1
  and collection_id = $2
  and load_id = $3
  and document_id is not null
group by document_id
order by document_id`

// loadedAtOnce is how many documents of a load are in memory at the same time.
const loadedAtOnce = 10_000

// EachLoadedDocument calls fn with the documents of a load and how many new chunks
// each has, in the order of their ids, so many at a time that a load of any size fits
// into memory. It needs a unit of work.
func (r *Repository) EachLoadedDocument(ctx context.Context, scope collections.Scope, load int64, fn func([]documents.Loaded) error) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	args := []any{pgx.QueryExecModeExec, scope.PartitionKey(), scope.ID(), load}
	if _, err := tx.Exec(ctx, declareLoaded, args...); err != nil {
		return fmt.Errorf("reading what was loaded: %w", r.db.Translate(err))
	}
	for {
		rows, err := tx.Query(ctx, fmt.Sprintf("fetch %d from loaded_documents", loadedAtOnce))
		if err != nil {
			return fmt.Errorf("reading what was loaded: %w", r.db.Translate(err))
		}
		loaded, err := pgx.CollectRows(rows, pgx.RowToStructByPos[documents.Loaded])
		if err != nil {
			return fmt.Errorf("reading what was loaded: %w", r.db.Translate(err))
		}
		if len(loaded) > 0 {
			if err := fn(loaded); err != nil {
				return err
			}
		}
		if len(loaded) < loadedAtOnce {
			_, err := tx.Exec(ctx, "close loaded_documents")
			return r.db.Translate(err)
		}
	}
}

// purgeBacklog is served by the index on (collection_id, load_id, id).
const purgeBacklog = `
delete from chunk_search_backlog
where id = any(array(
  select id
  from chunk_search_backlog
  where partition_key = $1
    and collection_id = $2
  limit $3
))`

// PurgeBacklog takes the loads of a deleted collection off the list of what is to be
// indexed, at most limit rows, and tells how many.
func (r *Repository) PurgeBacklog(ctx context.Context, scope collections.Scope, limit int) (int64, error) {
	tag, err := r.on(ctx, scope).exec(ctx, purgeBacklog, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

// spans collects what a load brings, by document.
type spans map[uuid.UUID]Span

// add counts a chunk. Chunks without a document are counted under the zero UUID,
// which is no version 4.
func (s spans) add(c NewChunk) {
	var id uuid.UUID
	if c.DocumentID != nil {
		id = *c.DocumentID
	}
	span, there := s[id]
	if !there {
		span = Span{DocumentID: c.DocumentID, First: c.ChunkIndex, Last: c.ChunkIndex}
	}
	span.First, span.Last = min(span.First, c.ChunkIndex), max(span.Last, c.ChunkIndex)
	span.New++
	s[id] = span
}

func (s spans) list() []Span {
	list := make([]Span, 0, len(s))
	for _, span := range s {
		list = append(list, span)
	}
	return list
}
