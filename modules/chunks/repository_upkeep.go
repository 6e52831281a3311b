package chunks

import (
	"context"

	"semantik/modules/collections"
)

// countAll is served by the index that leads with collection_id, and for the search
// rows by the one on (collection_id, search); where the collection is most of its
// partition, PostgreSQL rather reads that.
const countAll = `
select (
  select count(*)
  from chunks
  where partition_key = $1
    and collection_id = $2
), (
  select count(*)
  from chunk_search
  where partition_key = $1
    and collection_id = $2
)`

// CountAll counts the collection's chunks, and those of them that a search can find. It
// takes as long as there are many.
func (r *Repository) CountAll(ctx context.Context, scope collections.Scope) (chunks, searchRows int64, err error) {
	err = r.row(ctx, scope, countAll, &chunks, &searchRows)
	return chunks, searchRows, err
}

// selectAny is served by the same indexes.
const selectAny = `
select exists (
  select 1
  from chunks
  where partition_key = $1
    and collection_id = $2
) or exists (
  select 1
  from chunk_search
  where partition_key = $1
    and collection_id = $2
) or exists (
  select 1
  from chunk_search_backlog
  where partition_key = $1
    and collection_id = $2
)`

// HasAny reports whether the collection has a chunk, a search row, or a load that waits
// for search rows.
func (r *Repository) HasAny(ctx context.Context, scope collections.Scope) (has bool, err error) {
	err = r.row(ctx, scope, selectAny, &has)
	return has, err
}

func (r *Repository) row(ctx context.Context, scope collections.Scope, sql string, into ...any) error {
	on := r.on(ctx, scope)
	return r.db.Translate(on.querier.QueryRow(ctx, sql, on.args(nil)...).Scan(into...))
}
