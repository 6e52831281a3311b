// Package database owns the connection pool and the unit of work: the one way
// in which Semantik's code reaches PostgreSQL.
//
// A business operation is one function passed to [DB.InTx]. It begins a
// transaction, puts it into the context, commits when the function returns nil
// and rolls back when it returns an error or panics. Whatever runs inside takes
// the transaction from the context: [DB.Session] for GORM, [DB.Tx] for
// statements and COPY over pgx, and [PgxTx] for the job queue, all on one
// connection. Outside a unit of work [DB.Session] and [DB.Querier] use the pool,
// a connection a statement.
//
// The rules that the package enforces, each with a test that shows what would
// happen without it:
//
//   - a unit of work inside another joins it, and one that failed can only be
//     rolled back, whoever swallows its error; what may fail alone asks for
//     [DB.Savepoint];
//   - nothing below can end the transaction: GORM sees a connection that cannot
//     begin or commit, pgx callers see an interface without either, and a COMMIT
//     sent as SQL is noticed;
//   - serialization failures, deadlocks and connections lost before the commit
//     run the function again, so it may run more than once and must change
//     nothing outside the transaction; [NoRetry] is for the bulk load;
//   - a COMMIT that got no answer is an error of its own, [ErrOutcomeUnknown],
//     and never tried again;
//   - waiting for a connection is bounded, and ends in [ErrPoolExhausted].
//
// A transaction's context must not be shared between goroutines, and nothing
// slow (a network call, a file) belongs inside.
//
// [DB.Translate] turns PostgreSQL's errors into the caller's terms, by the name
// of the constraint that was violated; each module contributes its own names.
//
// The package knows no table and no word of the domain.
package database
