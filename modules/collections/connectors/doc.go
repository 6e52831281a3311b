// Package connectors says what a place is that documents come from, and which of
// them there are. A connector knows one kind of place, a folder of the server's disk,
// say, and is a package of its own below this one; the rest of the program knows it
// by its name and four methods alone.
//
// A connector lists what is there and opens it. What becomes of that, what is new,
// what has changed and what is gone, is for others to say. It keeps nothing between
// two calls, knows no collection and no user, and never writes.
package connectors
