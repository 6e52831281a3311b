package database

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/platform/apperr"
)

// Defaults of [Config], used where a field is zero.
const (
	DefaultMaxConns      = 60
	DefaultPoolTimeout   = 30 * time.Second
	DefaultRecycle       = time.Hour
	DefaultQueryTimeout  = 30 * time.Second
	DefaultRetryInterval = 500 * time.Millisecond

	// DefaultConnectTimeout bounds connecting where the URL has no connect_timeout: a
	// server that is frozen takes connections and answers none.
	DefaultConnectTimeout = 10 * time.Second
)

// Constraints maps the name of a constraint or unique index to the error that
// its violation means to a caller.
type Constraints map[string]*apperr.Error

// Config says how to reach PostgreSQL and how patient to be with it.
type Config struct {
	// URL is a PostgreSQL connection URL. With default_query_exec_mode=exec or
	// simple_protocol in it, as PgBouncer needs, the session settings are not
	// sent and must be set on the role.
	URL string

	// MaxConns is the most connections that statements may use at once.
	MaxConns int
	// ListenerConns is added to MaxConns for connections that are held for as
	// long as the process runs, such as the job queue's LISTEN.
	ListenerConns int
	// PoolTimeout is the longest wait for a connection before
	// [ErrPoolExhausted].
	PoolTimeout time.Duration
	// Recycle is the age at which a connection is replaced.
	Recycle time.Duration
	// PrePing tests a connection that was idle for a second or more before it
	// is used.
	PrePing bool

	// QueryTimeout becomes the session's statement_timeout.
	QueryTimeout time.Duration

	// RetryLimit is how often a unit of work is run again after a serialization
	// failure, a deadlock or a lost connection; 0 never.
	RetryLimit int
	// RetryInterval is the base of the back-off between two runs.
	RetryInterval time.Duration

	// Echo logs each statement with its time and row count, values masked.
	Echo bool
	// EchoPool logs each acquire and release of a connection with its wait.
	EchoPool bool
	// Logger receives what Echo and EchoPool say; nil discards it.
	Logger *slog.Logger

	// Constraints are the modules' tables of constraint names.
	Constraints []Constraints

	// Watch sees every statement, for metrics and traces.
	Watch pgx.QueryTracer
	// Tracer sees every statement, beside Echo. Tests collect statements with it.
	Tracer pgx.QueryTracer
	// BeforeCommit, when set, runs before each COMMIT, and its error stands for
	// PostgreSQL's answer to it. It lets a test make commits fail.
	BeforeCommit func(ctx context.Context) error
}

func (c Config) withDefaults() Config {
	if c.MaxConns <= 0 {
		c.MaxConns = DefaultMaxConns
	}
	if c.PoolTimeout <= 0 {
		c.PoolTimeout = DefaultPoolTimeout
	}
	if c.Recycle <= 0 {
		c.Recycle = DefaultRecycle
	}
	if c.QueryTimeout <= 0 {
		c.QueryTimeout = DefaultQueryTimeout
	}
	if c.RetryInterval <= 0 {
		c.RetryInterval = DefaultRetryInterval
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
