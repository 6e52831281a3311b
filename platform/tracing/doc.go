// Package tracing tells a collector of traces, over OTLP and HTTP, what a request, a
// statement, a step of an operation and a search took, each as a part of what it belongs
// to.
//
// It is off unless an address is configured; then a [Tracer] is nil, and every method of
// a nil one does nothing: no allocation, no goroutine. A span has a name from a set that
// code bounds, and never a value: no parameter of a statement, no query, no path as it
// was sent.
package tracing
