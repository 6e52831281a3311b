// Package chunks owns the partitioned table: loading, reading, searching.
//
// A chunk belongs to one of a hundred LIST partitions, by the partition key of
// its collection. A statement that names the key touches one partition; one that
// does not locks all of them and is some thirty times slower. So every statement
// of the [Repository] takes a [collections.Scope] and goes through one function,
// [Repository.on], which binds the partition key and the collection's id as $1
// and $2. Nothing else in the code knows how a partition is reached, and nothing
// knows the partitions' names. A test explains every statement that the
// repository issues and counts the locks it takes.
//
// Chunks are loaded by COPY inside the caller's unit of work. What a search finds
// is a second table, chunk_search, filled by the worker after the load, because
// an index for full text makes a load six times slower. A search joins the chunks
// again, in one snapshot with the permission, so that a search row that lags can
// cost a hit and never show what is gone or not the caller's.
//
// How a text is cut is in the package split, what a query says in query, what a filter
// on metadata says in filter, and how the partitions are watched over in partitions.
package chunks
