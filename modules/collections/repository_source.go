package collections

import (
	"context"
	"encoding/json"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// EnsureSource gives the collection's source with this path, making it if there
// is none. It locks nothing when the source is there, so that uploads do not
// wait for one another.
func (r *Repository) EnsureSource(ctx context.Context, scope Scope, sourceType, path string) (Source, error) {
	found, err := r.sourceByPath(ctx, scope, path)
	if err == nil || !errors.Is(err, gorm.ErrRecordNotFound) {
		return found, r.db.Translate(err)
	}
	s := Source{CollectionID: scope.ID(), SourceType: sourceType, SourcePath: path, SourceConfig: json.RawMessage("{}")}
	result := r.db.Session(ctx).
		Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "collection_id"}, {Name: "source_path"}},
			DoNothing: true,
		}).
		Create(&s)
	if result.Error != nil {
		return s, r.db.Translate(result.Error)
	}
	if result.RowsAffected == 0 { // somebody else was faster
		s, err = r.sourceByPath(ctx, scope, path)
		return s, r.db.Translate(err)
	}
	return s, nil
}

// CreateSource adds a source to the collection, and fills in what the database has
// set.
func (r *Repository) CreateSource(ctx context.Context, scope Scope, s *Source) error {
	s.CollectionID = scope.ID()
	return r.db.Translate(r.db.Session(ctx).Create(s).Error)
}

// sourceByPath is served by the unique key (collection_id, source_path).
func (r *Repository) sourceByPath(ctx context.Context, scope Scope, path string) (Source, error) {
	var s Source
	err := r.db.Session(ctx).Where("collection_id = ? and source_path = ?", scope.ID(), path).Take(&s).Error
	return s, err
}

// recountSources is served by the index of documents by source.
const recountSources = `
update collection_sources s
set document_count = counted.documents,
    size_bytes = counted.bytes,
    last_indexed_at = now(),
    updated_at = now()
from (
  select o.id, count(d.id) as documents, coalesce(sum(d.file_size), 0)::bigint as bytes
  from collection_sources o
  left join documents d on d.source_id = o.id
    and d.collection_id = $1
    and d.partition_key = $2
    and d.status <> 'deleted'
  where o.collection_id = $1
  group by o.id
) counted
where s.id = counted.id`

// RecountSources sets the sources' counters from the documents that they have.
// It is run when an operation ends, not with each document: the row of a source
// would be as hot as the collection's.
func (r *Repository) RecountSources(ctx context.Context, scope Scope) error {
	_, err := r.db.Querier(ctx).Exec(ctx, recountSources, scope.ID(), scope.PartitionKey())
	return r.db.Translate(err)
}

const takeFromSource = `
update collection_sources
set document_count = greatest(document_count - 1, 0),
    size_bytes = greatest(size_bytes - $3, 0),
    updated_at = now()
where id = $2
  and collection_id = $1`

// TakeFromSource takes a document of so many bytes off its source's counters, where
// no operation is going to count them. It comes after [Repository.AddCounts], which
// locks the collection: an operation that is just ending counts before or after it.
func (r *Repository) TakeFromSource(ctx context.Context, scope Scope, sourceID, bytes int64) error {
	_, err := r.db.Querier(ctx).Exec(ctx, takeFromSource, scope.ID(), sourceID, bytes)
	return r.db.Translate(err)
}
