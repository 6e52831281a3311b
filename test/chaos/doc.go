// Package chaos kills the program and its database while several clients use them, and
// looks whether what was promised was kept.
//
// Two processes serve, one or two more are workers, and whether the servers work as well
// is drawn; all of them are on one PostgreSQL. Four clients make collections, upload
// new files and new contents of old ones, delete documents and collections, reindex,
// cancel and retry, all at the same time in the same collections. Each has folders on the
// disk as well: it makes them sources, writes, renames, swaps and removes what is in them,
// has them looked through, now or by the clock, and removes the sources. Servers, workers
// and PostgreSQL are killed with kill -9 at random moments, alone and together, and started
// again. Each
// client remembers what it was told, and what may have happened where it was told
// nothing. A path in a collection is changed by one client alone, so that its own memory
// says what it must be; everything else they do to what is everybody's.
//
// # What has to hold
//
// While it goes on:
//
//   - A server answers, or it says that it cannot serve now (503), or the connection
//     ends. It never answers that something is wrong with itself (500), and never that
//     something is not there which was acknowledged and that nobody has deleted.
//   - A run over a collection's sources that was acknowledged is there, and what one that is
//     a success has left of a folder that nobody changed meanwhile is what is on the disk.
//   - No process ends by itself, whatever happens to the database, and none panics or, with
//     the race detector, races.
//   - What watches an operation, and opens another socket whenever its own has ended, is
//     told the end exactly once on each connection that is open at the end or is opened
//     after it, always the same end, and nothing after it. A connection that was lost
//     before may have been told nothing: that is why the client connects again. So over
//     several connections an end may be told several times, on one of them never.
//
// When all is up again:
//
//   - No operation is pending or being processed 60 seconds after the last restart.
//   - Each has ended in one of the three ways, the one that its watcher was told. One
//     whose cancellation was acknowledged is cancelled, and the audit log has that once.
//
// And after the documents that failed through no fault of their own were retried once,
// by POST …/retry-failed, every folder was looked through once more or its source removed,
// and no operation is active:
//
//   - Every file that was acknowledged is one document, with the content acknowledged
//     last; where a later request had no answer, with the content of one of those. Of
//     files that were deleted there is none, and of files that nobody sent neither.
//   - Every document that can be read is completed and has chunks. A search for the first
//     word of its content finds it, so does one for its last, and one for a word that
//     only its older contents had finds nothing.
//   - A folder's source has brought exactly what is on the disk: each content is one
//     document, with the path of a file that has it, and of what was there before nothing
//     is found. A source that was removed has left nothing, one that was added is there,
//     with the counters that its documents make, and no run over sources goes on.
//   - A document that cannot be read has failed for good, and has no chunks.
//   - A collection whose deletion was acknowledged answers 404, and its purge has
//     completed; one that was not deleted is there and ready, or in error for a reason.
//   - Every rule of the schema's rules holds in all data.
//
// # Running it
//
// "make test" kills ten processes, which takes less than half a minute; "make chaos KILLS=100"
// does so a hundred times. The seed that is printed decides what the clients and the
// killer draw, and which processes there are: SEMANTIK_TEST_SEED=… draws the same again. How the processes interleave is
// not in its power.
package chaos
