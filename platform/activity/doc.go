// Package activity has what an operator asks PostgreSQL itself at night: which statements
// are slow, who is connected, who waits for whom, what is large, what wants a vacuum, and
// the ending of what has run for too long.
//
// It reads the catalogs and the statistics of this one database, never a row of anybody's,
// and shows no value of a statement: texts have their literals masked. What changes
// something (ending a session's statement, a vacuum) is bounded to this database and
// leaves alone what is not ours to end: backups, replication, PostgreSQL's own workers.
package activity
