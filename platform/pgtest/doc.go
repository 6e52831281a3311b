// Package pgtest gives each test a PostgreSQL database of its own.
//
// The server is the one of TEST_DATABASE_URL, whose user must be allowed to
// create databases; without it each test program starts a throw-away one, in
// memory where there is room. `make test` starts one for the whole run, and one
// of another version for the tests that try two, through the command in the
// folder run. No PostgreSQL is a failure of the test, never a reason to skip it.
//
// [Database] is a clone of a template that holds the whole schema and is named by
// its hash, so that it is made once and made anew when the schema changes; a
// clone takes a fraction of a second. [Empty] is for tests that make their own
// tables. A test that passed leaves nothing behind; the database of one that
// failed is kept for as long as the server runs, and the test says how to connect.
//
// [Proxy] breaks connections on purpose.
//
// The package is for tests alone; nothing that runs in earnest imports it.
package pgtest
