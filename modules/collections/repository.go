package collections

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"semantik/platform/database"
)

// Repository has the statements on collections and their sources.
type Repository struct {
	db    *database.DB
	table database.Table[Collection, uuid.UUID]
	// sources are the rows of all collections: each statement names its own.
	sources database.Table[Source, int64]
	runs    database.Table[SyncRun, int64]
}

// NewRepository makes a repository on the database.
func NewRepository(db *database.DB) *Repository {
	return &Repository{
		db: db,
		table: database.Table[Collection, uuid.UUID]{
			DB: db, Key: "id", NotFound: ErrNotFound,
			Updatable: []string{"name", "vector_store_name", "description", "is_public", "meta", "default_reranker_id", "extraction_config",
				"sync_mode", "sync_interval_minutes", "sync_paused_at", "sync_next_run_at",
				"embedding_model", "quantization", "chunk_size", "chunk_overlap", "chunking_strategy", "chunking_config"},
		},
		sources: database.Table[Source, int64]{DB: db, Key: "id", NotFound: ErrSourceNotFound, Updatable: []string{"source_config"}},
		runs:    database.Table[SyncRun, int64]{DB: db, Key: "id", NotFound: ErrNotFound},
	}
}

// live keeps to collections that were not deleted. Every statement has it, so
// that no read sees a deleted one.
var live = database.Where("collections.deleted_at is null")

// Create inserts a collection. A taken name is [ErrNameTaken].
func (r *Repository) Create(ctx context.Context, c *Collection) error {
	return r.table.Create(ctx, c)
}

// GetByUUID reads a collection by its id, whoever asks.
func (r *Repository) GetByUUID(ctx context.Context, id uuid.UUID) (Collection, error) {
	return r.table.Get(ctx, id, live)
}

// GetByName reads the collection that has this name, whoever asks. It is served by
// the unique index on the names of those that are not deleted.
func (r *Repository) GetByName(ctx context.Context, name string) (Collection, error) {
	var c Collection
	err := live(r.db.Session(ctx)).Where("name = ?", cleanName(name)).Take(&c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return c, ErrNotFound
	}
	return c, r.db.Translate(err)
}

// Update changes columns of the allow-list; any other is an error. A new name is
// that of the vector store too. A taken one is [ErrNameTaken].
func (r *Repository) Update(ctx context.Context, scope Scope, changes map[string]any) (Collection, error) {
	if _, given := changes["vector_store_name"]; given {
		return Collection{}, errVectorStoreName
	}
	if name, ok := changes["name"].(string); ok {
		changes = maps.Clone(changes)
		changes["vector_store_name"] = vectorStoreName(scope.ID(), name)
	}
	return r.table.Update(ctx, scope.ID(), changes, live)
}

// errVectorStoreName is a programming error.
var errVectorStoreName = errors.New("the name of a vector store follows from that of its collection")

// Rename gives the collection and its vector store another name; what they contain
// stays where it is. A taken name is [ErrNameTaken].
func (r *Repository) Rename(ctx context.Context, scope Scope, name string) (Collection, error) {
	return r.Update(ctx, scope, map[string]any{"name": cleanName(name)})
}

// selectLock takes the row lock that changes of status and of operations take
// first. NO KEY, because a plain FOR UPDATE would wait for every running load,
// whose foreign keys hold a key share on the row.
const selectLock = `
select status
from collections
where id = $1
  and deleted_at is null
for no key update`

// Lock locks the collection's row until the transaction ends and gives its
// status. Whoever changes a collection's operations takes it first: the order of
// locks is the collection, then the operation.
func (r *Repository) Lock(ctx context.Context, scope Scope) (Status, error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return "", fmt.Errorf("locking a collection: %w", err)
	}
	var status Status
	if err := tx.QueryRow(ctx, selectLock, scope.ID()).Scan(&status); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return "", ErrNotFound
		}
		return "", r.db.Translate(err)
	}
	return status, nil
}

// updateStatus is served by the primary key. It gives the state that was, whether
// or not it let the new one follow; no row means that the collection is gone.
const updateStatus = `
with was as (
  select id, status
  from collections
  where id = $1
    and deleted_at is null
  for no key update
), moved as (
  update collections c
  set status = $2,
      status_message = $3,
      updated_at = now()
  from was
  where c.id = was.id
    and was.status = any($4)
    and (was.status <> $2 or c.status_message is distinct from $3)
)
select status
from was`

// UpdateStatus moves the collection to another state and gives the one that was;
// [ErrWrongStatus] when it may not follow that one. The message is shown beside
// the state. It leaves no trace in the audit log: [StatusChanger] does.
func (r *Repository) UpdateStatus(ctx context.Context, scope Scope, to Status, message string) (from Status, err error) {
	var shown *string
	if message != "" {
		shown = &message
	}
	err = r.db.Querier(ctx).QueryRow(ctx, updateStatus, scope.ID(), to, shown, before(to)).Scan(&from)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", r.db.Translate(err)
	}
	return from, checkTransition(from, to)
}

// updateCounts is guarded by deleted_at: a load that was under way when the
// collection was deleted rolls back here instead of committing after the purge.
const updateCounts = `
update collections
set document_count = document_count + $2,
    chunk_count = chunk_count + $3,
    vector_count = vector_count + $4,
    total_size_bytes = total_size_bytes + $5,
    updated_at = now()
where id = $1
  and deleted_at is null`

// AddCounts changes the counters. It is the last statement of a transaction, or
// followed by one on an operation only, because it locks a row that everybody
// who adds to the collection needs. A collection that was deleted meanwhile is
// [ErrNotFound], and the transaction must then roll back.
func (r *Repository) AddCounts(ctx context.Context, scope Scope, c Counts) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, updateCounts, scope.ID(), c.Documents, c.Chunks, c.Vectors, c.Bytes)
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return nil
}

// setCounts is served by the primary key.
const setCounts = `
update collections
set document_count = $2,
    chunk_count = $3,
    vector_count = $4,
    total_size_bytes = $5,
    updated_at = now()
where id = $1
  and deleted_at is null
  and (document_count, chunk_count, vector_count, total_size_bytes) is distinct from ($2::bigint, $3::bigint, $4::bigint, $5::bigint)`

// UpdateStats sets the counters to what was counted, and tells whether they were
// something else. It is for repairs: whoever counts has locked the collection's row
// before, in a statement of its own ([Repository.Lock]). Then nobody is between
// writing rows and counting them who could have been seen, and whoever comes after
// adds to what is set here.
func (r *Repository) UpdateStats(ctx context.Context, scope Scope, counted Counts) (changed bool, err error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return false, fmt.Errorf("setting a collection's counters: %w", err)
	}
	tag, err := tx.Exec(ctx, setCounts, scope.ID(), counted.Documents, counted.Chunks, counted.Vectors, counted.Bytes)
	return tag.RowsAffected() > 0, r.db.Translate(err)
}
