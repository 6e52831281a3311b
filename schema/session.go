package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// lockKey is the advisory lock of whoever changes the schema of a database:
// "semantik" in ASCII.
const lockKey int64 = 0x73656d616e74696b

// lockPollInterval is how often the lock is asked for while another has it.
const lockPollInterval = 50 * time.Millisecond

// cleanupTimeout bounds what is done after the caller's context has ended.
const cleanupTimeout = 5 * time.Second

// ApplicationName is what the sessions are called in PostgreSQL that plan and change the
// schema, unless their pool has a more particular name, such as a restore's.
const ApplicationName = "semantik schema"

// session is a connection of our own for one call. Atlas speaks database/sql and
// we speak pgx; both reach the same connection, so the same transaction. Only
// one of them may be in use at a time.
type session struct {
	pool *pgxpool.Pool
	db   *sql.DB
	std  *sql.Conn
	conn *pgx.Conn
}

// openSession connects beside the program's pool. The program's sessions have a
// statement timeout, and building an index may take as long as it takes; names
// in our files have no schema, so the search path is fixed.
func (m *Manager) openSession(ctx context.Context) (*session, error) {
	config := m.pool.Config()
	config.MaxConns = 2 // one for us, one for the queue's migrations
	config.MinConns, config.MinIdleConns = 0, 0
	afterConnect := config.AfterConnect
	settings := fmt.Sprintf(`
		set search_path = %s;
		set statement_timeout = 0;
		set idle_in_transaction_session_timeout = 0;
		set lock_timeout = %d;
		set plan_cache_mode = auto;
		set jit = off;
		set client_min_messages = warning;`, publicSchema, m.o.LockTimeout.Milliseconds())
	if name := config.ConnConfig.RuntimeParams["application_name"]; !strings.HasPrefix(name, "semantik ") {
		settings += "set application_name = '" + ApplicationName + "'"
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if afterConnect != nil {
			if err := afterConnect(ctx, conn); err != nil {
				return err
			}
		}
		return execScript(ctx, conn, settings)
	}

	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("preparing a connection: %w", err)
	}
	s := &session{pool: pool, db: stdlib.OpenDBFromPool(pool)}
	s.db.SetMaxIdleConns(0)
	if s.std, err = s.db.Conn(ctx); err != nil {
		s.close()
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	err = s.std.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("unexpected driver connection %T", driverConn)
		}
		s.conn = c.Conn()
		return nil
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close ends the connections, and with them the lock and whatever is open.
func (s *session) close() {
	if s.std != nil {
		_ = s.std.Close() // the connection is thrown away in any case
	}
	_ = s.db.Close()
	s.pool.Close()
}

// errDone says that what somebody waits to do was done by another meanwhile.
var errDone = errors.New("another process has done it")

// openLocked connects, waits until no other process works at the schema, and
// looks at the database as it is then. Planning and checking take the lock too:
// what another is changing meanwhile would be told half. It is errDone as soon as the
// database is what done, if given, asks for.
func (m *Manager) openLocked(ctx context.Context, done func(state) bool) (*session, state, error) {
	// A server that is too old is refused before anything waits.
	if _, err := m.readState(ctx, m.pool); err != nil {
		return nil, state{}, err
	}
	s, err := m.openSession(ctx)
	if err != nil {
		return nil, state{}, err
	}
	if err := m.lock(ctx, s, done); err != nil {
		s.close()
		return nil, state{}, err
	}
	st, err := m.readState(ctx, s.conn)
	if err != nil {
		s.close()
		return nil, state{}, err
	}
	return s, st, nil
}

func (*Manager) tryLock(ctx context.Context, s *session) (bool, error) {
	var got bool
	if err := s.conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", lockKey).Scan(&got); err != nil {
		return false, fmt.Errorf("asking for the schema's lock: %w", err)
	}
	return got, nil
}

// lock waits until no other process changes the schema. It is the session's, not
// the transaction's, because the queue's migrations commit on their own; it ends
// with the session.
func (m *Manager) lock(ctx context.Context, s *session, done func(state) bool) error {
	if got, err := m.tryLock(ctx, s); got || err != nil {
		return err
	}

	// Asked for again and again: a statement that waits in PostgreSQL holds a
	// snapshot, for which the other's CREATE INDEX CONCURRENTLY would wait.
	m.log.InfoContext(ctx, "waiting for another process that is changing the schema", "at_most", m.o.WaitTimeout)
	again := time.NewTicker(lockPollInterval)
	defer again.Stop()
	enough := time.NewTimer(m.o.WaitTimeout)
	defer enough.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the schema's lock: %w", ctx.Err())
		case <-enough.C:
			return ErrBusy
		case <-again.C:
			if got, err := m.tryLock(ctx, s); got || err != nil {
				return err
			}
		}
		if done == nil {
			continue
		}
		// The other may be building indexes, for which nobody needs to wait.
		st, err := m.readState(ctx, s.conn)
		if err != nil {
			return err
		}
		if done(st) {
			return errDone
		}
	}
}

// inTx runs fn in a transaction of the session, and commits unless fn fails or
// keep is false.
func (s *session) inTx(ctx context.Context, keep bool, fn func(ctx context.Context) error) (err error) {
	tx, err := s.conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		// After a commit it does nothing, and a lost connection has rolled back.
		_ = tx.Rollback(cleanup)
	}()
	if err := fn(ctx); err != nil {
		return err
	}
	if !keep {
		return nil
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// inScratch runs fn in an empty schema that new tables and functions go to, and
// undoes all that it did. It needs a transaction around it, and no right but to
// create a schema. fn is told the schema's name.
func (s *session) inScratch(ctx context.Context, fn func(ctx context.Context, scratch string) error) (err error) {
	// The name differs between sessions, so that two may plan at once.
	scratch := fmt.Sprintf("semantik_plan_%d", s.conn.PgConn().PID())
	begin := fmt.Sprintf("savepoint scratch; create schema %s; set local search_path = %s", scratch, scratch)
	if err := execScript(ctx, s.conn, begin); err != nil {
		if hasCode(err, codeInsufficientPrivilege) {
			return fmt.Errorf("comparing the schema needs the right to create a schema in the database, which its owner has: %w", err)
		}
		if hasCode(err, codeReadOnly) {
			return ErrReadOnly
		}
		return fmt.Errorf("creating a scratch schema: %w", err)
	}
	if err := fn(ctx, scratch); err != nil {
		return err // the transaction is over in any case
	}
	return execScript(ctx, s.conn, "rollback to savepoint scratch; release savepoint scratch")
}

// execScript runs SQL that may hold several statements.
func execScript(ctx context.Context, conn *pgx.Conn, script string) error {
	_, err := conn.PgConn().Exec(ctx, script).ReadAll()
	return err
}

// PostgreSQL's codes that we decide by.
const (
	codeLockNotAvailable      = "55P03"
	codeDeadlock              = "40P01"
	codeQueryCanceled         = "57014"
	codeInsufficientPrivilege = "42501"
	codeCheckViolation        = "23514"
	codeUndefinedFile         = "58P01"
	codeFeatureNotSupported   = "0A000"
	codeReadOnly              = "25006"
	codeUndefinedTable        = "42P01"
	codeUndefinedColumn       = "42703"
)

func hasCode(err error, codes ...string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(codes, pgErr.Code)
}
