// Package testworld is the world that the modules' tests stand in: the whole
// program on a database of its own, and people, collections and documents in it
// at one line each.
//
// [New] joins the program by app.Build, the way it runs in earnest, on a clone of
// the schema. The first person in it is [World.Root], a superuser, so that
// everybody else is an ordinary one. The worker runs unless [NoWorker] says
// otherwise; [World.Await] waits for it by listening to the program's commits.
//
// When a test ends, the rules that hold in all data are checked, whatever the
// test was about. A test that failed prints the program's log and how to connect
// to its database.
//
// Faults are injected by options: [OneConnection] makes a unit of work that asks
// for a second connection hang and show itself, [FirstCommitFails] runs each unit
// of work twice, and [World.FailAt] breaks off the nth statement. A database
// behind a proxy that cuts connections is pgtest's.
//
// The package is for tests alone.
package testworld
