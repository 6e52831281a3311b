// Package operations owns background work: what is to be done, who does it, how
// far it is and how it ended.
//
// The row of an operation is the truth and the queue only a doorbell. An
// operation and its job are inserted in one unit of work, so neither exists
// without the other. A worker that answers the bell claims the row: it raises
// attempt, writes its name and a lease of some seconds, and renews the lease while
// it works. Work is done in steps, each one transaction whose last statement says
// how far it is, guarded by attempt and status: when that finds no row, the
// operation is no longer this worker's, and the step rolls back. A worker that was
// killed stops renewing; every process looks for lapsed leases and rings again.
// So a step is done once, and no operation stays in processing for ever.
//
// What an operation type does is a [Work], registered with the [Worker]; each
// has a file of its own, type_<name>.go.
//
// The order of locks is the collection's row, then the operation's.
package operations
