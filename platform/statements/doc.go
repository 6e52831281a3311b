// Package statements watches the statements of the program as they go by: how long each
// took and whether it failed, by name, for metrics; as spans; and the slow ones in a list.
//
// The name of a statement is the function that sent it, such as "chunks.ListChunks": it is
// found by a look at the stack, so that nobody has to write it down and no statement can
// be without one, and there are no more names than functions. A transaction's own
// statements are begin, commit, rollback and savepoint.
//
// Of parameters nothing is kept, and the text of a slow
// statement has its literals masked.
package statements
