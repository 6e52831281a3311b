package database

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// echo logs statements (DB_ECHO) and the pool's traffic (DB_ECHO_POOL). Values
// are masked: only their types are shown, because they are people's documents
// and passwords' hashes.
type echo struct {
	log        *slog.Logger
	statements bool
	pool       bool
}

type echoKey struct{}

type echoStart struct {
	at   time.Time
	sql  string
	args []string
}

func (e *echo) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if !e.statements {
		return ctx
	}
	types := make([]string, len(d.Args))
	for i, a := range d.Args {
		types[i] = fmt.Sprintf("%T", a)
	}
	return context.WithValue(ctx, echoKey{}, echoStart{time.Now(), d.SQL, types})
}

func (e *echo) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	start, ok := ctx.Value(echoKey{}).(echoStart)
	if !ok {
		return
	}
	e.log.InfoContext(ctx, "statement", "sql", start.sql, "args", start.args,
		"took", time.Since(start.at), "rows", d.CommandTag.RowsAffected(), "failed", d.Err != nil)
}

func (e *echo) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromStartData) context.Context {
	if !e.statements {
		return ctx
	}
	sql := "copy " + d.TableName.Sanitize() + " from stdin binary"
	return context.WithValue(ctx, echoKey{}, echoStart{time.Now(), sql, d.ColumnNames})
}

func (e *echo) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromEndData) {
	start, ok := ctx.Value(echoKey{}).(echoStart)
	if !ok {
		return
	}
	e.log.InfoContext(ctx, "statement", "sql", start.sql, "columns", start.args,
		"took", time.Since(start.at), "rows", d.CommandTag.RowsAffected(), "failed", d.Err != nil)
}

type acquireKey struct{}

func (e *echo) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	if !e.pool {
		return ctx
	}
	return context.WithValue(ctx, acquireKey{}, time.Now())
}

func (e *echo) TraceAcquireEnd(ctx context.Context, pool *pgxpool.Pool, d pgxpool.TraceAcquireEndData) {
	start, ok := ctx.Value(acquireKey{}).(time.Time)
	if !ok {
		return
	}
	s := pool.Stat()
	e.log.InfoContext(ctx, "connection acquired", "waited", time.Since(start), "failed", d.Err != nil,
		"in_use", s.AcquiredConns(), "idle", s.IdleConns(), "max", s.MaxConns())
}

func (e *echo) TraceRelease(pool *pgxpool.Pool, _ pgxpool.TraceReleaseData) {
	if !e.pool {
		return
	}
	s := pool.Stat()
	e.log.Info("connection released", "in_use", s.AcquiredConns(), "idle", s.IdleConns(), "max", s.MaxConns())
}
