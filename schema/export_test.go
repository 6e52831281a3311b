package schema

import "github.com/jackc/pgx/v5/pgxpool"

// Files are a version of the schema, for tests that need another than today's.
type Files struct {
	Revision, OldestWriter                    int
	Extensions, Tables, Functions, Partitions string
	Tightenings                               []Tightening
}

// CurrentFiles are those of today.
func CurrentFiles() Files {
	d := current()
	return Files{d.revision, d.oldestWriter, d.extensions, d.tables, d.functions, d.partitions, d.tightenings}
}

// NewWith is New for another version of the schema.
func NewWith(pool *pgxpool.Pool, o Options, f Files) *Manager {
	return newManager(pool, o, declaration{f.Revision, f.OldestWriter, f.Extensions, f.Tables, f.Functions, f.Partitions, f.Tightenings})
}

// FilesHash is what testdata/revisions.txt holds for the current revision.
func FilesHash() string {
	return current().filesHash()
}
