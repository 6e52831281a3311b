// Package ratelimit says how often something may happen.
//
// A [Limiter] counts: so many of a key in so long, by a bucket that fills again
// evenly. A whole bucket may be taken at once, and from then on one comes back
// every so often; nobody waits for the end of a window. [Memory] counts in the
// memory of this process; several processes that want to count together need
// another Limiter and nothing else.
//
// [Guard] slows down who guesses passwords, without locking out whose password it
// is. [Gate] is for what is bounded by how many are at it at once.
//
// All of them hold a bounded number of keys, whoever asks. What is forgotten is
// what was used least recently, and it begins anew with a full bucket.
//
// # What it must never do
//
// Keep a name, an address or a token: keys are hashes with a seed that nobody
// outside of the process knows.
package ratelimit
