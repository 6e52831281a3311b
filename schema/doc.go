// Package schema owns the shape of the database: what it shall look like, and
// the way from what it looks like now to there.
//
// Four files say what it shall look like. schema.sql declares the tables and is
// the one source of truth; extensions.sql, functions.sql and partitions.sql
// hold what a declaration cannot say, written so that running them again does
// no harm. Nothing is migrated by hand: [Manager.Plan] lets PostgreSQL build
// the declaration in a scratch schema that is rolled back, compares it with what
// is there, and gives the statements that lead from one to the other together
// with those that lead back.
//
//	m := schema.New(pool, schema.Options{PartitionCount: 100})
//	applied, err := m.Apply(ctx, schema.ApplyOptions{})
//
// [Manager.Apply] runs the queue's migrations first, each in a transaction of
// its own because they need that, and then everything else in one transaction,
// under a lock that lets one process at a time. What it did stands in the table
// schema_history; [Manager.Rollback] undoes the last entry. What would lose data
// is refused unless the caller says that it may.
//
// [Manager.Check] finds drift: what somebody has changed in the live database
// behind the program's back, in words.
//
// Changing the schema: edit schema.sql, run the tests of this package, and do
// what the failing one says about [Revision].
//
// The package imports nothing of ours, knows no row of data, and never runs a
// statement against a table's content, save its own history.
package schema
