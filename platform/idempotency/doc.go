// Package idempotency lets a client send a request again without having it carried
// out again: a request that names itself with an Idempotency-Key is carried out once,
// and whoever sends the same one with the same key within [Lifetime] gets the answer
// that the first one got. It owns the table idempotency_keys.
//
// There are two ways, and both hold however the program ends:
//
//   - [Keeper.Once] is for what is one unit of work. The answer commits in the
//     transaction of what it tells of, so that there is never one without the other.
//     While it runs an advisory lock of that transaction keeps the twin out, which a
//     killed server gives up with its connection: nothing is left to wait for.
//   - [Keeper.OnceInSteps] is for what commits piece by piece. The key is taken
//     beforehand, under a lease that is renewed as long as the work lasts. After a
//     crash the lease lapses, and the key may be taken again; the work must bear
//     pieces that are there already.
//
// Only success is kept. A request that failed has changed nothing, or what it says it
// has, and may be sent again with its key, corrected if need be: to repeat a 503 for a
// day helps nobody.
//
// Keys are a user's own, whichever of their API keys sends them. Whoever gets a kept
// answer has the right to do what it tells of, asked for at that moment.
//
// The package knows no module, and what an answer says means nothing to it.
package idempotency
