package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
)

const (
	// rollbackTimeout bounds the rollback, which runs although the caller's
	// context may be cancelled.
	rollbackTimeout = 5 * time.Second
	// commitTimeout bounds the wait for PostgreSQL's answer to COMMIT. A COMMIT
	// once sent is not abandoned when the caller goes away: its outcome would be
	// unknown for no gain.
	commitTimeout = 30 * time.Second
)

// unit is one transaction with what belongs to it.
type unit struct {
	db      *DB
	options options
	conn    *pgx.Conn
	tx      pgx.Tx
	gorm    *gorm.DB

	// poison is the first error of a joined unit of work; once set, the whole
	// can only roll back.
	poison error
	ended  bool
	// after are the functions to run once the commit is known.
	after []func(context.Context)
	// savepoints numbers the savepoints, for their names.
	savepoints int
}

type unitKey struct{}

// unitOf finds the unit of work of this database in the context, or nil.
func (db *DB) unitOf(ctx context.Context) *unit {
	u, _ := ctx.Value(unitKey{}).(*unit)
	if u == nil || u.db != db {
		return nil
	}
	return u
}

// usable tells why no more statements may run, or nil.
func (u *unit) usable() error {
	if u.ended {
		return fmt.Errorf("%w: it has ended", ErrMisuse)
	}
	return nil
}

// InTx runs fn as one unit of work: everything that fn does through the context
// it is given commits together when fn returns nil, and leaves nothing behind
// when it returns an error or panics.
//
// Inside another unit of work it joins that one. Otherwise fn may run more than
// once, after a serialization failure, a deadlock or a connection lost before
// the commit (see [NoRetry]), so it changes nothing outside the transaction;
// what the world may hear only after the commit goes to [DB.AfterCommit].
//
// Besides fn's own error it returns [ErrPoolExhausted], [ErrUnavailable],
// [ErrBusy] when the retries are used up, [ErrOutcomeUnknown], [ErrPoisoned] and
// [ErrMisuse], and the reason given to [DB.StopWriting]. PostgreSQL's errors have
// passed through [DB.Translate].
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context) error, opts ...Option) error {
	o := collect(opts)
	if u := db.unitOf(ctx); u != nil {
		return u.join(ctx, fn, o)
	}
	if err := db.mayWrite(o); err != nil {
		return err
	}
	err := db.retrying(ctx, o, func() error { return db.runOnce(ctx, fn, o) })
	if ended := ctx.Err(); ended != nil && isCancelled(err) {
		// PostgreSQL says the same when a statement takes too long and when it is
		// cancelled for us; the context knows which it was.
		return fmt.Errorf("%w: %w", ended, err)
	}
	return db.Translate(err)
}

func (u *unit) join(ctx context.Context, fn func(ctx context.Context) error, o options) error {
	if err := u.usable(); err != nil {
		return err
	}
	if u.poison != nil {
		return fmt.Errorf("%w: %w", ErrPoisoned, u.poison)
	}
	if err := u.options.allows(o); err != nil {
		u.poison = err
		return err
	}
	err := fn(ctx)
	if err != nil && u.poison == nil {
		u.poison = err
	}
	return err
}

// runOnce takes a connection and runs fn in one transaction on it.
func (db *DB) runOnce(ctx context.Context, fn func(ctx context.Context) error, o options) (err error) {
	sqlConn, err := db.sql.Conn(ctx)
	if err != nil {
		return fmt.Errorf("beginning a unit of work: %w", err)
	}
	// Rows left open keep Close waiting for ever, after an error or a panic too;
	// a cancelled context closes them. Deferred calls run last in, first out.
	defer func() { _ = sqlConn.Close() }()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()

	u, err := db.begin(inner, sqlConn, o)
	if err != nil {
		return err
	}
	committed := false
	defer func() {
		u.ended = true
		if committed {
			return
		}
		cancel()
		u.rollback(ctx, sqlConn)
	}()

	if err := fn(context.WithValue(inner, unitKey{}, u)); err != nil {
		return err
	}
	if u.poison != nil {
		return fmt.Errorf("%w: %w", ErrPoisoned, u.poison)
	}
	if err := u.commit(ctx); err != nil {
		return err
	}
	committed = true
	u.ended = true
	for _, f := range u.after {
		f(ctx)
	}
	return nil
}

