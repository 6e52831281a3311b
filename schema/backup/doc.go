// Package backup copies all that the schema holds out of a database, and brings it
// back.
//
// A backup is one snapshot: a session exports it, and several others copy out of it,
// each a table or a partition at a time, in PostgreSQL's binary COPY format, compressed
// with zstd. It needs nothing but a connection, so that it is the same on the embedded
// PostgreSQL, which has no pg_dump, and on any other. Writers go on meanwhile.
//
// What is written, to a folder or to one file (a tar archive of the same parts):
//
//	semantik-backup.txt       written first: by it a backup is known, however little of it there is
//	schema/*.sql              the declaration that the rows were made for
//	data/<schema>.<table>     the rows, a zstd stream; in an archive cut into numbered pieces
//	manifest.json             written last: without it there is no backup
//
// Nothing is taken for a backup that does not bear the first, nor written over or removed.
// The manifest says of each table how many rows it has and their checksum, which does
// not depend on their order. It is computed from what PostgreSQL sent, so that a restore
// can tell that what it sends back is the same, and a verification that what the
// restored database holds is.
//
// A restore loads tables that have neither indexes nor foreign keys, makes those
// afterwards, partition by partition, and looks whether all is as it was. What was in
// the database before is set aside until then and comes back if it fails; a database
// whose restore was cut short says so to every server that is started on it.
//
// The package knows tables and no rules: what a backup of some collections consists of,
// and how they come into a database that is in use, stands in the files named
// collections*.go.
package backup
