package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/schema"
)

// The PostgreSQL schemas in which the tables of before, and those of the job queue, wait
// until a restore has ended. As long as the first is there no server starts.
const (
	asideSchema      = schema.AsideSchema
	asideQueueSchema = schema.AsideSchema + "_queue"
)

// restoreLock is the advisory lock of whoever restores into a database: "restore\0" in
// ASCII.
const restoreLock int64 = 0x726573746f726500

// Sessions of the program, but for restores, which exclude one another by their lock.
const occupantsSQL = `
select coalesce(string_agg(format('%s (%s sessions from %s)', application_name, n, host), ', '), '')
from (
    select application_name, coalesce(host(client_addr), 'this machine') as host, count(*) as n
    from pg_stat_activity
    where datname = current_database()
      and pid <> pg_backend_pid()
      and backend_type = 'client backend'
      and application_name like 'semantik%'
      and application_name <> '` + RestoreApplicationName + `'
    group by 1, 2
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
		return fmt.Errorf("%w: another restore is going on", ErrInUse), nil
	}
	return nil, nil
}

// holdsSomething reports whether the database, or what an earlier restore has set aside
// of it, has users or collections.
func (r *restore) holdsSomething(ctx context.Context) (bool, error) {
	for _, table := range []string{"public.users", "public.collections", asideSchema + ".users", asideSchema + ".collections"} {
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

// The tables of ours that are in a PostgreSQL schema, partitions included.
const ownTablesSQL = `
select c.relname::text
from pg_class c
left join pg_inherits i on i.inhrelid = c.oid
left join pg_class p on p.oid = i.inhparent
where c.relnamespace = to_regnamespace($1)
  and c.relkind in ('r', 'p')
  and coalesce(p.relname, c.relname) = any ($2)
order by c.relname`

func (r *restore) ownTables(ctx context.Context, in string) ([]string, error) {
	names, err := queryStrings(ctx, r.conn, ownTablesSQL, in, r.ownNames())
	if err != nil {
		return nil, fmt.Errorf("listing the tables that are there: %w", err)
	}
	return names, nil
}

// ownNames are the names of the tables that are ours, in the backup's version of the
// schema or in this program's. Others, which a shared database may have, are left alone.
func (r *restore) ownNames() []string {
	names := r.files.TableNames()
	return append(names, without(schema.CurrentSQLFiles().TableNames(), names)...)
}

// setAside takes what is in the database out of the way, in one transaction. If an
// earlier restore was cut short, what it has set aside is what was in the database; what
// it has made itself is dropped.
func (r *restore) setAside(ctx context.Context) error {
	r.o.Progress.Phase("Making the schema", 0, false)
	var asideThere bool
	if err := r.conn.QueryRow(ctx, "select to_regnamespace($1) is not null", asideSchema).Scan(&asideThere); err != nil {
		return fmt.Errorf("looking at the database: %w", err)
	}
	err := inTx(ctx, r.conn, func(ctx context.Context) error {
		if asideThere {
			return r.dropOwn(ctx, publicSchema, r.o.QueueSchema)
		}
		if err := script(ctx, r.conn, "create schema "+asideSchema); err != nil {
			return err
		}
		return r.move(ctx, publicSchema, asideSchema, r.o.QueueSchema, asideQueueSchema)
	})
	if err != nil {
		return fmt.Errorf("setting aside what is in the database: %w", err)
	}
	return nil
}

// move moves our tables from one PostgreSQL schema to another, and renames that of the
// queue, which is ours as a whole.
func (r *restore) move(ctx context.Context, from, to, queueFrom, queueTo string) error {
	names, err := r.ownTables(ctx, from)
	if err != nil {
		return err
	}
	var statements strings.Builder
	for _, name := range names {
		fmt.Fprintf(&statements, "alter table %s set schema %s;", pgx.Identifier{from, name}.Sanitize(), to)
	}
	var queueThere bool
	if err := r.conn.QueryRow(ctx, "select to_regnamespace($1) is not null", queueFrom).Scan(&queueThere); err != nil {
		return err
	}
	if queueThere {
		fmt.Fprintf(&statements, "alter schema %s rename to %s;", pgx.Identifier{queueFrom}.Sanitize(), pgx.Identifier{queueTo}.Sanitize())
	}
	return script(ctx, r.conn, statements.String())
}

// dropOwn drops our tables and the queue's schema. What others have made to depend on
// them keeps it from happening.
func (r *restore) dropOwn(ctx context.Context, in, queue string) error {
	names, err := r.ownTables(ctx, in)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		for i, name := range names {
			names[i] = pgx.Identifier{in, name}.Sanitize()
		}
		if err := script(ctx, r.conn, "drop table "+strings.Join(names, ", ")); err != nil {
			return err
		}
	}
	return script(ctx, r.conn, "drop schema if exists "+pgx.Identifier{queue}.Sanitize()+" cascade")
}

// putBack undoes a restore that failed: what was in the database is there again.
func (r *restore) putBack(ctx context.Context, cause error) error {
	// What was cut short may have taken the session with it.
	ctx = context.WithoutCancel(ctx)
	_ = disconnect(ctx, r.conn)
	conn, err := connect(ctx, r.url, RestoreApplicationName)
	if err == nil {
		r.conn = conn
		err = inTx(ctx, r.conn, func(ctx context.Context) error {
			if err := r.dropOwn(ctx, publicSchema, r.o.QueueSchema); err != nil {
				return err
			}
			if err := r.move(ctx, asideSchema, publicSchema, asideQueueSchema, r.o.QueueSchema); err != nil {
				return err
			}
			return script(ctx, r.conn, "drop schema "+asideSchema)
		})
	}
	if err != nil {
		return errors.Join(cause, fmt.Errorf("putting back what was in the database, which waits in the schema %s: %w; "+
			"\"semantik restore --undo\" tries it again", asideSchema, err))
	}
	return cause
}

// dropAside ends a restore: what was in the database goes, and servers may start.
func (r *restore) dropAside(ctx context.Context) error {
	err := inTx(ctx, r.conn, func(ctx context.Context) error {
		if err := r.dropOwn(ctx, asideSchema, asideQueueSchema); err != nil {
			return err
		}
		return script(ctx, r.conn, "drop schema "+asideSchema)
	})
	if err != nil {
		return fmt.Errorf("all is restored, but dropping what was in the database before failed, so that it waits in the schema %s "+
			"and no server starts; drop that schema by hand: %w", asideSchema, err)
	}
	return nil
}

// Undo puts back what was in the database before a restore that was cut short, and
// reports whether there was one.
//
// Errors: [ErrInUse].
func Undo(ctx context.Context, url string, o Common) (bool, error) {
	o.complete()
	conn, err := connect(ctx, url, RestoreApplicationName)
	if err != nil {
		return false, err
	}
	r := &restore{url: url, o: RestoreOptions{Common: o}, files: schema.CurrentSQLFiles(), conn: conn}
	defer func() { _ = disconnect(ctx, r.conn) }()
	if err := r.haveToItself(ctx); err != nil {
		return false, err
	}
	var there bool
	if err := r.conn.QueryRow(ctx, "select to_regnamespace($1) is not null", asideSchema).Scan(&there); err != nil {
		return false, fmt.Errorf("looking at the database: %w", err)
	}
	if !there {
		return false, nil
	}
	return true, r.putBack(ctx, nil)
}

func queryStrings(ctx context.Context, conn *pgx.Conn, sql string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
