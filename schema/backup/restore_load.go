package backup

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
)

var monthName = regexp.MustCompile(`^audit_log_(\d{4})_(\d{2})$`)

// makeMonths makes the months of the audit log that the backup has and that a new schema
// does not.
func (r *restore) makeMonths(ctx context.Context) error {
	for _, t := range r.backup.Manifest.Tables {
		month := monthName.FindStringSubmatch(t.Name)
		if t.Parent != "audit_log" || month == nil {
			continue
		}
		day := month[1] + "-" + month[2] + "-15 00:00:00+00"
		if _, err := r.conn.Exec(ctx, "select make_audit_log_month($1::text::timestamptz)", day); err != nil {
			return fmt.Errorf("making the month %s of the audit log: %w", t.Name, err)
		}
	}
	return nil
}

// load loads the tables, each in a transaction of its own.
func (r *restore) load(ctx context.Context, tables []Table) error {
	r.o.Progress.Phase("Loading", r.backup.Manifest.Bytes(), true)
	return onEach(ctx, r.o.Jobs, r.session, tables, func(ctx context.Context, conn *pgx.Conn, t Table) error {
		return inTx(ctx, conn, func(ctx context.Context) error { return r.loadOne(ctx, conn, t) })
	})
}

// session is one that loads, or builds indexes. It does not wait for the disk at each
// commit: what ends the restore does, and until then it is worth nothing anyway. Nobody
// else is there who would be kept waiting for a table.
func (r *restore) session(ctx context.Context) (*pgx.Conn, error) {
	conn, err := connect(ctx, r.url, RestoreApplicationName)
	if err != nil {
		return nil, err
	}
	if err := script(ctx, conn, "set synchronous_commit = off; set lock_timeout = 0"); err != nil {
		return nil, joinClose(ctx, fmt.Errorf("preparing a session: %w", err), conn)
	}
	return conn, nil
}

// loadOne loads a table. It is emptied in the same transaction, which lets PostgreSQL
// write rows that need no vacuum (FREEZE), and no log of them where wal_level is minimal.
func (r *restore) loadOne(ctx context.Context, conn *pgx.Conn, t Table) (err error) {
	rows, err := r.backup.rows(t)
	if err != nil {
		return err
	}
	from := &feed{rows: rows, each: r.o.Progress.Add}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := script(ctx, conn, "truncate only "+t.identifier()); err != nil {
		return fmt.Errorf("emptying %s: %w", t, err)
	}
	statement := fmt.Sprintf("copy %s (%s) from stdin (format binary, freeze)", t.identifier(), columnList(t.Columns))
	loaded, err := from.load(ctx, conn, t, statement)
	if err != nil {
		return err
	}
	if loaded != t.Rows {
		return fmt.Errorf("loading %s: PostgreSQL took %d of %d rows", t, loaded, t.Rows)
	}
	return nil
}

// setSequences puts the sequences where they were.
func (r *restore) setSequences(ctx context.Context) error {
	for _, s := range r.backup.Manifest.Sequences {
		name := pgx.Identifier{s.Schema, s.Name}.Sanitize()
		if _, err := r.conn.Exec(ctx, "select setval($1::text::regclass, $2)", name, s.Last); err != nil {
			return fmt.Errorf("setting the sequence %s: %w", name, err)
		}
	}
	return nil
}
