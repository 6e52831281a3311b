package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"
)

// StartGrace is how long a job that was fetched may take until its handler has
// left a trace of its own. River notices only after an hour that a process died
// in between.
const StartGrace = 20 * time.Second

// selectWaits is served by the primary key.
const selectWaits = `
select exists (
  select 1
  from ` + Schema + `.river_job
  where id = $1
    and (state in ('available', 'pending', 'retryable', 'scheduled')
         or (state = 'running' and attempted_at > now() - $2::interval))
)`

// selectDue is served by River's index for fetching jobs, as is raiseOldest.
const selectDue = `
select exists (
  select 1
  from ` + Schema + `.river_job
  where state = 'available'
    and queue = $1
    and priority <= $2
    and scheduled_at <= now()
)`

// AnyDue reports whether a job of the queue waits for somebody to work on it, of this
// priority or a better one.
func (q *Queue) AnyDue(ctx context.Context, queue string, priority int) (bool, error) {
	var due bool
	if err := q.db.Querier(ctx).QueryRow(ctx, selectDue, nameOf(queue), priority).Scan(&due); err != nil {
		return false, fmt.Errorf("asking for jobs that are due: %w", q.db.Translate(err))
	}
	return due, nil
}

const raiseOldest = `
update ` + Schema + `.river_job
set priority = 1
where id = (
  select id
  from ` + Schema + `.river_job
  where state = 'available'
    and queue = $1
    and kind = $2
    and priority > 1
    and scheduled_at < now() - $3::interval
  order by scheduled_at, id
  limit 1
  for update skip locked
)`

// RaiseOldest gives the best priority to one job of the kind: the one that others have
// been preferred to for longest, if that was for longer than patience.
func (q *Queue) RaiseOldest(ctx context.Context, queue, kind string, patience time.Duration) error {
	if _, err := q.db.Querier(ctx).Exec(ctx, raiseOldest, nameOf(queue), kind, patience); err != nil {
		return fmt.Errorf("raising a job's priority: %w", q.db.Translate(err))
	}
	return nil
}

// nameOf is River's name of a queue.
func nameOf(queue string) string {
	if queue == "" {
		return river.QueueDefault
	}
	return queue
}

// Waits reports whether the job is going to be worked on, or has been taken up less
// than grace ago. False means that its handler will not be called, or was and has ended, or
// that the process that took it is gone.
func (q *Queue) Waits(ctx context.Context, id int64, grace time.Duration) (bool, error) {
	var waits bool
	if err := q.db.Querier(ctx).QueryRow(ctx, selectWaits, id, grace).Scan(&waits); err != nil {
		return false, fmt.Errorf("asking for a job: %w", q.db.Translate(err))
	}
	return waits, nil
}
