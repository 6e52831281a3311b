package schedule

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/database"
)

// What became of a run.
const (
	statusOK     = "ok"
	statusFailed = "failed"
)

// errLost means that the task is not this run's any more: its lease has lapsed.
var errLost = errors.New("the task is no longer this run's")

// repository has the statements on scheduled_tasks. The table has as many rows as
// there are tasks, so that the primary key is all that they need.
type repository struct{ db *database.DB }

// Record is what the table says of a task. The times are nil where there is none.
type Record struct {
	Name            string
	NextDueAt       *time.Time
	LastStartedAt   *time.Time
	LastCompletedAt *time.Time
	LastStatus      *string
	LastSummary     *string
	LastError       *string
}

// claim is a task that this run has to itself.
type claim struct {
	Name  string
	Place []byte
	// Holder tells this run from any other.
	Holder uuid.UUID
}

// ensureTasks makes the rows that are missing. What is due later than it can be, after
// a change of the program or of the clock, is due when it can.
const ensureTasks = `
insert into scheduled_tasks as t (name, next_due_at)
select name, now() + first
from unnest($1::text[], $2::interval[], $3::interval[]) as known (name, first, every)
on conflict (name) do update
set next_due_at = now() + (select every from unnest($1::text[], $3::interval[]) as known (name, every) where known.name = excluded.name)
where t.next_due_at > now() + (select every from unnest($1::text[], $3::interval[]) as known (name, every) where known.name = excluded.name)`

func (r *repository) ensure(ctx context.Context, tasks []Task) error {
	names, first, every := make([]string, len(tasks)), make([]time.Duration, len(tasks)), make([]time.Duration, len(tasks))
	for i, t := range tasks {
		names[i], first[i], every[i] = t.Name, t.Every, max(t.Every, t.again())
		if t.AtOnce {
			first[i] = 0
		}
	}
	_, err := r.db.Querier(ctx).Exec(ctx, ensureTasks, names, first, every)
	return r.db.Translate(err)
}

const selectTasks = `
select name, next_due_at, last_started_at, last_completed_at, last_status, last_summary, last_error,
       coalesce(lease_until > now(), false)
from scheduled_tasks
where name = any($1)`

// list reads what is known of the tasks, by their names.
func (r *repository) list(ctx context.Context, names []string) (map[string]State, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectTasks, names)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found := map[string]State{}
	var s State
	_, err = pgx.ForEachRow(rows, []any{
		&s.Record.Name, &s.NextDueAt, &s.LastStartedAt, &s.LastCompletedAt, &s.LastStatus, &s.LastSummary, &s.LastError, &s.Running,
	}, func() error {
		found[s.Record.Name] = s
		return nil
	})
	return found, r.db.Translate(err)
}

const claimTask = `
update scheduled_tasks
set holder = $2,
    lease_until = now() + $3::interval,
    last_started_at = now()
where name = (
  select name
  from scheduled_tasks
  where name = any($1)
    and next_due_at <= now()
    and (lease_until is null or lease_until <= now())
  order by next_due_at, name
  limit 1
  for update skip locked
)
returning name, place`

// claim takes the task that has been due for longest and that nobody is at; false when
// there is none.
func (r *repository) claim(ctx context.Context, names []string, lease time.Duration) (claim, bool, error) {
	c := claim{Holder: uuid.New()}
	err := r.db.Querier(ctx).QueryRow(ctx, claimTask, names, c.Holder, lease).Scan(&c.Name, &c.Place)
	if errors.Is(err, pgx.ErrNoRows) {
		return claim{}, false, nil
	}
	return c, err == nil, r.db.Translate(err)
}

const renewTask = `
update scheduled_tasks
set lease_until = now() + $3::interval
where name = $1
  and holder = $2`

func (r *repository) renew(ctx context.Context, c claim, lease time.Duration) error {
	return r.held(ctx, renewTask, c.Name, c.Holder, lease)
}

const keepPlace = `
update scheduled_tasks
set place = $3
where name = $1
  and holder = $2`

func (r *repository) keep(ctx context.Context, c claim, place []byte) error {
	return r.held(ctx, keepPlace, c.Name, c.Holder, place)
}

// What has succeeded begins anew the next time, what has failed goes on.
const completeTask = `
update scheduled_tasks
set holder = null,
    lease_until = null,
    place = case when $3 = 'ok' then null else place end,
    last_completed_at = now(),
    last_status = $3,
    last_summary = nullif($4, ''),
    last_error = nullif($5, ''),
    next_due_at = now() + $6::interval
where name = $1
  and holder = $2`

// complete notes what came of the run, and when the next is due.
func (r *repository) complete(ctx context.Context, c claim, status, summary, failure string, next time.Duration) error {
	return r.held(ctx, completeTask, c.Name, c.Holder, status, summary, failure, next)
}

const releaseTask = `
update scheduled_tasks
set holder = null,
    lease_until = null
where name = $1
  and holder = $2`

// release gives the task back, due as it was.
func (r *repository) release(ctx context.Context, c claim) error {
	return r.held(ctx, releaseTask, c.Name, c.Holder)
}

// held runs a statement that finds the row as long as the task is the run's.
func (r *repository) held(ctx context.Context, sql string, args ...any) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		return errLost
	}
	return r.db.Translate(err)
}

const advanceTask = `
update scheduled_tasks
set next_due_at = least(next_due_at, now())
where name = $1
  and (lease_until is null or lease_until <= now())`

// advance makes a task due now, and reports whether nobody is at it.
func (r *repository) advance(ctx context.Context, name string) (bool, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, advanceTask, name)
	return tag.RowsAffected() > 0, r.db.Translate(err)
}
