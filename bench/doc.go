// Command bench measures the program against something that does the same work
// without it, in the same run on the same machine, and prints ratios: a figure
// alone says more about the machine.
//
//	go run ./bench                    everything; make bench builds the program first
//	go run ./bench -runs 9 start      one of start, idle, schema, ingest, login, load, purge, search
//	go run ./bench -dir ~/notes ingest
//
// start compares the time to the first answer with bare pg_ctl on the same data,
// idle is the memory of the server alone, schema compares applying the schema
// with psql on the same statements, ingest loads a folder of real files and
// compares with reading and hashing them, login signs in over HTTP and compares with
// bcrypt alone, purge deletes a collection and compares with emptying an equal one in a
// single transaction, and search asks over HTTP and compares with pgbench running the
// same statements.
//
// Nothing here is a test: a slow machine fails nothing. The program that is
// measured is bin/semantik, or what -program names.
package main
