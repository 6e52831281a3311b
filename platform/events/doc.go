// Package events tells every process of the program what has happened, over
// PostgreSQL's NOTIFY.
//
// [Publish] belongs into the unit of work that makes the thing true: PostgreSQL
// sends nothing before the commit and nothing at all after a rollback, and those of
// one transaction in their order. A [Bus] listens on a connection of its own, beside
// the pool, and gives what it hears to whoever has subscribed to one of the event's
// topics.
//
// An event is a doorbell and no record. It is not kept for those who do not listen;
// while the connection is lost nobody hears anything, and what was too long for
// PostgreSQL has been shortened. So whoever must not miss something reads the rows:
// when it begins, after it has subscribed, and whenever a [Notice] says that some
// may have been missed.
//
// A commit that notifies holds a lock that there is once in a whole server (see
// docs/events.md for what that costs), so that what happens many times a second is
// published after the commit, and gathered.
//
// What it must never do: know a word of the domain, wait for a subscriber.
package events
