package jobs

import (
	"context"
	"fmt"
	"time"
)

// LostAfter is how long after it was taken up a job may be taken for one whose process is
// gone: longer than what is done by the clock may take.
const LostAfter = 24 * time.Hour

// lostError is what a lost job says of its end, as River writes it.
const lostError = "The process that took it up was ended before the job was."

// discardLost is served by River's index for fetching jobs, which leads with the state: of
// those that are running there are few.
const discardLost = `
update ` + Schema + `.river_job
set state = 'discarded',
    finalized_at = now(),
    errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', attempt, 'error', $3::text, 'trace', ''))
where id = any(array(
  select id
  from ` + Schema + `.river_job
  where state = 'running'
    and attempted_at < now() - $1::interval
    and attempt >= max_attempts
    and id <> all($2::bigint[])
  for update skip locked
))`

// DiscardLost ends the jobs that were taken up so long ago, for the last time, and are not
// among those that somebody is known to work on; it tells how many. River removes them in
// its time, as it does others that have ended. By itself it would keep for ever what a
// process was killed over: of a job that may take as long as it likes it cannot tell.
//
// One that is worked on after all loses nothing: its handler goes on, and River leaves the
// end of a job alone that is not running.
func (q *Queue) DiscardLost(ctx context.Context, after time.Duration, held []int64) (int64, error) {
	if held == nil {
		held = []int64{}
	}
	tag, err := q.db.Querier(ctx).Exec(ctx, discardLost, after, held, lostError)
	if err != nil {
		return 0, fmt.Errorf("discarding lost jobs: %w", q.db.Translate(err))
	}
	return tag.RowsAffected(), nil
}
