package database

import (
	"errors"
	"time"

	"semantik/platform/apperr"
)

// The errors of the unit of work and the pool. Most are of a kind that maps
// to 503; [ErrMisuse] is a programming error.
var (
	// ErrPoolExhausted means that no connection became free in time.
	ErrPoolExhausted = apperr.New(apperr.Unavailable, "pool_exhausted",
		"The server is busy: no database connection became free in time. Try again shortly.").WithRetryAfter(2 * time.Second)

	// ErrUnavailable means that PostgreSQL cannot be reached or cannot serve.
	ErrUnavailable = apperr.New(apperr.Unavailable, "database_unavailable",
		"The database cannot be reached right now. Try again shortly.").WithRetryAfter(5 * time.Second)

	// ErrRefused means that PostgreSQL does not accept the user or the password, and
	// ErrNoDatabase that there is no database with the name. Trying again does not
	// help.
	ErrRefused = apperr.New(apperr.Unavailable, "database_refused",
		"PostgreSQL does not accept the user or the password. Look at DATABASE_URL, or POSTGRES_USER and POSTGRES_PASSWORD.")
	ErrNoDatabase = apperr.New(apperr.Unavailable, "database_missing",
		"PostgreSQL has no database with this name. Make it with createdb, or look at DATABASE_URL or POSTGRES_DB.")

	// ErrUsedUp means that PostgreSQL lets nobody in any more, and ErrNoAnswer that it takes
	// the connection and does not answer, or cannot be reached in time.
	ErrUsedUp = apperr.New(apperr.Unavailable, "database_connections_used_up",
		"PostgreSQL has no connection left. \"semantik db connections\" as a superuser, for whom it keeps a few, shows who has them: end what nobody needs, "+
			"give the servers less (DB_POOL_SIZE, DB_MAX_OVERFLOW), or raise max_connections.")
	ErrNoAnswer = apperr.New(apperr.Unavailable, "database_no_answer",
		"PostgreSQL does not answer: it cannot be reached in time, or hangs. Look at it and at its log, and at DATABASE_URL.")

	// ErrReadOnly means that PostgreSQL takes no writes: it is a standby, or is set so.
	ErrReadOnly = apperr.New(apperr.Unavailable, "database_read_only",
		"The database takes no writes: it is a standby, or set to read only. The operator must look.").WithRetryAfter(30 * time.Second)

	// ErrTimeout means that a statement took longer than it may.
	ErrTimeout = apperr.New(apperr.Unavailable, "statement_timeout",
		"The database took too long to answer; nothing was changed. Try again, or ask for less at once.").WithRetryAfter(5 * time.Second)

	// ErrBusy means that a lock was not to be had in time, or that concurrent
	// changes kept getting in each other's way although they were tried again.
	ErrBusy = apperr.New(apperr.Unavailable, "busy",
		"Something else is changing the same data right now; nothing was changed. Try again shortly.").WithRetryAfter(time.Second)

	// ErrStorageFull means that PostgreSQL has no room on its disk.
	ErrStorageFull = apperr.New(apperr.Unavailable, "storage_full",
		"The database has run out of disk space; nothing was changed. The operator must make room.").WithRetryAfter(time.Minute)

	// ErrPartitionMissing means that a partitioned table has no partition for a row.
	ErrPartitionMissing = apperr.New(apperr.Unavailable, "partition_missing",
		"A partition of the database is missing; nothing was changed. The operator finds it with semantik doctor, and semantik schema apply puts it back.").WithRetryAfter(time.Minute)

	// ErrOutcomeUnknown means that a COMMIT got no answer: the change may have
	// been made or not. It is never tried again by itself.
	ErrOutcomeUnknown = apperr.New(apperr.Unavailable, "outcome_unknown",
		"The connection to the database broke while the change was being committed: it may have been made or not. Look before you try again.").WithRetryAfter(5 * time.Second)

	// ErrValueMissing means that a column that must have a value was given none.
	ErrValueMissing = apperr.New(apperr.Invalid, "value_missing",
		"A value that is required is missing.")

	// ErrInvalidText means that a text holds what PostgreSQL cannot store, such
	// as a NUL byte.
	ErrInvalidText = apperr.New(apperr.Invalid, "invalid_text",
		"A text contains bytes that cannot be stored, such as NUL or invalid UTF-8. Remove them.")

	// ErrInvalidNumber means that a number is larger than can be stored.
	ErrInvalidNumber = apperr.New(apperr.Invalid, "invalid_number",
		"A number is larger than can be stored.")
)

// ErrMisuse is a programming error in the use of a unit of work: a statement on
// one that has ended, options that the outer one does not have, a transaction
// ended by SQL.
var ErrMisuse = errors.New("unit of work misused")

// ErrPoisoned is returned by a unit of work whose function returned nil although
// a joined one inside it had failed; the whole was rolled back.
var ErrPoisoned = errors.New("a joined unit of work failed, so the whole was rolled back")
