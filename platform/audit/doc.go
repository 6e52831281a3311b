// Package audit writes down who did what to which object: the table audit_log,
// one row a change, written in the transaction of the change. An entry exists if
// and only if what it tells was committed.
//
// [Log.Record] takes who and from where out of the context: the identity, the
// API key, the address and the user agent of the request. What happened and to
// what is for the module to say, in an [Entry]; its details hold what was before
// and after where that is small, and never a secret: no password, no token, no
// hash of one.
//
// [Log.List] reads: everybody their own entries, a superuser all.
//
// The log has no foreign keys, for it outlives what it names. It is partitioned
// by month; [Keeper] makes months ahead of time and drops those that are old, as
// a whole.
//
// The package knows no module and judges nothing: an action is a word to it.
package audit
