package jobs

import (
	"context"
	"fmt"
	"time"
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
