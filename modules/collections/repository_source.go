package collections

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"semantik/platform/database"
)

// EnsureSource gives the collection's source with this path, making it if there
// is none. It locks nothing when the source is there, so that uploads do not
// wait for one another. [ErrSourcePathTaken] when it is of another type.
func (r *Repository) EnsureSource(ctx context.Context, scope Scope, sourceType, path string) (Source, error) {
	found, err := r.sourceByPath(ctx, scope, path)
	if err == nil {
		return found, found.mustBe(sourceType)
	}
	if !errors.Is(err, gorm.ErrRecordNotFound) {
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
		if s, err = r.sourceByPath(ctx, scope, path); err != nil {
			return s, r.db.Translate(err)
		}
		return s, s.mustBe(sourceType)
	}
	return s, nil
}

// mustBe is [ErrSourcePathTaken] for a source of another type.
func (s Source) mustBe(sourceType string) error {
	if s.SourceType != sourceType {
		return ErrSourcePathTaken.WithDetail("source_id", s.ID).WithDetail("source_type", s.SourceType)
	}
	return nil
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

// ofCollection keeps to the sources of one collection.
func ofCollection(scope Scope) database.Condition {
	return database.Where("collection_id = ?", scope.ID())
}

// ListSources lists the collection's sources in the order in which they were added,
// with the total. It is served by the unique key (collection_id, source_path).
func (r *Repository) ListSources(ctx context.Context, scope Scope, page database.Page) ([]Source, int64, error) {
	return r.sources.List(ctx, page, "id", ofCollection(scope))
}

// GetSource reads one of the collection's sources.
func (r *Repository) GetSource(ctx context.Context, scope Scope, id int64) (Source, error) {
	return r.sources.Get(ctx, id, ofCollection(scope))
}

// FindSource reads the collection's source that is named by one of the paths, the
// first of them before the others. It is served by the unique key (collection_id,
// source_path).
func (r *Repository) FindSource(ctx context.Context, scope Scope, paths []string) (Source, error) {
	var s Source
	err := r.db.Session(ctx).
		Where("collection_id = ? and source_path in ?", scope.ID(), paths).
		Order(clause.Expr{SQL: "source_path = ? desc, id", Vars: []any{paths[0]}}).
		Take(&s).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return s, ErrSourceNotFound
	}
	return s, r.db.Translate(err)
}

// SaveSource adds a source to the collection or, where its path has one already, gives
// that one the new configuration; created tells which. [ErrSourcePathTaken] when that
// one is of another type. Whoever calls it has locked the collection's row.
func (r *Repository) SaveSource(ctx context.Context, scope Scope, s Source) (saved Source, created bool, err error) {
	found, err := r.sourceByPath(ctx, scope, s.SourcePath)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return s, true, r.CreateSource(ctx, scope, &s)
	case err != nil:
		return s, false, r.db.Translate(err)
	}
	if err := found.mustBe(s.SourceType); err != nil {
		return found, false, err
	}
	saved, err = r.UpdateSource(ctx, scope, found.ID, s.SourceConfig)
	return saved, false, err
}

// UpdateSource gives one of the collection's sources another configuration.
func (r *Repository) UpdateSource(ctx context.Context, scope Scope, id int64, config json.RawMessage) (Source, error) {
	return r.sources.Update(ctx, id, map[string]any{"source_config": config}, ofCollection(scope))
}

// requestScan is served by the primary key. The unit of work may have waited for another
// that asked for the same, and was answered: its beginning is not when it asks.
const requestScan = `
with was as (
  select id,
    coalesce(scan_requested_at is null or last_run_status = 'running' and last_run_started_at >= scan_requested_at, false) as anew
  from collection_sources
  where id = $2
    and collection_id = $1
  for update
)
update collection_sources s
set scan_requested_at = clock_timestamp(),
    scan_config = $3
from was
where s.id = was.id
returning was.anew`

// RequestScan notes that an operation is to look for what has changed in the source, and
// what it is told besides, a JSON object or nothing. The one that has looked takes the
// note away, unless it is a newer one than that which it has found. A run over the
// collection's sources that goes on goes over this one, too.
func (r *Repository) RequestScan(ctx context.Context, scope Scope, id int64, config json.RawMessage) error {
	return r.db.InTx(ctx, func(ctx context.Context) error {
		var anew bool
		err := r.db.Querier(ctx).QueryRow(ctx, requestScan, scope.ID(), id, config).Scan(&anew)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrSourceNotFound
		case err == nil && anew:
			_, err = r.db.Querier(ctx).Exec(ctx, expectMore, scope.ID(), 1)
		}
		return r.db.Translate(err)
	})
}
