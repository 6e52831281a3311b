package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes, PostgreSQL documentation, appendix A.
const (
	codeSerializationFailure = "40001"
	codeDeadlockDetected     = "40P01"
	codeRestrictViolation    = "23001" // "on delete restrict", from PostgreSQL 18 on
	codeNotNullViolation     = "23502"
	codeForeignKeyViolation  = "23503"
	codeUniqueViolation      = "23505"
	codeCheckViolation       = "23514"
	codeExclusionViolation   = "23P01"
	codeReadOnlyTransaction  = "25006"
	codeIdleInTransaction    = "25P03"
	codeTransactionTimeout   = "25P04"
	codeUntranslatable       = "22P05"
	codeCharacterNotInSet    = "22021"
	codeDiskFull             = "53100"
	codeNumberOutOfRange     = "22003"
	codeInvalidText          = "22P02"
	codeQueryCanceled        = "57014"
	codeLockNotAvailable     = "55P03"
	codeNoSuchDatabase       = "3D000"
	codeTooManyConnections   = "53300"
	codeUndefinedTable       = "42P01"
	codeUndefinedColumn      = "42703"
	codeUndefinedFunction    = "42883"
	classAuthorization       = "28"
	classConnection          = "08"
	classResources           = "53"
	classOperator            = "57P"
)

// maxBackoff bounds the pause between two runs of a unit of work.
const maxBackoff = 5 * time.Second

// retrying runs the unit of work until it ends in something other than a
// conflict with another transaction or a connection lost before the commit.
func (db *DB) retrying(ctx context.Context, o options, run func() error) error {
	for attempt := 0; ; attempt++ {
		err := run()
		if err == nil || !retryable(err) {
			return err
		}
		if o.noRetry || attempt >= db.config.RetryLimit {
			return err
		}
		if !sleep(ctx, backoff(db.config.RetryInterval, attempt)) {
			return err
		}
	}
}

// retryable reports whether the transaction is known not to have committed and
// running it again can help.
func retryable(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrMisuse) || errors.Is(err, ErrPoolExhausted) {
		return false
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && (pgErr.Code == codeSerializationFailure || pgErr.Code == codeDeadlockDetected) {
		return true
	}
	return connectionLost(err)
}

// IsDeadlock reports whether PostgreSQL ended the statement because its transaction
// and others waited for each other.
func IsDeadlock(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == codeDeadlockDetected
}

// connectionLost reports whether the connection broke, or PostgreSQL ended it,
// or it never came to be. Before the commit that means that nothing was changed.
func connectionLost(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(pgErr.Code, classConnection) || strings.HasPrefix(pgErr.Code, classOperator) ||
			pgErr.Code == codeIdleInTransaction || pgErr.Code == codeTransactionTimeout
	}
	var connectErr *pgconn.ConnectError
	var netErr net.Error
	return errors.As(err, &connectErr) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &netErr)
}

// isCancelled reports whether PostgreSQL stopped a statement.
func isCancelled(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == codeQueryCanceled
}

// isConnBusy reports whether rows were still being read on the connection.
func isConnBusy(err error) bool {
	return strings.Contains(err.Error(), "conn busy")
}

// backoff is "full jitter": a random time up to the base, doubled at each
// attempt, so that two transactions that collided do not collide again in step
// (Brooker, Exponential Backoff And Jitter, 2015).
func backoff(base time.Duration, attempt int) time.Duration {
	limit := min(base<<min(attempt, 10), maxBackoff)
	return time.Duration(rand.Int64N(int64(limit) + 1)) //nolint:gosec // a pause, not a secret
}

// sleep waits, and reports false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
