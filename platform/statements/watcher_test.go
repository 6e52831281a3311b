package statements_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/database"
	"semantik/platform/metrics"
	"semantik/platform/pgtest"
	"semantik/platform/statements"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// observed gives the lines of the metrics that begin so.
func observed(t *testing.T, r *metrics.Registry, prefix string) []string {
	t.Helper()
	text, err := r.Text()
	require.NoError(t, err)
	var found []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestWatcher_AStatementIsCalledAsTheFunctionThatSendsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.Collection(alice)
	text := strings.Join(observed(t, w.Metrics, "semantik_statement_duration_seconds_count"), "\n")
	for _, name := range []string{"collections.Create", "users.Create", "begin", "commit", "jobs.Insert"} {
		require.Contains(t, text, `{statement="`+name+`"} `, text)
	}
	for _, name := range []string{"database.", "gorm", "func1", "other"} {
		require.NotContains(t, text, `statement="`+name, "what statements pass through names none")
	}
}

func TestWatcher_WhatFailsIsCountedAndWhatIsSlowIsRememberedWithoutItsValues(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("SLOW_QUERY_MS=20"))
	send := func(sql string, args ...any) {
		_, _ = w.DB.Querier(t.Context()).Exec(t.Context(), sql, args...)
	}
	for range 3 {
		send("select pg_sleep(0.03), 'hunter2', $1::text", "a secret")
	}
	send("select 1 / 0")
	send("select 1")
	var slow statements.Slow
	for _, s := range w.Statements.Slow(100) {
		if strings.Contains(s.Text, "$1::text") {
			slow = s
		}
	}
	require.Equal(t, "select pg_sleep(?), ?, $1::text", slow.Text)
	require.Equal(t, 3, slow.Calls)
	require.GreaterOrEqual(t, slow.Max, 30*time.Millisecond)
	require.GreaterOrEqual(t, slow.Max, slow.Mean)
	require.Empty(t, w.Statements.Slow(0))
	require.NotEmpty(t, observed(t, w.Metrics, "semantik_slow_statements_total"))
	require.Contains(t, strings.Join(observed(t, w.Metrics, "semantik_statement_errors_total"), "\n"), "} 1", "the one that failed")
}

// tracer sends statements through the watcher without a database.
func tracer(slow time.Duration) (*statements.Watcher, *metrics.Registry) {
	r := metrics.New("test")
	return statements.New(statements.Config{Metrics: r, SlowAfter: slow}), r
}

func TestWatcher_RemembersABoundedNumberOfSlowStatements(t *testing.T) {
	t.Parallel()
	w, _ := tracer(time.Nanosecond)
	for i := range 2000 {
		ctx := w.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: fmt.Sprintf("select a%d", i)})
		w.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
	}
	require.Len(t, w.Slow(10_000), 512)
	require.Len(t, w.Slow(7), 7)
}

func TestWatcher_NeitherTextsNorStacksMakeNewNames(t *testing.T) {
	t.Parallel()
	w, r := tracer(0)
	var deeper func(n int)
	deeper = func(n int) {
		if n > 0 {
			deeper(n - 1)
			return
		}
		ctx := w.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: "select 1"})
		w.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
	}
	for i := range 200 {
		deeper(i)
	}
	for _, sql := range []string{"BEGIN", "begin isolation level serializable", "COMMIT", "rollback to savepoint a", "Savepoint b", "release savepoint b"} {
		ctx := w.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: sql})
		w.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
	}
	names := observed(t, r, "semantik_statement_duration_seconds_count")
	require.LessOrEqual(t, len(names), 6, names)
	require.Contains(t, strings.Join(names, "\n"), `{statement="savepoint"} 2`)
}

func TestWatcher_TheContextOfAStatementEndsWithTheOneAround(t *testing.T) {
	t.Parallel()
	w, _ := tracer(0)
	type key struct{}
	outer, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, 7))
	ctx := w.TraceQueryStart(outer, nil, pgx.TraceQueryStartData{SQL: "select 1"})
	require.Equal(t, 7, ctx.Value(key{}))
	inner, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	cancel()
	<-inner.Done()
	require.ErrorIs(t, inner.Err(), context.Canceled)
}

// What watching a statement costs, beside the statement: of a stack as deep as that of a
// repository below a request.
func BenchmarkWatcher(b *testing.B) {
	w, _ := tracer(time.Second)
	var below func(n int)
	below = func(n int) {
		if n > 0 {
			below(n - 1)
			return
		}
		for b.Loop() {
			ctx := w.TraceQueryStart(b.Context(), nil, pgx.TraceQueryStartData{SQL: "select id from documents where id = $1"})
			w.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
		}
	}
	b.ReportAllocs()
	below(30)
}

// A whole statement to PostgreSQL with and without the watcher.
func BenchmarkStatement(b *testing.B) {
	url := pgtest.Empty(b)
	for name, watch := range map[string]pgx.QueryTracer{"bare": nil, "watched": func() *statements.Watcher { w, _ := tracer(time.Second); return w }()} {
		b.Run(name, func(b *testing.B) {
			db, err := database.Open(b.Context(), database.Config{URL: url, Watch: watch})
			require.NoError(b, err)
			defer db.Close()
			b.ReportAllocs()
			for b.Loop() {
				var one int
				require.NoError(b, db.Querier(b.Context()).QueryRow(b.Context(), "select 1").Scan(&one))
			}
		})
	}
}
