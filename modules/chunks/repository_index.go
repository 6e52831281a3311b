package chunks

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Pending is a row of the backlog: chunks that may have no search rows yet.
type Pending struct {
	ID         int64
	DocumentID *uuid.UUID
	// First and Last are the least and the greatest index.
	First, Last int
}

// chunks is how many chunks it may be.
func (p Pending) chunks() int { return p.Last - p.First + 1 }

// nextPending is served by the index on (collection_id, load_id, id).
const nextPending = `
select collection_id
from chunk_search_backlog
where collection_id > $1
order by collection_id
limit 1`

// NextPending gives the collection with chunks to index that comes after one in the
// order of ids; false when there is none. The zero UUID comes before all.
func (r *Repository) NextPending(ctx context.Context, after uuid.UUID) (uuid.UUID, bool, error) {
	var id uuid.UUID
	err := r.db.Querier(ctx).QueryRow(ctx, nextPending, after).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, false, nil
	}
	return id, err == nil, r.db.Translate(err)
}

// claimPending is served by the index on (collection_id, load_id, id).
const claimPending = `
select id, document_id, first_index, last_index
from chunk_search_backlog
where partition_key = $1
  and collection_id = $2
order by load_id, id
limit $3
for update skip locked`

// ClaimPending gives the oldest rows of the backlog, at most limit, and keeps others
// from taking the same ones until the transaction ends. It needs a unit of work.
func (r *Repository) ClaimPending(ctx context.Context, scope collections.Scope, limit int) ([]Pending, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return nil, err
	}
	rows, err := r.on(ctx, scope).query(ctx, claimPending, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Pending])
	return found, r.db.Translate(err)
}

const (
	// donePending and shortenPending are served by the primary key.
	donePending = `
delete from chunk_search_backlog
where partition_key = $1
  and collection_id = $2
  and id = any($3)`

	shortenPending = `
update chunk_search_backlog
set first_index = $4
where partition_key = $1
  and collection_id = $2
  and id = $3`
)

// DonePending takes rows off the backlog.
func (r *Repository) DonePending(ctx context.Context, scope collections.Scope, ids []int64) error {
	_, err := r.on(ctx, scope).exec(ctx, donePending, ids)
	return r.db.Translate(err)
}

// ShortenPending leaves of a row of the backlog what begins with an index.
func (r *Repository) ShortenPending(ctx context.Context, scope collections.Scope, id int64, first int) error {
	_, err := r.on(ctx, scope).exec(ctx, shortenPending, id, first)
	return r.db.Translate(err)
}

