package documents

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// List lists the collection's documents, those that failed first and then the
// newest, with the total. Without a status it leaves out the deleted ones. Words are
// served by the GIN index on (collection_id, search); no index serves a filter, which is
// therefore asked of each document only once.
func (r *Repository) List(ctx context.Context, scope collections.Scope, f Filter, page database.Page) ([]Document, int64, error) {
	conditions := []database.Condition{within(scope)}
	if f.Status == "" {
		conditions = append(conditions, live)
	} else {
		conditions = append(conditions, database.Where("documents.status = ?", f.Status))
	}
	if len(f.Words) > 0 {
		conditions = append(conditions, database.Where("documents.search @@ ?::tsquery", wordQuery(f.Words)))
	}
	if !f.Metadata.Empty() {
		conditions = append(conditions, database.Where("jsonb_path_match(coalesce(documents.meta, '{}'), ?::jsonpath, ?::jsonb, true)",
			f.Metadata.Path, string(f.Metadata.Vars)))
	}
	list := r.table.List
	if !f.Metadata.Empty() {
		list = r.table.ListOnce
	}
	order := "(documents.status = 'failed') desc, documents.created_at desc, documents.id"
	return list(ctx, page, order, conditions...)
}

// readWords reads a text as the column documents.search does. It reads no table.
const readWords = `
select tsvector_to_array(to_tsvector('pg_catalog.simple', $1))`

// ReadWords gives the words of a text as the index of the documents has them, each
// once; none where there is nothing but punctuation.
func (r *Repository) ReadWords(ctx context.Context, text string) ([]string, error) {
	var words []string
	err := r.db.Querier(ctx).QueryRow(ctx, readWords, joints.Replace(text)).Scan(&words)
	return words, r.db.Translate(err)
}

// countByCategory is served by the index on (collection_id, status, …).
const countByCategory = `
select count(*) filter (where error_category = 'transient'),
       count(*) filter (where error_category = 'permanent'),
       count(*) filter (where coalesce(error_category, 'unknown') = 'unknown')
from documents
where collection_id = $1
  and partition_key = $2
  and status = 'failed'`

// CountFailed counts the collection's documents that failed, by category; one of which
// nobody noted why is of the unknown one.
func (r *Repository) CountFailed(ctx context.Context, scope collections.Scope) (FailedCount, error) {
	var n FailedCount
	err := r.db.Querier(ctx).QueryRow(ctx, countByCategory, scope.ID(), scope.PartitionKey()).Scan(&n.Transient, &n.Permanent, &n.Unknown)
	return n, r.db.Translate(err)
}

// countFailed is served by the index on (collection_id, status, …).
const countFailed = `
select collection_id, count(*)
from documents
where collection_id = any($1)
  and status = 'failed'
group by collection_id`

// CountFailedIn counts the documents that failed, for all the collections at
// once; one without any is absent.
func (r *Repository) CountFailedIn(ctx context.Context, found []collections.Collection) (map[uuid.UUID]int64, error) {
	ids := make([]uuid.UUID, len(found))
	for i, c := range found {
		ids[i] = c.ID
	}
	counts := map[uuid.UUID]int64{}
	rows, err := r.db.Querier(ctx).Query(ctx, countFailed, ids)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	var id uuid.UUID
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		counts[id] = n
		return nil
	})
	return counts, r.db.Translate(err)
}

// countWaiting is served by the index on (collection_id, status).
const countWaiting = `
select count(*)
from documents
where collection_id = $1
  and partition_key = $2
  and status in ('pending', 'processing')`

// CountWaiting counts the documents that the worker has not finished.
func (r *Repository) CountWaiting(ctx context.Context, scope collections.Scope) (int64, error) {
	var n int64
	err := r.db.Querier(ctx).QueryRow(ctx, countWaiting, scope.ID(), scope.PartitionKey()).Scan(&n)
	return n, r.db.Translate(err)
}