// begin starts the transaction on the connection under sqlConn, and makes a GORM
// session that runs inside it.
func (db *DB) begin(ctx context.Context, sqlConn *sql.Conn, o options) (*unit, error) {
	u := &unit{db: db, options: o}
	err := sqlConn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("%w: the pool handed out a %T", ErrMisuse, driverConn)
		}
		// Kept beyond Raw on purpose: sqlConn holds the connection until it is
		// closed, which happens after the last use of u.conn.
		u.conn = c.Conn()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("beginning a unit of work: %w", err)
	}
	u.tx, err = u.conn.BeginTx(ctx, o.tx())
	if err != nil {
		return nil, fmt.Errorf("beginning a unit of work: %w", err)
	}
	// NewDB and Context give the session a statement of its own: without both it
	// would share the global one, and every later session would write into this
	// transaction. The wrapper is set in both places, since a session derived
	// with PrepareStmt takes it from the configuration.
	u.gorm = db.gorm.Session(&gorm.Session{NewDB: true, Context: ctx, SkipDefaultTransaction: true})
	u.gorm.ConnPool = statementPool{sqlConn}
	u.gorm.Statement.ConnPool = statementPool{sqlConn}
	return u, nil
}

func (u *unit) commit(ctx context.Context) error {
	if u.conn.IsClosed() {
		return fmt.Errorf("before the commit: %w", driver.ErrBadConn)
	}
	// A COMMIT or ROLLBACK sent as SQL has ended the transaction behind our back.
	switch status := u.conn.PgConn().TxStatus(); status {
	case 'T':
	case 'E':
		return fmt.Errorf("%w: a statement failed and its error was dropped", ErrMisuse)
	default:
		return fmt.Errorf("%w: a statement ended the transaction", ErrMisuse)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("before the commit: %w", err)
	}
	if err := u.db.mayWrite(u.options); err != nil {
		return err
	}
	if hook := u.db.config.BeforeCommit; hook != nil {
		if err := hook(ctx); err != nil {
			return fmt.Errorf("committing: %w", err)
		}
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := u.tx.Commit(bounded)
	if err == nil {
		return nil
	}
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && !connectionLost(err), errors.Is(err, pgx.ErrTxCommitRollback):
		return fmt.Errorf("committing: %w", err)
	case isConnBusy(err):
		return fmt.Errorf("%w: rows were left open", ErrMisuse)
	default:
		// pgconn.SafeToRetry is of no use here: for a connection that broke while
		// the answer was awaited pgx says "conn closed", and that it is safe.
		return ErrOutcomeUnknown.WithCause(err)
	}
}

// rollback gives the transaction up. Its own failure is not reported: it means
// that the connection is gone, and with it the transaction.
func (u *unit) rollback(ctx context.Context, sqlConn *sql.Conn) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	// Inside Raw, because it takes the lock under which database/sql closes rows
	// that were left open, in a goroutine of its own.
	_ = sqlConn.Raw(func(any) error {
		if u.conn.IsClosed() {
			return nil
		}
		err := u.tx.Rollback(bounded)
		if err != nil && !errors.Is(err, pgx.ErrTxClosed) {
			_ = u.conn.Close(bounded)
		}
		return nil
	})
}

// AfterCommit runs fn once the unit of work of the context has committed, and
// never when it rolls back; outside of one it runs fn at once. It is for what
// the world may hear only then, and best effort: a process that is killed
// between the commit and fn never runs it. What must happen is a job inserted in
// the transaction.
func (db *DB) AfterCommit(ctx context.Context, fn func(ctx context.Context)) {
	u := db.unitOf(ctx)
	if u == nil || u.ended {
		fn(ctx)
		return
	}
	u.after = append(u.after, fn)
}