// Making search rows locks the chunks: whoever deletes or replaces one meanwhile
// waits, and then finds the search row that has been made of it; whoever was faster
// is waited for, and what is read is what they have left.
//
// All of it is written so that PostgreSQL can read it in one way only. It runs right
// after a load, when there are no statistics of what was loaded: PostgreSQL then takes
// a collection for a few rows, and the index that begins with it for a good way to any
// of them, and reads the whole collection for each slice, or for each document. A
// comparison of rows is served by the unique key alone, a lateral by the primary key,
// one row after another; the chunks that have a search row are asked for by a subquery
// of their own, a look at an index for each of them.
const (
	// indexSettings are those of a load, but for a lock that somebody holds: a chunk that
	// is being replaced is not waited for while there is something else to do.
	indexSettings = loadSettings + `; set local lock_timeout = 1000`

	hasNoSearchRow = `
    and (
      select true
      from chunk_search s
      where s.partition_key = $1
        and s.collection_id = $2
        and s.chunk_id = k.id
    ) is null`

	// The chunks are locked in the order of [placed.compare].
	intoSearchRows = ` into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
  select $1, $2, l.document_id, w.id, chunk_search_vector(l.content)
  from (select id from `

	lockedEnd = ` order by document_id, chunk_index) w
  cross join lateral (
    select k.document_id, k.content
    from chunks k
    where k.partition_key = $1
      and k.collection_id = $2
      and k.id = w.id
    for share
  ) l
  on conflict do nothing`

	// indexDocuments is served by the unique key (collection_id, document_id,
	// chunk_index, …) for one document after another.
	indexDocuments = `
with slice as materialized (
  select f.id, f.document_id, f.chunk_index
  from unnest($3::uuid[], $4::integer[], $5::integer[]) as w(document_id, first_index, last_index)
  cross join lateral (
    select k.id, k.document_id, k.chunk_index
    from chunks k
    where k.partition_key = $1
      and k.collection_id = $2
      and (k.document_id, k.chunk_index) >= (w.document_id, w.first_index)
      and (k.document_id, k.chunk_index) <= (w.document_id, w.last_index)` + hasNoSearchRow + `
    offset 0
  ) f
)
insert` + intoSearchRows + `slice` + lockedEnd

	// A slice has no more than the first chunk whose content goes beyond so many bytes.
	sliceBegin = ` slice as materialized (
  select id, document_id, chunk_index, looked
  from (
    select n.*, count(*) over () as looked,
      sum(size) over (order by document_id, chunk_index) - size as before
    from (
      select k.id, k.document_id, k.chunk_index, octet_length(k.content) as size
      from chunks k
      where k.partition_key = $1
        and k.collection_id = $2`

	sliceEnd = hasNoSearchRow + `
      order by k.document_id, k.chunk_index
      limit $5
    ) n
  ) bounded
  where before < $6
), made as (
  insert` + intoSearchRows + `slice` + lockedEnd + `
  returning 1
)
select (select count(*) from made), count(*), coalesce(max(looked), 0), coalesce(max(chunk_index), 0)
from slice`

	// Both are served by the unique key (collection_id, document_id, chunk_index, …).
	indexSliceOfDocument = `
with` + sliceBegin + `
        and (k.document_id, k.chunk_index) >= ($7, $3)
        and (k.document_id, k.chunk_index) <= ($7, $4)` + sliceEnd
	indexSliceOfNone = `
with` + sliceBegin + `
        and k.document_id is null
        and k.chunk_index between $3 and $4` + sliceEnd

	// measurePending is served by the unique key (collection_id, document_id,
	// chunk_index, …) for one document after another.
	measurePending = `
select coalesce((
  select sum(octet_length(k.content))
  from chunks k
  where k.partition_key = $1
    and k.collection_id = $2
    and (k.document_id, k.chunk_index) >= (w.document_id, w.first_index)
    and (k.document_id, k.chunk_index) <= (w.document_id, w.last_index)
), 0)
from unnest($3::uuid[], $4::integer[], $5::integer[]) with ordinality as w(document_id, first_index, last_index, n)
order by n`
)

// MeasurePending gives how many bytes the contents of each of them have, which are of
// documents. A length is known without reading the content.
func (r *Repository) MeasurePending(ctx context.Context, scope collections.Scope, pending []Pending) ([]int64, error) {
	ids, first, last := columnsOf(pending)
	rows, err := r.on(ctx, scope).query(ctx, measurePending, ids, first, last)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	sizes, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return sizes, r.db.Translate(err)
}

func columnsOf(pending []Pending) (ids []*uuid.UUID, first, last []int) {
	ids, first, last = make([]*uuid.UUID, len(pending)), make([]int, len(pending)), make([]int, len(pending))
	for i, p := range pending {
		ids[i], first[i], last[i] = p.DocumentID, p.First, p.Last
	}
	return ids, first, last
}

// IndexDocuments makes the search rows that chunks of documents have not, and tells
// how many it made. It needs a unit of work.
func (r *Repository) IndexDocuments(ctx context.Context, scope collections.Scope, pending []Pending) (int64, error) {
	ids, first, last := columnsOf(pending)
	tag, err := r.on(ctx, scope).loadUnder(ctx, indexSettings, indexDocuments, ids, first, last)
	if err != nil {
		return 0, fmt.Errorf("making search rows: %w", r.db.Translate(err))
	}
	return tag.RowsAffected(), nil
}

// IndexSlice makes the search rows of the next chunks that have none, at most limit, and
// no more than the first whose content goes beyond so many bytes. It tells how many it
// made, and with which index the rest begins; p.Last+1 when there is no rest. It needs a
// unit of work.
func (r *Repository) IndexSlice(ctx context.Context, scope collections.Scope, p Pending, limit, bytes int) (made int64, next int, err error) {
	sql, args := indexSliceOfNone, []any{p.First, p.Last, limit, bytes}
	if p.DocumentID != nil {
		sql, args = indexSliceOfDocument, append(args, *p.DocumentID)
	}
	var taken, looked int64
	var greatest int
	err = r.on(ctx, scope).loadRowUnder(ctx, indexSettings, sql, args, &made, &taken, &looked, &greatest)
	if err != nil {
		return 0, 0, fmt.Errorf("making search rows: %w", r.db.Translate(err))
	}
	if taken == looked && looked < int64(limit) {
		return made, p.Last + 1, nil
	}
	return made, greatest + 1, nil
}
