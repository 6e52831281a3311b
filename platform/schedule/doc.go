// Package schedule is what the system does by the clock: tasks that come again,
// whatever process is there to do them.
//
// A [Task] is registered before the queue starts. Its row in scheduled_tasks says when
// it is due, who does it, and what came of it the last time; the queue is only a
// doorbell. One process, elected, rings every minute. Whoever hears it claims what is
// due, one task after another: the claim is a lease on the row, renewed as long as the
// task runs, so that no two processes are at one task, and a process that was killed
// keeps it for a minute at the most.
//
// The clock is the database's, and the row outlives the process: a weekly task comes
// weekly although its process is started anew each hour. A task that fails is logged
// once and comes again; one that is cut short, by its limit or by the program's end,
// finds where it was ([Run.Keep]).
//
// The package knows no task of the domain.
package schedule
