package chunks

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// What follows mends what a bug or a restore has left. Each reads all that the collection
// has in its partition.

// deleteLost looks twice: rows that were found may have their chunk by now.
const deleteLost = `
delete from chunk_search s
where s.partition_key = $1
  and s.collection_id = $2
  and s.chunk_id = any(array(
    select l.chunk_id
    from chunk_search l
    where l.partition_key = $1
      and l.collection_id = $2
      and not exists (select 1 from chunks k where k.partition_key = $1 and k.collection_id = $2 and k.id = l.chunk_id)
    limit $3
  ))
  and not exists (select 1 from chunks k where k.partition_key = $1 and k.collection_id = $2 and k.id = s.chunk_id)`

// DeleteLostSearchRows deletes search rows whose chunk is gone, at most limit, and tells
// how many. The counter is the caller's.
func (r *Repository) DeleteLostSearchRows(ctx context.Context, scope collections.Scope, limit int) (int64, error) {
	tag, err := r.on(ctx, scope).exec(ctx, deleteLost, limit)
	return tag.RowsAffected(), r.db.Translate(err)
}

// noteUnindexed leaves out what is noted already, and documents that an operation is going
// to index. Whoever makes search rows passes over chunks that have one.
const noteUnindexed = `
insert into chunk_search_backlog (partition_key, collection_id, load_id, document_id, first_index, last_index, new_chunks)
select $1::integer, $2::uuid, $3::bigint, k.document_id, min(k.chunk_index), max(k.chunk_index), 0
from chunks k
left join documents d on d.id = k.document_id and d.collection_id = $2 and d.partition_key = $1
where k.partition_key = $1
  and k.collection_id = $2
  and (k.document_id is null or d.status = 'completed')
  and not exists (select 1 from chunk_search s where s.partition_key = $1 and s.collection_id = $2 and s.chunk_id = k.id)
  and not exists (
    select 1
    from chunk_search_backlog b
    where b.partition_key = $1
      and b.collection_id = $2
      and coalesce(b.document_id, '00000000-0000-0000-0000-000000000000') = coalesce(k.document_id, '00000000-0000-0000-0000-000000000000')
      and k.chunk_index between b.first_index and b.last_index
  )
group by k.document_id`

// NoteUnindexed notes the chunks that no search can find, and that nobody is going to do
// anything about, for the search rows to be made. It tells of how many documents that is.
func (r *Repository) NoteUnindexed(ctx context.Context, scope collections.Scope) (int64, error) {
	load, err := r.NewLoad(ctx)
	if err != nil {
		return 0, err
	}
	tag, err := r.on(ctx, scope).exec(ctx, noteUnindexed, load)
	if err != nil {
		return 0, fmt.Errorf("noting chunks without a search row: %w", r.db.Translate(err))
	}
	return tag.RowsAffected(), nil
}

const (
	countOfDocument = `(
    select count(*) from chunks k where k.partition_key = $1 and k.collection_id = $2 and k.document_id = d.id
  )`

	lockMiscounted = `
select d.id
from documents d
where d.partition_key = $1
  and d.collection_id = $2
  and d.status in ('completed', 'failed')
  and d.chunk_count <> ` + countOfDocument + `
order by d.id
limit $3
for no key update`

	// A statement of its own: what was loaded while this waited for the lock is seen by it.
	recountDocuments = `
update documents d
set chunk_count = ` + countOfDocument + `,
    updated_at = now()
where d.partition_key = $1
  and d.collection_id = $2
  and d.id = any($3)
  and d.chunk_count <> ` + countOfDocument
)

// RecountDocuments sets the counters of documents that say another number of chunks than
// they have, at most limit, and tells how many were wrong. Whoever loads into a document
// counts up under its lock, which this holds. It needs a unit of work.
func (r *Repository) RecountDocuments(ctx context.Context, scope collections.Scope, limit int) (int64, error) {
	ids, err := r.ids(ctx, scope, lockMiscounted, limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	tag, err := r.on(ctx, scope).exec(ctx, recountDocuments, ids)
	return tag.RowsAffected(), r.db.Translate(err)
}

// selectMiscut finds documents whose chunks were cut here, and have a gap or lie elsewhere
// than they say.
const selectMiscut = `
select d.id
from documents d
left join (
  select document_id, count(*) as n, min(chunk_index) as first, max(chunk_index) as last, bool_or(edited_at is not null) as edited,
         count(*) filter (where end_offset - start_offset <> length(content)) as misplaced
  from chunks
  where partition_key = $1
    and collection_id = $2
    and document_id is not null
  group by document_id
) k on k.document_id = d.id
where d.partition_key = $1
  and d.collection_id = $2
  and d.status = 'completed'
  and d.chunked_hash is not null
  and not coalesce(k.edited, false)
  and (k.n <> k.last + 1 or k.first <> 0 or k.misplaced > 0 or k.n is null and d.chunk_count > 0)`

// ListMiscut gives the documents whose chunks are not all there, or not where they say,
// and of which nobody has edited one.
func (r *Repository) ListMiscut(ctx context.Context, scope collections.Scope) ([]uuid.UUID, error) {
	return r.ids(ctx, scope, selectMiscut)
}

func (r *Repository) ids(ctx context.Context, scope collections.Scope, sql string, more ...any) ([]uuid.UUID, error) {
	rows, err := r.on(ctx, scope).query(ctx, sql, more...)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, r.db.Translate(err)
}
