// Package apperr holds the one error type that crosses layers.
//
// An [Error] says four things: what kind of failure it is (the [Kind], which
// maps to exactly one HTTP status), a stable code that clients may switch on,
// one sentence that a person can act on, and, for input that is wrong in form,
// every field that is wrong. The cause travels along for the log and is never
// shown to a client.
//
// A module declares its errors as variables in its errors.go and returns them,
// wrapped with fmt.Errorf("...: %w") where context helps. Whoever needs to
// decide asks [KindOf] or [CodeOf], or errors.Is against the variable. Nobody
// compares error strings.
//
// An error that is not an *Error is [Internal]: it is logged once, at the edge,
// and the client learns nothing but the correlation id.
package apperr
