// Package jobs is the queue: River on PostgreSQL, in a schema of its own.
//
// A job is inserted inside a unit of work, so that it exists if and only if
// what it is about was committed: [Queue.Insert] takes the transaction from the
// context and fails outside of one. A worker is a function registered with
// [Handle] before [Queue.Start].
//
// Work that nobody waits for goes to the queue [Background], which keeps the other
// one waiting for nothing; what the system does by the clock goes to [Maintenance].
// [Queue.Repeat] has a job inserted again and again, by one process of all.
//
// The queue is a doorbell, not the truth. River decides that a job's worker is
// dead by the time since the attempt began, not by a sign of life, so whoever
// needs "resumed within a minute, and never by two" keeps a lease of its own on
// its own row and asks for a job that is attempted once ([Options.MaxAttempts]).
// A job therefore may be delivered for work that is already done, or taken; its
// handler looks before it acts.
//
// The package knows no job of the domain. It is the only one that takes the pgx
// transaction itself, because River asks for it.
package jobs
