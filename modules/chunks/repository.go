package chunks

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// Repository has the statements on chunks and their search rows.
type Repository struct {
	db *database.DB
}

// NewRepository makes a repository on the database.
func NewRepository(db *database.DB) *Repository {
	return &Repository{db: db}
}

// scoped runs statements on the chunks of one collection.
type scoped struct {
	querier database.Querier
	// key is what every statement has as $1 and $2.
	key [2]any
}

// on is the one place where a statement gets its partition. Every SQL text of
// this package says "partition_key = $1 and collection_id = $2", and the values
// are those of the scope: bound, because a key that PostgreSQL would have to
// compute or join prunes nothing. It names the parent table; PostgreSQL finds
// the partition.
func (r *Repository) on(ctx context.Context, scope collections.Scope) scoped {
	return scoped{querier: r.db.Querier(ctx), key: [2]any{scope.PartitionKey(), scope.ID()}}
}

func (s scoped) args(more []any) []any {
	return append([]any{s.key[0], s.key[1]}, more...)
}

func (s scoped) exec(ctx context.Context, sql string, more ...any) (pgconn.CommandTag, error) {
	return s.querier.Exec(ctx, sql, s.args(more)...)
}

// loadUnder runs a statement that inserts many rows, under the settings of a load: the
// checks of its foreign keys take a fifth of its time otherwise. The statement
// itself is planned each time, since only a plan for these values leaves the other
// partitions alone. It needs a unit of work.
func (s scoped) loadUnder(ctx context.Context, settings, sql string, more ...any) (pgconn.CommandTag, error) {
	if _, err := s.querier.Exec(ctx, settings); err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := s.querier.Exec(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, s.args(more)...)...)
	if err != nil {
		return tag, err
	}
	_, err = s.querier.Exec(ctx, restoreSettings)
	return tag, err
}

// loadRowUnder is loadUnder for a statement that gives one row.
func (s scoped) loadRowUnder(ctx context.Context, settings, sql string, more []any, into ...any) error {
	if _, err := s.querier.Exec(ctx, settings); err != nil {
		return err
	}
	row := s.querier.QueryRow(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, s.args(more)...)...)
	if err := row.Scan(into...); err != nil {
		return err
	}
	_, err := s.querier.Exec(ctx, restoreSettings)
	return err
}

func (s scoped) query(ctx context.Context, sql string, more ...any) (pgx.Rows, error) {
	return s.querier.Query(ctx, sql, s.args(more)...)
}

// selectChunk is served by the primary key.
const selectChunk = `
select ` + columns + `
from chunks
where partition_key = $1
  and collection_id = $2
  and id = $3`

// GetChunkByID reads one chunk.
func (r *Repository) GetChunkByID(ctx context.Context, scope collections.Scope, id int64) (Chunk, error) {
	return r.one(ctx, scope, selectChunk, id)
}

// deleteByDocument is served by the unique key (collection_id, document_id, …).
const deleteByDocument = `
delete from chunks
where partition_key = $1
  and collection_id = $2
  and document_id = $3`

// deleteSearchByDocument is served by the index on document_id.
const deleteSearchByDocument = `
delete from chunk_search
where partition_key = $1
  and collection_id = $2
  and document_id = $3`

// DeleteChunksByDocument deletes a document's chunks with their search rows, and
// tells how many there were of each. It needs a unit of work, so that nobody sees
// one without the other.
func (r *Repository) DeleteChunksByDocument(ctx context.Context, scope collections.Scope, documentID uuid.UUID) (chunks, searchRows int64, err error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return 0, 0, err
	}
	// The chunks first: whoever is making search rows of them has locked them, and is
	// waited for before the search rows are looked for.
	tag, err := r.on(ctx, scope).exec(ctx, deleteByDocument, documentID)
	if err != nil {
		return 0, 0, r.db.Translate(err)
	}
	chunks = tag.RowsAffected()
	tag, err = r.on(ctx, scope).exec(ctx, deleteSearchByDocument, documentID)
	return chunks, tag.RowsAffected(), r.db.Translate(err)
}

// createChunk is served by no index but the ones that it adds to.
const createChunk = `
insert into chunks (partition_key, collection_id, document_id, chunk_index, content, start_offset, end_offset, token_count,
  embedding_vector_id, enabled, metadata)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
returning ` + columns

// CreateChunk inserts one chunk and gives it as it is stored. What holds for
// [Repository.CreateChunksBulk] holds for it, which is what inserts many.
func (r *Repository) CreateChunk(ctx context.Context, scope collections.Scope, c NewChunk) (Chunk, error) {
	values, err := c.values(nil)
	if err != nil {
		return Chunk{}, err
	}
	rows, err := r.on(ctx, scope).query(ctx, createChunk, values...)
	if err != nil {
		return Chunk{}, r.db.Translate(err)
	}
	created, err := pgx.CollectExactlyOneRow(rows, scanChunk)
	if err != nil {
		return Chunk{}, nameChunk(err, r.db.Translate(err))
	}
	return created, nil
}
