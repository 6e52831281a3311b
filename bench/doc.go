// Command bench measures the program against something that does the same work
// without it, in the same run on the same machine, and prints ratios: a figure
// alone says more about the machine.
//
//	go run ./bench                    everything; make bench builds the program first
//	go run ./bench -runs 9 start      one of start, idle, schema, ingest, login, load, read, purge,
//	                                  search, steady, queue, queued, sockets
//	go run ./bench -dir ~/notes ingest
//	go run ./bench -files 5000 steady
//
// start compares the time to the first answer with bare pg_ctl on the same data,
// idle is the memory of the server alone, schema compares applying the schema
// with psql on the same statements, ingest loads a folder of real files and
// compares with reading and hashing them, login signs in over HTTP and compares with
// bcrypt alone, purge deletes a collection and compares with emptying an equal one in a
// single transaction, and search asks over HTTP and compares with pgbench running the
// same statements.
//
// steady loads very many small files and compares the end of the load with its beginning,
// and how long others wait with how long they did before; queue compares operations that
// do nothing with River's jobs alone; queued compares the memory of a server that has very
// many operations before it with that of one that has none; and sockets compares how soon
// very many sockets hear of an operation's end with a bare LISTEN. How far these are comes
// on standard error. docs/development.md says how they are run in full and in short.
//
// Nothing here is a test: a slow machine fails nothing. The program that is
// measured is bin/semantik, or what -program names.
package main
