package jobs

import (
	"context"
	"fmt"

	"semantik/platform/database"
	"semantik/platform/metrics"
)

// selectStates is served by the queue's own index on state. Jobs that have ended stay for
// a while and are nobody's concern.
const selectStates = `
select state::text, count(*)
from ` + Schema + `.river_job
where state in ('available', 'pending', 'retryable', 'running', 'scheduled')
group by state`

// liveStates are those of jobs that have not ended.
var liveStates = []string{"available", "pending", "retryable", "running", "scheduled"}

// Figures declares what is read of the queue.
func Figures(f *metrics.Figures, db *database.DB) {
	states := f.Gauge("semantik_queue_jobs", "Jobs of the queue that have not ended, by the queue's own state.", "state")
	f.From(func(ctx context.Context, emit metrics.Emit) error {
		rows, err := db.Querier(ctx).Query(ctx, selectStates)
		if err != nil {
			return fmt.Errorf("counting jobs: %w", db.Translate(err))
		}
		defer rows.Close()
		counts := map[string]int64{}
		for rows.Next() {
			var state string
			var n int64
			if err := rows.Scan(&state, &n); err != nil {
				return fmt.Errorf("counting jobs: %w", db.Translate(err))
			}
			counts[state] = n
		}
		for _, state := range liveStates {
			emit(states, float64(counts[state]), state)
		}
		return db.Translate(rows.Err())
	})
}
