package jobs

import (
	"fmt"
	"time"

	"github.com/riverqueue/river"
)

// Repeat has a job inserted every so often, a whole number of seconds, from
// [Queue.Start] on, before which it is called. Of all processes that work on the
// database one inserts it, which River elects; when that one goes another is elected,
// and begins at once. In each period there is one job at the most, whoever inserts it.
//
// River keeps in memory when it is to insert the next, so that what is rare would
// never come in a process that is often started anew. The job is therefore a look at
// the clock, and what is due is for a table to say.
//
// That it is unique in its period, and not as long as one waits or runs, is so that a
// process killed with kill -9 stops nothing: its job stays "running" for River, which
// rescues no job that may take as long as it likes (see [Queue.DiscardLost]), and for a
// day no other would follow.
func (q *Queue) Repeat(every time.Duration, args Args, o Options) error {
	job := river.NewPeriodicJob(river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) {
		return args, &river.InsertOpts{
			MaxAttempts: o.MaxAttempts, Queue: o.Queue, Priority: o.Priority,
			UniqueOpts: river.UniqueOpts{ByPeriod: every},
		}
	}, &river.PeriodicJobOpts{ID: args.Kind(), RunOnStart: true})
	if _, err := q.client.PeriodicJobs().AddSafely(job); err != nil {
		return fmt.Errorf("repeating a job: %w", err)
	}
	return nil
}
