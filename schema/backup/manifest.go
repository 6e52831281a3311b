package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Format is the version of what a backup consists of. A program reads those up to its
// own.
const Format = 1

const manifestName = "manifest.json"

// Manifest says what is in a backup.
type Manifest struct {
	Format    int       `json:"format"`
	CreatedAt time.Time `json:"created_at"` // the moment that it shows
	Seconds   float64   `json:"seconds"`    // how long it took
	// Version of the program, and of the PostgreSQL that the rows come from.
	Version  string `json:"version"`
	Postgres string `json:"postgres_version"`
	Database string `json:"database"`
	// Schema that the rows were made for.
	Schema SchemaVersion `json:"schema"`
	// Keys are the partition keys of known ids, see [partitionKeys]: they tell whether
	// another PostgreSQL computes the same.
	Keys []int `json:"partition_keys"`
	// Collections are those that it was narrowed to; nil: all of the database.
	Collections []Collection `json:"collections"`
	Tables      []Table      `json:"tables"`
	Sequences   []Sequence   `json:"sequences"`
}

// SchemaVersion tells versions of the schema apart.
type SchemaVersion struct {
	Revision       int    `json:"revision"`
	Hash           string `json:"hash"` // of its files
	PartitionCount int    `json:"partition_count"`
}

// Collection is one that a backup was narrowed to, or that was brought back.
type Collection struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Owner string `json:"owner"` // a user's name
}

// Table is what a backup has of a table, or of a partition.
type Table struct {
	Schema  string   `json:"schema"`
	Name    string   `json:"name"`
	Parent  string   `json:"parent,omitempty"` // the table that it is a partition of
	Columns []string `json:"columns"`          // generated ones are computed anew
	Rows    int64    `json:"rows"`
	// Checksum of the rows, whatever their order: 32 hexadecimal digits.
	Checksum string `json:"checksum"`
	Bytes    int64  `json:"bytes"`        // as PostgreSQL sent them
	Stored   int64  `json:"stored_bytes"` // compressed
}

// path is the name of the table's part.
func (t Table) path() string { return "data/" + t.Schema + "." + t.Name }

func (t Table) String() string { return t.Schema + "." + t.Name }

// Sequence is the state of a sequence.
type Sequence struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Last   int64  `json:"last"`
}

// Rows is the number of rows in all tables.
func (m *Manifest) Rows() int64 {
	var n int64
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// Stored is the number of bytes that the rows take in the backup.
func (m *Manifest) Stored() int64 {
	var n int64
	for _, t := range m.Tables {
		n += t.Stored
	}
	return n
}

// Bytes is the number of bytes that the rows take as PostgreSQL sends them.
func (m *Manifest) Bytes() int64 {
	var n int64
	for _, t := range m.Tables {
		n += t.Bytes
	}
	return n
}

// Whole reports whether it is of the whole database.
func (m *Manifest) Whole() bool { return m.Collections == nil }

// parseManifest reads a manifest and refuses one that is of a newer format, or that
// names what a manifest of ours never does: it comes from a file.
func parseManifest(data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w: its %s cannot be read: %w", ErrDamaged, manifestName, err)
	}
	if m.Format > Format {
		return nil, &NewerError{What: fmt.Sprintf("its format is %d, and this program reads up to %d", m.Format, Format), Version: m.Version}
	}
	if m.Format < 1 || m.Schema.PartitionCount < 1 || m.Schema.Revision < 1 {
		return nil, fmt.Errorf("%w: its %s says neither format nor schema", ErrDamaged, manifestName)
	}
	return &m, nil
}

// Errors of a backup. What the operator has to know is in the text around them.
var (
	// ErrDamaged says that a backup is not what was written.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrIncomplete says that a backup has no manifest: it was never finished.
	ErrIncomplete = errors.New("the backup is incomplete: it was broken off before its end")
	// ErrExists says that something has the name that a backup was to get.
	ErrExists = errors.New("there is something with this name already")
	// ErrNotBackup says that a path is no backup.
	ErrNotBackup = errors.New("this is no backup")
)

// NewerError says that a newer program made the backup.
type NewerError struct {
	What    string
	Version string // of the program that made it
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("this backup was made by a newer Semantik (%s): %s; restore it with that program", e.Version, e.What)
}
