package database

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pingTimeout bounds a health check, the wait for a connection included, so that
// a probe never hangs behind a full pool.
const pingTimeout = 2 * time.Second

// Health is the state of the pool and of PostgreSQL behind it.
type Health struct {
	// Err is nil when PostgreSQL answered.
	Err error
	// PoolExhausted says that Err is for want of a free connection, so that nobody knows
	// how PostgreSQL is.
	PoolExhausted bool
	// ReadOnly says that PostgreSQL takes no writes: it is a standby, or is set so.
	ReadOnly bool
	// Latency is how long the answer took, the wait for a connection included.
	Latency time.Duration
	// Connections in use, idle, and the most there may be.
	InUse, Idle, Max int
	// Waited counts the acquires that had to wait since the start.
	Waited int64
}

// Ping asks PostgreSQL for an answer within two seconds.
func (db *DB) Ping(ctx context.Context) error {
	_, err := db.ping(ctx)
	return err
}

const selectReadOnly = `select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean`

func (db *DB) ping(ctx context.Context) (readOnly bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	conn, err := acquire(ctx, pingTimeout, db.pool.Acquire)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	if err := conn.QueryRow(ctx, selectReadOnly).Scan(&readOnly); err != nil {
		return false, fmt.Errorf("asking the database for an answer: %w", db.Translate(err))
	}
	return readOnly, nil
}

// Health pings PostgreSQL and reads the pool's figures.
func (db *DB) Health(ctx context.Context) Health {
	start := time.Now()
	readOnly, err := db.ping(ctx)
	s := db.pool.Stat()
	return Health{
		Err: err, PoolExhausted: errors.Is(err, ErrPoolExhausted), ReadOnly: readOnly,
		Latency: time.Since(start),
		InUse:   int(s.AcquiredConns()),
		Idle:    int(s.IdleConns()),
		Max:     int(s.MaxConns()),
		Waited:  s.EmptyAcquireCount(),
	}
}
