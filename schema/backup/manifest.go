package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Format is the version of what a backup consists of. The first had neither the marker
// nor a checksum of the manifest and is not read any more: no release has written it.
const Format = 2

const manifestName = "manifest.json"

// Manifest says what is in a backup.
type Manifest struct {
	Format int `json:"format"`
	// Checksum of this manifest, see [Manifest.seal].
	Checksum  string    `json:"manifest_checksum"`
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

// unsealed stands in the place of a manifest's checksum as long as it is computed.
var unsealed = strings.Repeat("0", 2*sha256.Size)

// seal writes the manifest, with the SHA-256 of the text that has noughts in its place.
func (m *Manifest) seal() ([]byte, error) {
	m.Checksum = unsealed
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	text = append(text, '\n')
	sum := sha256.Sum256(text)
	m.Checksum = hex.EncodeToString(sum[:])
	return bytes.Replace(text, []byte(unsealed), []byte(m.Checksum), 1), nil
}

// sealed reports whether the text is what was written.
func (m *Manifest) sealed(text []byte) bool {
	if len(m.Checksum) != len(unsealed) {
		return false
	}
	sum := sha256.Sum256(bytes.Replace(text, []byte(m.Checksum), []byte(unsealed), 1))
	return hex.EncodeToString(sum[:]) == m.Checksum
}

// parseManifest reads a manifest and refuses one that is of another format, that is not
// what was written, or that names what a manifest of ours never does: it comes from a
// file.
func parseManifest(data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w: its %s cannot be read: %w", ErrDamaged, manifestName, err)
	}
	switch {
	case m.Format > Format:
		return nil, &NewerError{What: fmt.Sprintf("its format is %d, and this program reads %d", m.Format, Format), Version: m.Version}
	case m.Format == 1:
		return nil, errors.New("the backup has the format 1, which was given up before the first release")
	case !m.sealed(data):
		return nil, fmt.Errorf("%w: its %s is not what was written", ErrDamaged, manifestName)
	case m.Format < 1 || m.Schema.PartitionCount < 1 || m.Schema.Revision < 1:
		return nil, fmt.Errorf("%w: its %s says neither format nor schema", ErrDamaged, manifestName)
	}
	for _, name := range m.names() {
		if !ownName.MatchString(name) {
			return nil, fmt.Errorf("%w: its %s has the name %q", ErrDamaged, manifestName, name)
		}
	}
	return &m, nil
}

// ownName is what our tables, columns and sequences are called, and the PostgreSQL schemas
// that they are in.
var ownName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// names are all that statements are made of.
func (m *Manifest) names() []string {
	var names []string
	for _, t := range m.Tables {
		names = append(names, t.Schema, t.Name, t.family())
		names = append(names, t.Columns...)
	}
	for _, s := range m.Sequences {
		names = append(names, s.Schema, s.Name)
	}
	return names
}

// Errors of a backup. What the operator has to know is in the text around them.
var (
	// ErrDamaged says that a backup is not what was written.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrIncomplete says that a backup has no manifest: it was never finished, or is not
	// all there any more.
	ErrIncomplete = errors.New("the backup is incomplete: its manifest is missing, which is written last")
	// ErrBusy says that another backup is being written under the name that one was to get.
	ErrBusy = errors.New("another backup is being written there")
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
	return fmt.Sprintf("this backup was made by a newer Semantik (%s): %s; restore it with that program", shown(e.Version), e.What)
}

// shown makes a text that comes from a backup safe to be shown: what moves a cursor or
// changes colours is left out.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
