// Package collections owns collections, their sources and who may do what with
// them.
//
// Its centre is the [Scope]: the answer to "what may this identity do with this
// collection", read in one statement together with the collection's row. Only
// [Service.Authorize] makes one for a caller, and every statement on what a
// collection contains, in this module and in those to its right, takes one: who
// cannot prove the right cannot spell the query. It also carries the partition
// key, so that no statement on chunks has to look for it.
//
// A caller who has no right at all is told that the collection does not exist;
// one who may read it but not do the thing asked for is told so.
//
// Work in the background is started through [OperationStarter], which the module
// of operations implements: a collection, its first operation and the job commit
// together or not at all.
//
// Whoever administers a collection shares it ([Service.Share]), renames it and
// changes it ([Service.Update]) and deletes it, each under the lock of its row and
// with an entry in the audit log. Its state changes through [StatusChanger] alone,
// by the table of [Transitions].
//
// The module never reads chunks, and documents only to count those of a source; it
// deletes neither.
package collections
