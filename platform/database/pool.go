package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// sessionSettings are sent when a connection starts.
//
// plan_cache_mode: a prepared statement on a partitioned table is otherwise
// weighed for a generic plan at its sixth execution, which takes the locks of
// every partition once. random_page_cost: with the default of 4 the checks of
// foreign keys scan a small collections table instead of using its key, at less
// than half the speed of a load. jit never pays for statements this short.
// search_path: what somebody has set for the role or for the database would have
// every statement look for its tables elsewhere.
func sessionSettings(c Config) map[string]string {
	return map[string]string{
		"application_name":                    "semantik",
		"jit":                                 "off",
		"plan_cache_mode":                     "force_custom_plan",
		"random_page_cost":                    "1.1",
		"statement_timeout":                   strconv.FormatInt(c.QueryTimeout.Milliseconds(), 10),
		"lock_timeout":                        "5000",
		"idle_in_transaction_session_timeout": "60000",
		"timezone":                            "UTC",
		"search_path":                         "public",
	}
}

func openPool(ctx context.Context, c Config, prepare func(context.Context, *pgx.Conn) (bool, error)) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		// pgx's own message masks the password but repeats the rest of the URL.
		return nil, errors.New("the database URL cannot be understood; it should look like postgres://user:password@host:5432/name?sslmode=require")
	}
	switch pc.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		// Behind PgBouncer: start-up parameters are refused there.
	default:
		maps.Copy(pc.ConnConfig.RuntimeParams, sessionSettings(c))
		pc.PrepareConn = prepare
	}
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = DefaultConnectTimeout
	}
	pc.MaxConns = int32(min(c.MaxConns+c.ListenerConns, 10_000))
	pc.MinConns = 0
	pc.MaxConnLifetime = c.Recycle
	pc.MaxConnLifetimeJitter = c.Recycle / 10
	prePing := c.PrePing
	pc.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		return prePing && p.IdleDuration > time.Second
	}
	pc.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler { return newInterrupter(conn) }
	pc.ConnConfig.Tracer = tracer(c)

	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("opening the connection pool: %w", err)
	}
	return pool, nil
}

func tracer(c Config) pgx.QueryTracer {
	var tracers []pgx.QueryTracer
	for _, t := range []pgx.QueryTracer{c.Watch, c.Tracer} {
		if t != nil {
			tracers = append(tracers, t)
		}
	}
	if c.Echo || c.EchoPool {
		tracers = append(tracers, &echo{log: c.Logger, statements: c.Echo, pool: c.EchoPool})
	}
	switch len(tracers) {
	case 0:
		return nil
	case 1:
		return tracers[0]
	default:
		return multitracer.New(tracers...)
	}
}

// acquire waits for a connection no longer than timeout. The bound is on the
// wait alone: the statements that follow run on the caller's own context.
func acquire[T any](ctx context.Context, timeout time.Duration, get func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, ErrPoolExhausted)
	defer cancel()
	conn, err := get(bounded)
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return conn, fmt.Errorf("waiting for a database connection: %w", ctx.Err())
	}
	if errors.Is(context.Cause(bounded), ErrPoolExhausted) {
		return conn, ErrPoolExhausted.WithCause(err)
	}
	return conn, ErrUnavailable.WithCause(err)
}

// boundedConnector bounds the wait for a connection of database/sql in the same
// way as [acquire].
type boundedConnector struct {
	driver.Connector
	timeout time.Duration
}

func (c boundedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	return acquire(ctx, c.timeout, c.Connector.Connect)
}
