package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"semantik/schema"
)

// The PostgreSQL schemas in which the tables of before, and those of the job queue, wait
// until a restore has ended. As long as the first is there no server starts.
const (
	asideSchema      = schema.AsideSchema
	asideQueueSchema = schema.AsideSchema + "_queue"
)

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
// it has made itself is dropped. What could not be dropped in the end is a
// [DependentError] here already.
func (r *restore) setAside(ctx context.Context) error {
	r.o.Progress.Phase("Making the schema", 0, false)
	asideThere, err := r.hasSchema(ctx, asideSchema)
	if err != nil {
		return err
	}
	err = inTx(ctx, r.conn, func(ctx context.Context) error {
		if asideThere {
			if err := r.tryDrop(ctx, asideSchema, asideQueueSchema); err != nil {
				return err
			}
			return r.dropOwn(ctx, publicSchema, r.o.QueueSchema)
		}
		if err := r.tryDrop(ctx, publicSchema, r.o.QueueSchema); err != nil {
			return err
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

// tryDrop finds out whether [restore.dropOwn] is possible, within a transaction.
func (r *restore) tryDrop(ctx context.Context, in, queue string) error {
	if err := script(ctx, r.conn, "savepoint try_drop"); err != nil {
		return err
	}
	if err := r.dropOwn(ctx, in, queue); err != nil {
		if _, ok := errors.AsType[*DependentError](err); ok {
			return fmt.Errorf("%w; they keep the tables from being replaced: drop them before, and make them again afterwards", err)
		}
		return err // which ends the transaction
	}
	return script(ctx, r.conn, "rollback to savepoint try_drop; release savepoint try_drop")
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
	queueThere, err := r.hasSchema(ctx, queueFrom)
	if err != nil {
		return err
	}
	if queueThere {
		fmt.Fprintf(&statements, "alter schema %s rename to %s;", pgx.Identifier{queueFrom}.Sanitize(), pgx.Identifier{queueTo}.Sanitize())
	}
	return script(ctx, r.conn, statements.String())
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
			// Sessions that were told to stop have the tables until they have.
			if err := script(ctx, r.conn, "set local lock_timeout = '1min'"); err != nil {
				return err
			}
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
	there, err := r.hasSchema(ctx, asideSchema)
	if err != nil || !there {
		return false, err
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
