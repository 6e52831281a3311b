package database

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Querier runs statements over pgx, on the transaction of the context or on the
// pool. It has no way to begin or end a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Tx is what a unit of work offers besides: COPY and batches, both of which run
// many statements and so belong into a transaction.
type Tx interface {
	Querier
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, source pgx.CopyFromSource) (int64, error)
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// Tx gives the transaction of the context to statements over pgx. Outside a
// unit of work it is [ErrMisuse].
func (db *DB) Tx(ctx context.Context) (Tx, error) {
	u := db.unitOf(ctx)
	if u == nil {
		return nil, fmt.Errorf("%w: a transaction is needed here", ErrMisuse)
	}
	if err := u.usable(); err != nil {
		return nil, err
	}
	return statements{u.conn}, nil
}

// PgxTx gives the pgx transaction itself, which can commit and roll back. Only
// the job queue takes it, because its library asks for one; a test of the import
// graph sees to that.
func (db *DB) PgxTx(ctx context.Context) (pgx.Tx, error) {
	u := db.unitOf(ctx)
	if u == nil {
		return nil, fmt.Errorf("%w: a transaction is needed here", ErrMisuse)
	}
	if err := u.usable(); err != nil {
		return nil, err
	}
	return u.tx, nil
}

// Querier runs statements on the transaction of the context or, outside a unit
// of work, on the pool: each on a connection of its own that goes back when its
// rows are closed.
func (db *DB) Querier(ctx context.Context) Querier {
	u := db.unitOf(ctx)
	if u == nil {
		if conn := db.aside(ctx); conn != nil {
			return statements{conn}
		}
		return pooled{db}
	}
	if err := u.usable(); err != nil {
		return failed{err}
	}
	return statements{u.conn}
}

// statements hides from callers that a connection can also begin transactions.
type statements struct{ conn *pgx.Conn }

func (s statements) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return s.conn.Exec(ctx, sql, args...)
}

func (s statements) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.conn.Query(ctx, sql, args...)
}

func (s statements) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.conn.QueryRow(ctx, sql, args...)
}

func (s statements) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, source pgx.CopyFromSource) (int64, error) {
	n, err := s.conn.CopyFrom(ctx, table, columns, source)
	if err == nil {
		return n, nil
	}
	// A source that fails is told to PostgreSQL, whose answer would pass for a
	// statement that took too long.
	if cause := source.Err(); cause != nil {
		return n, cause
	}
	return n, err
}

func (s statements) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	return s.conn.SendBatch(ctx, batch)
}

// pooled takes a connection for each statement, waiting no longer than
// PoolTimeout.
type pooled struct{ db *DB }

func (p pooled) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	return acquire(ctx, p.db.config.PoolTimeout, p.db.pool.Acquire)
}

func (p pooled) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	return conn.Exec(ctx, sql, args...)
}

func (p pooled) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		conn.Release()
		return nil, err
	}
	return &pooledRows{Rows: rows, conn: conn}, nil
}

func (p pooled) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := p.Query(ctx, sql, args...)
	if err != nil {
		return failedRow{err}
	}
	return pooledRow{rows}
}

// pooledRows gives the connection back when the rows are done with, at the end
// or before it.
type pooledRows struct {
	pgx.Rows
	conn *pgxpool.Conn
}

func (r *pooledRows) Close() {
	r.Rows.Close()
	if r.conn != nil {
		r.conn.Release()
		r.conn = nil
	}
}

func (r *pooledRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *pooledRows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

type pooledRow struct{ rows pgx.Rows }

func (r pooledRow) Scan(dest ...any) error {
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// failed answers every statement with the same error.
type failed struct{ err error }

func (f failed) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, f.err
}

func (f failed) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, f.err }

func (f failed) QueryRow(context.Context, string, ...any) pgx.Row { return failedRow(f) }

type failedRow struct{ err error }

func (f failedRow) Scan(...any) error { return f.err }
