package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// restoreLock is the advisory lock of whoever restores into a database: "restore\0" in
// ASCII.
const restoreLock int64 = 0x726573746f726500

// Sessions of the program, but for restores, which exclude one another by their lock.
// Names of sessions are seen by every role; where those of another role come from is not,
// nor of what type they are.
const occupantsSQL = `
select coalesce(string_agg(format('%s (%s sessions of the role %s%s)', application_name, n, usename, ' from ' || host), ', '), '')
from (
    select application_name, usename, count(*) as n,
           coalesce(host(client_addr), case when backend_type is not null then 'this machine' end) as host
    from pg_stat_activity
    where datname = current_database()
      and pid <> pg_backend_pid()
      and application_name like 'semantik%'
      and application_name <> '` + RestoreApplicationName + `'
    group by application_name, usename, host
) as sessions`

// check refuses what cannot be restored to, and says whether there is something to be
// replaced. It changes nothing.
func (r *restore) check(ctx context.Context) (replaces bool, err error) {
	if err := r.haveToItself(ctx); err != nil {
		return false, err
	}
	var encoding string
	if err := r.conn.QueryRow(ctx, "show server_encoding").Scan(&encoding); err != nil {
		return false, fmt.Errorf("asking for the encoding: %w", err)
	}
	if encoding != "UTF8" {
		return false, ErrEncoding
	}
	keys, err := partitionKeys(ctx, r.conn, r.backup.Manifest.Schema.PartitionCount)
	if err != nil {
		return false, err
	}
	if !slices.Equal(keys, r.backup.Manifest.Keys) {
		return false, ErrKeys
	}
	if replaces, err = r.holdsSomething(ctx); err != nil {
		return false, err
	}
	if replaces && !r.o.Force {
		return false, ErrNotEmpty
	}
	return replaces, nil
}

// A session ends in PostgreSQL a moment after whoever had it has gone, so that what is
// there is looked at again for a while.
const (
	vacatePatience = 2 * time.Second
	vacatePause    = 50 * time.Millisecond
)

// haveToItself waits until nobody else restores into the database or uses it, and is
// [ErrInUse] if that lasts.
func (r *restore) haveToItself(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, vacatePatience)
	defer cancel()
	again := time.NewTicker(vacatePause)
	defer again.Stop()
	for {
		reason, err := r.occupied(ctx)
		if err != nil || reason == nil {
			return err
		}
		select {
		case <-patience.Done():
			return errors.Join(reason, ctx.Err())
		case <-again.C:
		}
	}
}

// occupied says who is in the way, if somebody is.
func (r *restore) occupied(ctx context.Context) (reason, err error) {
	var occupants string
	if err := r.conn.QueryRow(ctx, occupantsSQL).Scan(&occupants); err != nil {
		return nil, fmt.Errorf("looking for other sessions: %w", err)
	}
	if occupants != "" {
		return fmt.Errorf("%w by %s: stop every server and worker on it before", ErrInUse, occupants), nil
	}
	var locked bool
	if err := r.conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", restoreLock).Scan(&locked); err != nil {
		return nil, fmt.Errorf("asking for the restore's lock: %w", err)
	}
	if !locked {
		return fmt.Errorf("%w: another restore into it, or a backup of it, is going on", ErrInUse), nil
	}
	return nil, nil
}

// holdsSomething reports whether the database has users or collections. If an earlier
// restore was cut short, those count that it has set aside; what it has made itself is
// nobody's.
func (r *restore) holdsSomething(ctx context.Context) (bool, error) {
	in := publicSchema
	asideThere, err := r.hasSchema(ctx, asideSchema)
	if err != nil {
		return false, err
	}
	if asideThere {
		in = asideSchema
	}
	for _, table := range []string{in + ".users", in + ".collections"} {
		var there, some bool
		if err := r.conn.QueryRow(ctx, "select to_regclass($1) is not null", table).Scan(&there); err != nil {
			return false, fmt.Errorf("looking at the database: %w", err)
		}
		if !there {
			continue
		}
		if err := r.conn.QueryRow(ctx, "select exists (select 1 from "+table+")").Scan(&some); err != nil {
			return false, fmt.Errorf("looking at the database: %w", err)
		}
		if some {
			return true, nil
		}
	}
	return false, nil
}

func (r *restore) hasSchema(ctx context.Context, name string) (there bool, err error) {
	if err := r.conn.QueryRow(ctx, "select to_regnamespace($1) is not null", name).Scan(&there); err != nil {
		return false, fmt.Errorf("looking at the database: %w", err)
	}
	return there, nil
}
