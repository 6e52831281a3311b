package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DependentError says that things of others in the database depend on tables of ours,
// which can neither be replaced nor dropped therefore. Nothing of theirs is dropped.
type DependentError struct {
	// Objects are they, each with what it depends on, in PostgreSQL's words.
	Objects []string
}

func (e *DependentError) Error() string {
	return "other things in this database depend on its tables: " + strings.Join(e.Objects, "; ")
}

// dependentObjects is the SQLSTATE of a drop of what others depend on.
const dependentObjects = "2BP01"

// The job queue's tables, functions and types, which are dropped one by one: to drop a
// schema with all that is in it drops the views of others on it too, and their columns of
// its types. What uses another comes before it.
const queueDropsSQL = `
select drop
from (
    select 1 as turn, 'drop table ' || string_agg(c.oid::regclass::text, ', ') as drop
    from pg_class c
    where c.relnamespace = to_regnamespace($1)
      and c.relkind in ('r', 'p')
    having count(*) > 0
    union all
    select 2, 'drop routine ' || p.oid::regprocedure
    from pg_proc p
    where p.pronamespace = to_regnamespace($1)
    union all
    select 3, 'drop type ' || t.oid::regtype
    from pg_type t
    where t.typnamespace = to_regnamespace($1)
      and t.typtype in ('e', 'd')
) as drops
order by turn`

// dropOwn drops our tables and the queue's schema. What others have made to depend on
// them keeps it from happening: [DependentError].
func (r *restore) dropOwn(ctx context.Context, in, queue string) error {
	names, err := r.ownTables(ctx, in)
	if err != nil {
		return err
	}
	drops, err := queryStrings(ctx, r.conn, queueDropsSQL, queue)
	if err != nil {
		return fmt.Errorf("listing what the job queue has: %w", err)
	}
	if len(names) > 0 {
		for i, name := range names {
			names[i] = pgx.Identifier{in, name}.Sanitize()
		}
		drops = append(drops, "drop table "+strings.Join(names, ", "))
	}
	drops = append(drops, "drop schema if exists "+pgx.Identifier{queue}.Sanitize()+" cascade")
	for _, drop := range drops {
		if err := script(ctx, r.conn, drop); err != nil {
			return dependents(err)
		}
	}
	return nil
}

// dependents translates what PostgreSQL says of a drop.
func dependents(err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || refused.Code != dependentObjects {
		return err
	}
	// Where they wait is not where whoever made the dependent objects knows them.
	detail := strings.NewReplacer(asideQueueSchema+".", "", asideSchema+".", "").Replace(refused.Detail)
	return &DependentError{Objects: strings.Split(detail, "\n")}
}

// dropAside ends a restore: what was in the database goes, and servers may start. It is
// not broken off, since all is there. What cannot be dropped is left in a PostgreSQL
// schema of another name, in which it is in nobody's way.
func (r *restore) dropAside(ctx context.Context, result *Restored) error {
	ctx = context.WithoutCancel(ctx)
	failed := inTx(ctx, r.conn, func(ctx context.Context) error {
		if err := r.dropOwn(ctx, asideSchema, asideQueueSchema); err != nil {
			return err
		}
		return script(ctx, r.conn, "drop schema "+asideSchema)
	})
	if failed == nil {
		return nil
	}
	left, err := r.leaveAside(ctx)
	if err != nil {
		return fmt.Errorf("all is restored, but what was in the database before could neither be dropped (%w) nor be put out of the way: %w; "+
			"no server starts: begin the same restore again, or take back what was there before with \"semantik restore --undo\"", failed, err)
	}
	if result.LeftIn = left; left != "" {
		result.LeftBecause = failed.Error()
	}
	return nil
}

// leaveAside gives what was set aside another name, and says which; "" if it is gone.
func (r *restore) leaveAside(ctx context.Context) (string, error) {
	// What kept it from being dropped may have taken the session with it.
	_ = disconnect(ctx, r.conn)
	conn, err := connect(ctx, r.url, RestoreApplicationName)
	if err != nil {
		return "", err
	}
	r.conn = conn
	left := asideSchema + time.Now().UTC().Format("_20060102_150405")
	names := map[string]string{asideQueueSchema: left + "_queue", asideSchema: left}
	err = inTx(ctx, r.conn, func(ctx context.Context) error {
		for from, to := range names {
			there, err := r.hasSchema(ctx, from)
			if err != nil {
				return err
			}
			if from == asideSchema && !there {
				left = ""
			}
			if there {
				if err := script(ctx, r.conn, "alter schema "+from+" rename to "+to); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return left, err
}
