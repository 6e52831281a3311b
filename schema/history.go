package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kind of an entry in the history.
type Kind string

// The kinds.
const (
	KindApply    Kind = "apply"
	KindRollback Kind = "rollback"
)

// Entry is a line of the schema's history: something that was done to it.
type Entry struct {
	ID             int64       `json:"id"`
	Kind           Kind        `json:"kind"`
	AppliedAt      time.Time   `json:"applied_at"`
	Version        string      `json:"version"` // of the program that did it
	Revision       int         `json:"revision"`
	Hash           string      `json:"schema_hash"`
	PartitionCount int         `json:"partition_count"`
	Statements     []Statement `json:"statements"`
	// Reverses undo the statements, in this order.
	Reverses []Statement `json:"reverses"`
	// RolledBackBy is the entry that undid this one; nil: it stands.
	RolledBackBy *int64       `json:"rolled_back_by"`
	Details      EntryDetails `json:"details"`

	// handwritten are the functions and partitions as of then, to go back to.
	handwritten string
}

// EntryDetails is what else there is to say about an entry.
type EntryDetails struct {
	// OldestWriter is the oldest revision whose programs may write to what was
	// applied; 0: none older.
	OldestWriter    int              `json:"oldest_writer,omitempty"`
	PostgresVersion string           `json:"postgres_version,omitempty"`
	Milliseconds    int64            `json:"milliseconds,omitempty"`
	Queue           []QueueMigration `json:"queue,omitempty"`      // migrations of the queue that ran before it
	Partitions      int              `json:"partitions,omitempty"` // partitions made
	Irreversible    string           `json:"irreversible,omitempty"`
	RolledBack      int64            `json:"rolled_back,omitempty"` // the entry that a rollback undid
}

const entryColumns = `id, kind, applied_at, version, revision, schema_hash, partition_count,
       statements, reverses, handwritten, rolled_back_by, details`

func scanEntry(row pgx.CollectableRow) (Entry, error) {
	var e Entry
	var statements, reverses, details []byte
	err := row.Scan(&e.ID, &e.Kind, &e.AppliedAt, &e.Version, &e.Revision, &e.Hash, &e.PartitionCount,
		&statements, &reverses, &e.handwritten, &e.RolledBackBy, &details)
	if err != nil {
		return Entry{}, err
	}
	for _, column := range []struct {
		json []byte
		into any
	}{{statements, &e.Statements}, {reverses, &e.Reverses}, {details, &e.Details}} {
		if err := json.Unmarshal(column.json, column.into); err != nil {
			return Entry{}, fmt.Errorf("entry %d of the history cannot be read: %w", e.ID, err)
		}
	}
	return e, nil
}

const historySQL = `
select ` + entryColumns + `
from public.schema_history
order by id desc`

// History lists what was done to the schema, the latest first. A database
// without a schema has none.
func (m *Manager) History(ctx context.Context) ([]Entry, error) {
	st, err := m.readState(ctx, m.pool)
	if err != nil {
		return nil, err
	}
	if !st.hasHistory {
		return []Entry{}, nil
	}
	return readEntries(ctx, m.pool, historySQL)
}

func readEntries(ctx context.Context, q querier, query string) ([]Entry, error) {
	rows, err := q.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading the schema's history: %w", err)
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("reading the schema's history: %w", err)
	}
	return entries, nil
}

const lastAppliesSQL = `
select ` + entryColumns + `
from public.schema_history
where kind = 'apply'
  and rolled_back_by is null
order by id desc
limit 2`

// readLastApply gives the apply that stands: the latest that was not undone.
func readLastApply(ctx context.Context, q querier) (*Entry, error) {
	entries, err := readEntries(ctx, q, lastAppliesSQL)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return &entries[0], nil
}

const insertEntrySQL = `
insert into public.schema_history
       (kind, version, revision, schema_hash, partition_count, statements, reverses, handwritten, details)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id, applied_at`

// record writes an entry, and completes it with its id and time.
func record(ctx context.Context, s *session, e *Entry) error {
	columns := make([]string, 3)
	for i, value := range []any{nonNil(e.Statements), nonNil(e.Reverses), e.Details} {
		b, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("encoding the history's entry: %w", err)
		}
		columns[i] = string(b)
	}
	err := s.conn.QueryRow(ctx, insertEntrySQL,
		e.Kind, e.Version, e.Revision, e.Hash, e.PartitionCount, columns[0], columns[1], e.handwritten, columns[2],
	).Scan(&e.ID, &e.AppliedAt)
	if err != nil {
		return fmt.Errorf("writing the schema's history: %w", err)
	}
	return nil
}

func nonNil(statements []Statement) []Statement {
	if statements == nil {
		return []Statement{}
	}
	return statements
}

const createdTablesSQL = `
select distinct s ->> 'table'
from public.schema_history,
     jsonb_array_elements(statements) as s
where s ->> 'kind' = 'create table'`

// readCreatedTables names the tables that some version of the program made. A
// table that is neither declared nor among them is somebody else's, and is never
// touched.
func readCreatedTables(ctx context.Context, s *session) (map[string]bool, error) {
	created := map[string]bool{}
	var exists bool
	if err := s.conn.QueryRow(ctx, "select to_regclass('public.schema_history') is not null").Scan(&exists); err != nil {
		return nil, fmt.Errorf("looking for the schema's history: %w", err)
	}
	if !exists {
		return created, nil
	}
	rows, err := s.conn.Query(ctx, createdTablesSQL)
	if err != nil {
		return nil, fmt.Errorf("reading the schema's history: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("reading the schema's history: %w", err)
	}
	for _, name := range names {
		created[name] = true
	}
	return created, nil
}
