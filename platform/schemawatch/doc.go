// Package schemawatch keeps a program that runs from writing to a database whose
// schema was upgraded, or rolled back, under it.
//
// One goroutine, [Watch.Run], asks the schema every second whether this program may
// write. When it may not, the database refuses to write, with a reason that names both
// revisions, until it is good again: requests that write get 503, and so does readiness;
// reading goes on, as far as what is read is still there.
//
// Between an upgrade and its being noticed lies a second at the most. A check within
// each transaction would leave none, and cost each of them a statement; so what must
// not be written to for that second is upgraded while no older server runs, see
// docs/upgrading.md. The package never changes the schema, and knows no revision by
// itself.
package schemawatch
