// Package metrics keeps the figures of the running program, in the form that
// Prometheus reads.
//
// It knows no figure by itself but those of Go and of the process: each package declares
// its own in a [Registry], with every label and what it means, and docs/operations.md is
// written from these declarations. The values of a label come from a set that code or
// schema bounds, never from a request: a route is its pattern, a statement the function
// that sends it. Nobody's name, id or text is in a label.
//
// What the program counts itself costs an addition. What PostgreSQL has to be asked for
// is a [Figure]: [Figures] asks at most once in fifteen seconds, on a connection beside
// the pool and for so long and no longer, and only when somebody reads. A database that
// is down is a figure too, and no error.
package metrics
