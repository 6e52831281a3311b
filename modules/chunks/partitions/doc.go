// Package partitions watches over the partitions of the chunks: how full they are,
// how well they are kept, and whether each collection's chunks lie where its key
// says.
//
// It is the one place that deals with all partitions at once, and so it has a
// repository of its own: what it tells every minute comes from the catalog and the
// statistics of PostgreSQL, in one statement that reads no chunk and keeps no lock
// on a partition. Only what reads chunks names a partition, by its key: the sample
// that is verified, a few rows of a few partitions, and the exact counts that a
// superuser asks for, one partition after another within a time limit.
//
// What is healthy is decided by size and cost ([Assess]), not by evenness: hashing
// collections, not chunks, is uneven by nature. It never moves or changes a chunk;
// the [Analyzer] has PostgreSQL analyze the parents, which autovacuum does not.
package partitions
