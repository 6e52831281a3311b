package statements

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"semantik/platform/metrics"
	"semantik/platform/tracing"
)

// Config says what becomes of what is seen.
type Config struct {
	// Metrics has the histograms.
	Metrics *metrics.Registry
	// Tracer makes spans; nil for none.
	Tracer *tracing.Tracer
	// SlowAfter is from when on a statement is slow; 0 for never.
	SlowAfter time.Duration
}

// Watcher sees the statements of a pool, as its tracer. The time of a statement is that
// until its rows have been read.
type Watcher struct {
	config   Config
	duration *prometheus.HistogramVec
	failed   *prometheus.CounterVec
	slow     *prometheus.CounterVec
	names    *names[statement]
	ring     ring
}

var (
	_ pgx.QueryTracer    = (*Watcher)(nil)
	_ pgx.CopyFromTracer = (*Watcher)(nil)
	_ pgx.BatchTracer    = (*Watcher)(nil)
)

// statement is what is kept for a name.
type statement struct {
	name     string
	duration prometheus.Observer
	failed   prometheus.Counter
	slow     prometheus.Counter
}

// New makes a watcher.
func New(config Config) *Watcher {
	w := &Watcher{
		config: config,
		duration: config.Metrics.Histogram("semantik_statement_duration_seconds",
			"How long a statement took until its rows were read, by the function that sends it.", metrics.Brief, "statement"),
		failed: config.Metrics.Counter("semantik_statement_errors_total", "Statements that failed or were cancelled.", "statement"),
		slow:   config.Metrics.Counter("semantik_slow_statements_total", "Statements that took SLOW_QUERY_MS or longer.", "statement"),
	}
	w.names = newNames(func(name string) *statement {
		return &statement{
			name: name, duration: w.duration.WithLabelValues(name), failed: w.failed.WithLabelValues(name), slow: w.slow.WithLabelValues(name),
		}
	})
	return w
}

// SlowAfter is from when on a statement is slow; 0 for never.
func (w *Watcher) SlowAfter() time.Duration { return w.config.SlowAfter }

// under is a context within which a statement is under way.
type under struct {
	context.Context

	statement *statement
	sql       string
	began     time.Time
	span      *tracing.Span
}

type underKey struct{}

// Value is context.Context's.
func (u *under) Value(key any) any {
	if _, ours := key.(underKey); ours {
		return u
	}
	return u.Context.Value(key)
}

func (w *Watcher) begin(ctx context.Context, sql string, s *statement) context.Context {
	u := &under{Context: ctx, statement: s, sql: sql}
	if w.config.Tracer.On() {
		u.Context, u.span = w.config.Tracer.StartInside(ctx, trace.SpanKindClient, s.name, attribute.String("db.system.name", "postgresql"))
	}
	u.began = time.Now()
	return u
}

func (w *Watcher) end(ctx context.Context, err error) {
	u, ok := ctx.Value(underKey{}).(*under)
	if !ok {
		return
	}
	took := time.Since(u.began)
	u.statement.duration.Observe(took.Seconds())
	if err != nil {
		u.statement.failed.Inc()
	}
	u.span.End(err != nil)
	if w.config.SlowAfter > 0 && took >= w.config.SlowAfter {
		u.statement.slow.Inc()
		w.ring.add(seen{name: u.statement.name, sql: u.sql, took: took, at: time.Now(), failed: err != nil})
	}
}

// TraceQueryStart is pgx's.
func (w *Watcher) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return w.begin(ctx, d.SQL, w.names.of(d.SQL))
}

// TraceQueryEnd is pgx's.
func (w *Watcher) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	w.end(ctx, d.Err)
}

// TraceCopyFromStart is pgx's.
func (w *Watcher) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromStartData) context.Context {
	return w.begin(ctx, "copy "+d.TableName.Sanitize()+" from stdin binary", w.names.of(""))
}

// TraceCopyFromEnd is pgx's.
func (w *Watcher) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromEndData) {
	w.end(ctx, d.Err)
}

// TraceBatchStart is pgx's. A batch is one statement, whatever is in it.
func (w *Watcher) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	sql := ""
	if d.Batch != nil && len(d.Batch.QueuedQueries) > 0 {
		sql = d.Batch.QueuedQueries[0].SQL
	}
	return w.begin(ctx, sql, w.names.of(""))
}

// TraceBatchQuery is pgx's.
func (w *Watcher) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd is pgx's.
func (w *Watcher) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	w.end(ctx, d.Err)
}
