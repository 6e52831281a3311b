package schema

import (
	"regexp"

	"github.com/jackc/pgx/v5/pgxpool"
)

// SQLFiles are a version of the schema as SQL. A backup carries those that its rows
// were made for, so that a newer program can restore it.
type SQLFiles struct {
	Revision   int
	Extensions string
	Tables     string
	Functions  string
	Partitions string
}

// CurrentSQLFiles are the files of this program.
func CurrentSQLFiles() SQLFiles {
	d := current()
	return SQLFiles{Revision: d.revision, Extensions: d.extensions, Tables: d.tables, Functions: d.functions, Partitions: d.partitions}
}

func (f SQLFiles) declaration() declaration {
	return declaration{revision: f.Revision, extensions: f.Extensions, tables: f.Tables, functions: f.Functions, partitions: f.Partitions}
}

// Hash identifies the tables and functions of the files, without those of the queue.
func (f SQLFiles) Hash() string { return f.declaration().filesHash() }

var createTable = regexp.MustCompile(`(?m)^create table (\w+) \(`)

// TableNames are the tables that the files declare, in their order: what a table refers
// to stands before it. Partitions are not among them.
func (f SQLFiles) TableNames() []string {
	found := createTable.FindAllStringSubmatch(f.Tables, -1)
	names := make([]string, len(found))
	for i := range found {
		names[i] = found[i][1]
	}
	return names
}

// NewFor returns a manager that makes a database what the files say, instead of what
// this program declares.
func NewFor(pool *pgxpool.Pool, o Options, f SQLFiles) *Manager {
	return newManager(pool, o, f.declaration())
}
