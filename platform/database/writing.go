package database

import (
	"context"

	"github.com/jackc/pgx/v5"

	"semantik/platform/apperr"
)

// StopWriting refuses all writing from now on with the reason: units of work do not
// begin, or end without a commit, and in every session that the pool hands out
// PostgreSQL itself refuses to write. Reading goes on. It may be called again with
// another reason. Behind PgBouncer sessions are left as they are, since others get them
// too; there it is the units of work alone.
func (db *DB) StopWriting(reason *apperr.Error) { db.refusal.Store(reason) }

// ResumeWriting ends what [DB.StopWriting] began.
func (db *DB) ResumeWriting() { db.refusal.Store(nil) }

// WritingStopped gives the reason why nothing is written; nil: it is.
func (db *DB) WritingStopped() *apperr.Error { return db.refusal.Load() }

// mayWrite is asked before a unit of work begins and before it commits: one that
// began before writing was stopped may have lasted for minutes.
func (db *DB) mayWrite(o options) error {
	if reason := db.refusal.Load(); reason != nil && !o.readOnly {
		return reason
	}
	return nil
}

// readOnlyMark is where a connection remembers that it is for reading alone.
const readOnlyMark = "semantik read only"

// prepare makes a connection that the pool hands out read-only, or writable again,
// where it is not what it should be. False has the pool take another one.
func (db *DB) prepare(ctx context.Context, conn *pgx.Conn) (bool, error) {
	want := db.refusal.Load() != nil
	have, _ := conn.PgConn().CustomData()[readOnlyMark].(bool)
	if have == want {
		return true, nil
	}
	setting := "off"
	if want {
		setting = "on"
	}
	if _, err := conn.Exec(ctx, "set default_transaction_read_only = "+setting); err != nil {
		return false, nil //nolint:nilerr // a connection that cannot be prepared is thrown away
	}
	conn.PgConn().CustomData()[readOnlyMark] = want
	return true, nil
}
