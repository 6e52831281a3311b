package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ApplicationName is what the sessions of a backup, and of a restore, are called in
// pg_stat_activity, so that nobody takes them for a statement that hangs.
const (
	ApplicationName        = "semantik backup"
	RestoreApplicationName = "semantik restore"
)

// errURL does not repeat the URL, which may have a password.
var errURL = errors.New("the database URL cannot be understood; it looks like postgres://user:password@host:5432/name")

// cleanupTimeout bounds what is done after the caller's context has ended.
const cleanupTimeout = 5 * time.Second

// connect opens a session without the time limits that a database or a role may set:
// copying a table takes as long as it takes.
func connect(ctx context.Context, url, name string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	config.RuntimeParams["application_name"] = name
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	if err := script(ctx, conn, sessionSettings); err != nil {
		return nil, joinClose(ctx, fmt.Errorf("preparing a session: %w", err), conn)
	}
	return conn, nil
}

// The search path is fixed because the statements that PostgreSQL gives for an index or
// a constraint leave out what is on it. Behind lock_timeout stands that everybody queues
// behind whoever waits for a table.
const sessionSettings = `
set search_path = public;
set statement_timeout = 0;
set idle_in_transaction_session_timeout = 0;
set lock_timeout = '10s';
set client_min_messages = warning;
set jit = off;
set plan_cache_mode = auto`

// script runs statements that bring no rows.
func script(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// disconnect ends a session. What is open in it is rolled back.
func disconnect(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return conn.Close(ctx)
}

// joinClose ends a session of no use and gives the reason.
func joinClose(ctx context.Context, err error, conn *pgx.Conn) error {
	_ = disconnect(ctx, conn) // the error is the news
	return err
}

// inTx runs fn in a transaction, which is rolled back if it fails.
func inTx(ctx context.Context, conn *pgx.Conn, fn func(ctx context.Context) error) error {
	if err := script(ctx, conn, "begin"); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	if err := fn(ctx); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		_ = script(ctx, conn, "rollback") // a lost connection has rolled back
		return err
	}
	if err := script(ctx, conn, "commit"); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}
