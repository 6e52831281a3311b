package partitions

import "context"

// Both look at the rows of one partition, by its key, whose collection is not there, and
// again at each before they delete it. They are served by the collections' key.
const (
	deleteOrphanedChunks = `
delete from chunks
where partition_key = $1
  and ctid = any(array(
    select k.ctid
    from chunks k
    where k.partition_key = $1
      and not exists (select 1 from collections c where c.id = k.collection_id)
    limit $2
  ))
  and not exists (select 1 from collections c where c.id = collection_id)`

	deleteOrphanedSearchRows = `
delete from chunk_search
where partition_key = $1
  and ctid = any(array(
    select s.ctid
    from chunk_search s
    where s.partition_key = $1
      and not exists (select 1 from collections c where c.id = s.collection_id)
    limit $2
  ))
  and not exists (select 1 from collections c where c.id = collection_id)`
)

// DeleteOrphanedChunks deletes chunks of a partition whose collection is not there, so that
// nobody can read them, at most limit, and tells how many.
func (r *Repository) DeleteOrphanedChunks(ctx context.Context, num, limit int) (int64, error) {
	return r.exec(ctx, deleteOrphanedChunks, num, limit)
}

// DeleteOrphanedSearchRows is [Repository.DeleteOrphanedChunks] for search rows.
func (r *Repository) DeleteOrphanedSearchRows(ctx context.Context, num, limit int) (int64, error) {
	return r.exec(ctx, deleteOrphanedSearchRows, num, limit)
}

func (r *Repository) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, sql, args...)
	return tag.RowsAffected(), r.db.Translate(err)
}
