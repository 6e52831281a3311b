package documents

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// Repository has the statements on documents. Each takes the scope of the
// collection, and finds nothing outside of it; but for those that empty the bin of all
// collections.
type Repository struct {
	db    *database.DB
	table database.Table[Document, uuid.UUID]
}

// NewRepository makes a repository on the database.
func NewRepository(db *database.DB) *Repository {
	return &Repository{db: db, table: database.Table[Document, uuid.UUID]{
		DB: db, Key: "id", NotFound: ErrNotFound,
		Updatable: []string{"source_id", "file_path", "file_name", "file_size", "mime_type", "content_hash", "meta",
			"status", "error_message", "error_category", "file_modified_at", "last_seen_at"},
	}}
}

// within keeps to the documents of the scope's collection.
func within(scope collections.Scope) database.Condition {
	return database.Where("documents.collection_id = ? and documents.partition_key = ?", scope.ID(), scope.PartitionKey())
}

// live leaves out deleted documents.
var live = database.Where("documents.status <> 'deleted'")

// Create inserts a document into the scope's collection. A content that the
// collection has already is [ErrDuplicate].
func (r *Repository) Create(ctx context.Context, scope collections.Scope, d *Document) error {
	d.CollectionID, d.PartitionKey = scope.ID(), scope.PartitionKey()
	return r.table.Create(ctx, d)
}

// CreateIfNew inserts a document unless the collection has its content already,
// and reports whether it did. When another transaction is inserting the same
// content it waits for that one's end.
func (r *Repository) CreateIfNew(ctx context.Context, scope collections.Scope, d *Document) (bool, error) {
	d.CollectionID, d.PartitionKey = scope.ID(), scope.PartitionKey()
	result := r.db.Session(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(d)
	return result.RowsAffected == 1, r.db.Translate(result.Error)
}

// Get reads one document.
func (r *Repository) Get(ctx context.Context, scope collections.Scope, id uuid.UUID) (Document, error) {
	return r.table.Get(ctx, id, within(scope), live)
}

// Update changes columns of the allow-list.
func (r *Repository) Update(ctx context.Context, scope collections.Scope, id uuid.UUID, changes map[string]any) (Document, error) {
	return r.table.Update(ctx, id, changes, within(scope), live)
}

// Replace is Update for a document whose file was seen with another content.
func (r *Repository) Replace(ctx context.Context, scope collections.Scope, id uuid.UUID, changes map[string]any) (Document, error) {
	changes["last_seen_at"] = gorm.Expr("now()")
	return r.Update(ctx, scope, id, changes)
}

// Delete marks a document as deleted, so that its content can come back as a new
// one. Its chunks are the caller's to delete, in the same transaction.
func (r *Repository) Delete(ctx context.Context, scope collections.Scope, id uuid.UUID) error {
	result := within(scope)(r.db.Session(ctx).Model(&Document{})).
		Where("id = ? and status <> 'deleted'", id).
		Updates(map[string]any{"status": StatusDeleted, "deleted_at": gorm.Expr("now()"), "updated_at": gorm.Expr("now()")})
	if result.Error != nil {
		return r.db.Translate(result.Error)
	}
	if result.RowsAffected == 0 {
		return ErrNotFound
	}
	return nil
}

// GetByHash reads the live document with this content. It is served by the
// unique index on (collection_id, content_hash).
func (r *Repository) GetByHash(ctx context.Context, scope collections.Scope, hash string) (Document, error) {
	return r.find(ctx, scope, database.Where("documents.content_hash = ?", hash))
}

// GetByPath reads the live document with this path. It is served by the index on
// the path's hash, since a path may be longer than an index entry.
func (r *Repository) GetByPath(ctx context.Context, scope collections.Scope, path string) (Document, error) {
	return r.find(ctx, scope, database.Where("hashtextextended(documents.file_path, 0) = hashtextextended(?::text, 0) and documents.file_path = ?", path, path))
}

func (r *Repository) find(ctx context.Context, scope collections.Scope, condition database.Condition) (Document, error) {
	rows, _, err := r.table.List(ctx, database.Page{Limit: 1}, "documents.created_at, documents.id", within(scope), live, condition)
	if err != nil {
		return Document{}, err
	}
	if len(rows) == 0 {
		return Document{}, ErrNotFound
	}
	return rows[0], nil
}

// LockPath makes uploads of one path into one collection wait for one another
// until the transaction ends: there is no row to lock before the first has made
// it.
func (r *Repository) LockPath(ctx context.Context, scope collections.Scope, path string) error {
	_, err := r.db.Querier(ctx).Exec(ctx, "select pg_advisory_xact_lock(hashtextextended($1, 0))", scope.ID().String()+"/"+path)
	return r.db.Translate(err)
}
