package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// ErrNotApplied says that the database has no schema yet.
	ErrNotApplied = errors.New("the schema has not been applied to this database yet")
	// ErrBusy says that another process kept changing the schema for longer than
	// Options.WaitTimeout.
	ErrBusy = errors.New("another process is changing the schema of this database")
	// ErrLocked says that a table could not be had: others used it for longer
	// than Options.LockTimeout, at every attempt. Nothing was changed.
	ErrLocked = errors.New("a table is in use and could not be changed; nothing was changed, try again when there is less to do")
	// ErrRestoring says that a restore into the database has begun and not ended.
	ErrRestoring = errors.New("a restore into this database goes on or was cut short, so that it is not whole; " +
		"begin the same restore again, or take back what was there before with \"semantik restore --undo\"")
	// ErrReadOnly says that the database takes no writes, which comparing needs as well.
	ErrReadOnly = errors.New("this database takes no writes: it is a standby, or default_transaction_read_only is set; " +
		"the schema is changed on the primary, and compared there too, in a transaction that is rolled back")
	// ErrNothingToRollBack says that no entry of the history is left to undo.
	ErrNothingToRollBack = errors.New("there is nothing to roll back")
)

// DestructiveError refuses what would lose data. Nothing of the plan was done.
type DestructiveError struct {
	// Statements are those that lose data, each with its Reason.
	Statements []Statement
	// Finished is what was done before the plan was made: indexes that an earlier apply
	// was killed at, and partitions that were put back.
	Finished []string
}

func (e *DestructiveError) Error() string {
	reasons := make([]string, len(e.Statements))
	for i, s := range e.Statements {
		reasons[i] = s.Reason
	}
	return "this would lose data and is not done unless destructive changes are allowed: " + strings.Join(reasons, "; ")
}

// NewerSchemaError says that the database was made by a newer program, and that
// this one must not change it.
type NewerSchemaError struct {
	Revision, DatabaseRevision         int
	QueueVersion, DatabaseQueueVersion int
}

func (e *NewerSchemaError) Error() string {
	if e.DatabaseRevision > e.Revision {
		return fmt.Sprintf("this database was made by a newer Semantik: its schema has revision %d, this program knows %d; "+
			"use the newer program, or roll the schema back with it", e.DatabaseRevision, e.Revision)
	}
	return fmt.Sprintf("this database was made by a newer Semantik: its job queue has version %d, this program knows %d; "+
		"use the newer program", e.DatabaseQueueVersion, e.QueueVersion)
}

// OlderSchemaError says that the schema of a database in use was rolled back, to one that
// this program cannot work with.
type OlderSchemaError struct {
	Revision, DatabaseRevision int // 0: there is none
}

func (e *OlderSchemaError) Error() string {
	const then = "start the program of before, or start this one again, which applies its schema again"
	if e.DatabaseRevision == 0 {
		return fmt.Sprintf("the schema of this database was rolled back, so that there is none; this program needs revision %d: %s", e.Revision, then)
	}
	return fmt.Sprintf("the schema of this database was rolled back to revision %d and this program needs %d: %s", e.DatabaseRevision, e.Revision, then)
}

// PartitionCountError says that the configured number of partitions is not the
// one that the database was made with. It cannot be changed in place: every
// chunk would have to move.
type PartitionCountError struct {
	Configured, Database int
}

func (e *PartitionCountError) Error() string {
	return fmt.Sprintf("the configuration asks for %d chunk partitions and the database has %d; "+
		"set CHUNK_PARTITION_COUNT to %d, the number cannot be changed once there is a schema",
		e.Configured, e.Database, e.Database)
}

// PostgresVersionError says that the server is too old.
type PostgresVersionError struct {
	// Version as the server gives it, such as "14.11".
	Version string
}

func (e *PostgresVersionError) Error() string {
	return fmt.Sprintf("PostgreSQL %s is too old: version %d or newer is needed, since older ones cannot keep "+
		"chunks without a document from being stored twice (NULLS NOT DISTINCT)", e.Version, minPostgres/10000)
}

// IrreversibleError says that an entry of the history cannot be undone.
type IrreversibleError struct {
	Entry  int64
	Reason string
}

func (e *IrreversibleError) Error() string {
	return fmt.Sprintf("entry %d of the schema's history cannot be undone: %s", e.Entry, e.Reason)
}

// UnplannableError says that the database differs from the declaration in a way
// that no ALTER TABLE mends, so that nothing can be planned.
type UnplannableError struct {
	Drift []Drift
}

func (e *UnplannableError) Error() string {
	lines := make([]string, len(e.Drift))
	for i, d := range e.Drift {
		lines[i] = d.String()
	}
	return "the database differs from the schema in what cannot be altered in place: " + strings.Join(lines, "; ")
}

// GapError says that a partition is missing, and that the table which is, or may be, it
// cannot be attached. What was put back before stays so, and nothing else was changed.
type GapError struct {
	Gap Gap
	// Cause is what PostgreSQL says; nil where it was not asked.
	Cause error
}

func (e *GapError) Error() string {
	if e.Cause == nil {
		return e.Gap.String() + "; " + mendGap(e.Gap)
	}
	return fmt.Sprintf("%s, and cannot be put back: %s; mend that by hand, or, if its rows are not to count, rename it, and %s",
		e.Gap, causeText(e.Cause), e.Gap.making())
}

func (e *GapError) Unwrap() error { return e.Cause }

// causeText is PostgreSQL's sentence, without what is for programs.
func causeText(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Message
	}
	return err.Error()
}
