// Package postgres owns the PostgreSQL server that Semantik brings itself when no
// database is given: finding or fetching its programs, making its cluster,
// starting, watching and ending it.
//
// [Start] is all that a caller needs; [Server.URL] is what the connection pool
// takes, and psql too. [FindBinaries] finds a PostgreSQL, in this order: the
// folder that is named, what was fetched before, an installation of version 15 or
// newer, a download that is checked against sums pinned in the code.
// [FindRunning] finds the server of another process.
//
// What holds, each with a test:
//
//   - A cluster is never removed, and its major version never changes. It is made
//     aside and renamed when complete.
//   - PostgreSQL refuses to run as root, so root runs it as the owner of the
//     cluster, at first as semantik, postgres or nobody, whichever exists. Data,
//     socket and programs must be where that account can reach them, which a home
//     of root's is not: hence the defaults in /var. Only the cluster and the
//     socket's folder are given to it; password, log and lock are not.
//   - One live Semantik has a data directory; the next is refused with the number
//     of the first. The lock is the kernel's and ends with its holder.
//   - The server is our child and ends with us: on Linux at once, even when we
//     are killed; elsewhere at the next start, which finds and ends it.
//   - It listens on a Unix socket alone, in a folder closed to others, and asks for
//     a password. TCP is one setting away (listen_addresses).
//   - The environment has no say: not the locale, not the PG… variables.
//
// The package must never hand a cluster to a library, log a URL, guess that a
// process is a server of ours without asking the system, or know what is stored
// in the database. It works on Unix.
package postgres
