package database

import (
	"context"
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
	// Latency is how long SELECT 1 took, the wait for a connection included.
	Latency time.Duration
	// Connections in use, idle, and the most there may be.
	InUse, Idle, Max int
	// Waited counts the acquires that had to wait since the start.
	Waited int64
}

// Ping asks PostgreSQL for an answer within two seconds.
func (db *DB) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	conn, err := acquire(ctx, pingTimeout, db.pool.Acquire)
	if err != nil {
		return err
	}
	defer conn.Release()
	var one int
	if err := conn.QueryRow(ctx, "select 1").Scan(&one); err != nil {
		return fmt.Errorf("asking the database for an answer: %w", db.Translate(err))
	}
	return nil
}

// Health pings PostgreSQL and reads the pool's figures.
func (db *DB) Health(ctx context.Context) Health {
	start := time.Now()
	err := db.Ping(ctx)
	s := db.pool.Stat()
	return Health{
		Err:     err,
		Latency: time.Since(start),
		InUse:   int(s.AcquiredConns()),
		Idle:    int(s.IdleConns()),
		Max:     int(s.MaxConns()),
		Waited:  s.EmptyAcquireCount(),
	}
}
