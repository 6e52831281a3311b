package database

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Listener is a connection that hears notifications. It stands beside the pool, so
// that it takes nobody's place for as long as it lives. It belongs to one goroutine.
type Listener struct{ conn *pgx.Conn }

// Listen connects, and listens to the channel.
func (db *DB) Listen(ctx context.Context, channel string) (*Listener, error) {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("connecting to listen: %w", Refusal(err))
	}
	l := &Listener{conn}
	if _, err := conn.Exec(ctx, "listen "+pgx.Identifier{channel}.Sanitize()); err != nil {
		l.Close(ctx)
		return nil, fmt.Errorf("listening: %w", err)
	}
	return l, nil
}

// Wait waits for a notification, no longer than patience; heard is false when there
// was none.
func (l *Listener) Wait(ctx context.Context, patience time.Duration) (payload string, heard bool, err error) {
	bounded, cancel := context.WithTimeout(Listening(ctx), patience)
	defer cancel()
	n, err := l.conn.WaitForNotification(bounded)
	switch {
	case err == nil:
		return n.Payload, true, nil
	case ctx.Err() == nil && pgconn.Timeout(err) && !l.conn.IsClosed():
		return "", false, nil
	default:
		return "", false, fmt.Errorf("waiting for a notification: %w", err)
	}
}

// Ping asks PostgreSQL for a sign of life.
func (l *Listener) Ping(ctx context.Context) error {
	if err := l.conn.Ping(ctx); err != nil {
		return fmt.Errorf("trying a connection that listens: %w", err)
	}
	return nil
}

// Close ends the connection, also when the context has ended.
func (l *Listener) Close(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = l.conn.Close(bounded) // it is given up, whatever becomes of the goodbye
}
