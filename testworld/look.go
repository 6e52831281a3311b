package testworld

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// awaitTimeout bounds how long a test waits for what should be the case soon.
const awaitTimeout = 60 * time.Second

// lookAgain is how often a condition is asked for that no commit announces, such
// as what another process does.
const lookAgain = 100 * time.Millisecond

// Exec runs a statement beside the program.
func (w *World) Exec(sql string, args ...any) int64 {
	w.t.Helper()
	tag, err := w.DB.Querier(w.t.Context()).Exec(Beside(w.t.Context()), sql, args...)
	require.NoError(w.t, err, sql)
	return tag.RowsAffected()
}

// Int gives the number that a query answers with.
func (w *World) Int(sql string, args ...any) int64 {
	w.t.Helper()
	return Value[int64](w, sql, args...)
}

// Value gives the one value that a query answers with.
func Value[T any](w *World, sql string, args ...any) T {
	w.t.Helper()
	var value T
	require.NoError(w.t, w.DB.Querier(w.t.Context()).QueryRow(Beside(w.t.Context()), sql, args...).Scan(&value), sql)
	return value
}

// Await waits until the condition holds. It is asked for after each commit of the
// program.
func (w *World) Await(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(awaitTimeout)
	for {
		committed := w.Trace.nextCommit()
		if holds() {
			return
		}
		select {
		case <-committed:
		case <-time.After(lookAgain):
		case <-deadline:
			require.FailNow(w.t, "waited in vain until "+what)
		}
	}
}

// Race calls fn n times at once, each with its number, and gives the errors.
func (w *World) Race(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	barrier := make(chan struct{})
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-barrier
			errs[i] = fn(i)
		})
	}
	ready.Wait()
	close(barrier)
	done.Wait()
	return errs
}

// FailAt calls fn with the statement that follows n others broken off, those
// outside of a transaction not counted, and reports whether fn came that far. It is for a world without a worker, whose
// statements would be counted too.
func (w *World) FailAt(n int, fn func()) (reached bool) {
	w.Trace.failAt(n)
	defer w.Trace.failAt(-1)
	fn()
	return w.Trace.hasFailed()
}

// Snapshot tells the whole content of the database, table by table, so that two
// can be compared: the number of rows with a digest of them.
type Snapshot map[string]string

// selectTables lists our tables, partitioned ones once, and the queue's jobs.
const selectTables = `
select format('%I.%I', n.nspname, c.relname)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and not c.relispartition
  and (n.nspname = 'public' or (n.nspname, c.relname) = ('river', 'river_job'))
order by 1`

// Snapshot reads the whole database.
func (w *World) Snapshot() Snapshot {
	w.t.Helper()
	ctx := Beside(w.t.Context())
	snapshot := Snapshot{}
	tx, err := w.DB.Pool().BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(w.t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	rows, err := tx.Query(ctx, selectTables)
	require.NoError(w.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	require.Greater(w.t, len(tables), 10)
	for _, table := range tables {
		rows := table
		switch table {
		case "river.river_job":
			// Not its state, which the queue writes after the work is done.
			rows = "(select id, kind, args from river.river_job)"
		case "public.api_keys":
			// Not when a key was last used, which is written at some later time.
			rows = "(select to_jsonb(k) - 'last_used_at' from public.api_keys k)"
		}
		var digest string
		err := tx.QueryRow(ctx, fmt.Sprintf(
			`select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') from %s t`, rows)).Scan(&digest)
		require.NoError(w.t, err)
		snapshot[table] = digest
	}
	return snapshot
}

// Changed names the tables that differ.
func (s Snapshot) Changed(other Snapshot) []string {
	var changed []string
	for _, table := range slices.Sorted(maps.Keys(s)) {
		if s[table] != other[table] {
			changed = append(changed, table)
		}
	}
	return changed
}

// Damage runs statements without the checks of foreign keys, looks what
// breaks the rule then, and undoes them.
func (w *World) Damage(statements string, rule schema.Rule) schema.Broken {
	w.t.Helper()
	ctx := w.t.Context()
	tx, err := w.DB.Pool().Begin(ctx)
	require.NoError(w.t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	_, err = tx.Exec(ctx, "set local session_replication_role = replica; "+statements)
	require.NoError(w.t, err)
	broken, err := rule.Broken(ctx, tx)
	require.NoError(w.t, err)
	return broken
}

// FailEach runs fn with the first statement of its transactions broken off, then
// with the second, and so on: each time fn must report an error and leave every table as it was. In
// the end it succeeds. It gives the tables that this changed. It is for a world
// with [NoWorker] and [NoRetry].
func (w *World) FailEach(fn func() error) []string {
	w.t.Helper()
	before := w.Snapshot()
	for n := 0; ; n++ {
		var err error
		if !w.FailAt(n, func() { err = fn() }) {
			require.NoError(w.t, err)
			require.Greater(w.t, n, 2, "statements were broken off")
			return before.Changed(w.Snapshot())
		}
		require.Error(w.t, err, "statement %d was broken off", n)
		require.Empty(w.t, before.Changed(w.Snapshot()), "statement %d was broken off", n)
	}
}
