package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// world is a user with a collection and a source, to hang rows on.
type world struct {
	t          *testing.T
	pool       *pgxpool.Pool
	user       int64
	collection string
	key        int
	source     int64
	documents  int
}

func newWorld(t *testing.T, pool *pgxpool.Pool) *world {
	t.Helper()
	w := &world{t: t, pool: pool}
	w.user = queryOne[int64](t, pool, "insert into users (username, email, hashed_password) values ('alice', 'alice@example.org', 'x') returning id")
	w.collection, w.key = w.newCollection("first")
	w.source = queryOne[int64](t, pool, "insert into collection_sources (collection_id, source_type, source_path) values ($1, 'directory', '/srv') returning id", w.collection)
	return w
}

func (w *world) newCollection(name string) (id string, key int) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(),
		"insert into collections (name, owner_id, vector_store_name) values ($1, $2, 'store_' || gen_random_uuid()) returning id::text, partition_key",
		name, w.user).Scan(&id, &key))
	return id, key
}

// document adds a document with the given hash, and gives its id.
func (w *world) document(hash string) string {
	w.t.Helper()
	w.documents++
	return queryOne[string](w.t, w.pool, `
		insert into documents (collection_id, partition_key, source_id, file_path, file_name, file_size, content_hash)
		values ($1, $2, $3, $4, $4, 1, $5)
		returning id::text`, w.collection, w.key, w.source, fmt.Sprintf("file%d.txt", w.documents), hash)
}

// hash is a content hash made of one digit.
func hash(digit string) string {
	return strings.Repeat(digit, 64)
}

// refused runs a statement that a constraint must refuse. An index of a
// partition is given by the name of its parent's.
func (w *world) refused(constraint, sql string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), sql, args...)
	var pgErr *pgconn.PgError
	require.ErrorAs(w.t, err, &pgErr, "%s is not enforced", constraint)
	name := queryOne[string](w.t, w.pool, `
		select coalesce((
		    select parent.relname
		    from pg_inherits i
		    join pg_class parent on parent.oid = i.inhparent
		    where i.inhrelid = to_regclass($1)
		), $1)`, pgErr.ConstraintName)
	require.Equal(w.t, constraint, name, pgErr.Message)
}

// accepted runs a statement that must work.
func (w *world) accepted(sql string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}
