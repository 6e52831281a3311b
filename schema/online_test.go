package schema_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// always has every table that has rows count as large.
var always = schema.Options{LargeTable: 1}

const newIndexes = ") partition by list (place);\ncreate index ix_parts_id on parts (id, place desc) where id > 0;\ncreate index ix_things_note on things (note);"

// newOnline is the small schema with rows, and the same with an index more on a
// partitioned table and one on a plain one.
func newOnline(t *testing.T, s server) (pool *pgxpool.Pool, before, after schema.Files) {
	t.Helper()
	pool, before = newSmall(t, s), smallFiles()
	after = before
	after.Tables = replace(t, before.Tables, ") partition by list (place);", newIndexes)
	return pool, before, after
}

// requireIndexed compares with a database in which the indexes were built at once.
func requireIndexed(t *testing.T, s server, pool *pgxpool.Pool, files schema.Files) {
	t.Helper()
	fresh := newSmall(t, s)
	_, err := schema.NewWith(fresh, schema.Options{}, files).Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	require.Equal(t, catalog(t, fresh), catalog(t, pool))
	require.Zero(t, queryOne[int](t, pool, "select count(*) from pg_index where not indisvalid"))
	requireNoDrift(t, schema.NewWith(pool, always, files))
}

func TestOnline_indexes_on_large_tables_are_built_while_others_write(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool, before, after := newOnline(t, s)
		was := catalog(t, pool)
		m := schema.NewWith(pool, always, after)
		plan, err := m.Plan(t.Context())
		require.NoError(t, err)
		require.Len(t, plan.Statements, 2)
		for _, statement := range plan.Statements {
			require.True(t, statement.Online, statement.SQL)
			require.Equal(t, schema.LockShareUpdateExclusive, statement.Effects[0].Lock)
		}

		// A writer who has read and written, and goes on once the index is being built.
		writer, err := pool.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = writer.Rollback(context.Background()) }()
		_, err = writer.Exec(t.Context(), "insert into things (id, name) values (1000, '1000')")
		require.NoError(t, err)
		applied := make(chan error, 1)
		go func() {
			_, err := m.Apply(context.WithoutCancel(t.Context()), schema.ApplyOptions{})
			applied <- err
		}()
		await(t, pool, "select exists (select from pg_stat_activity where datname = current_database() and query ilike 'create index concurrently%' and wait_event_type = 'Lock')")
		_, err = writer.Exec(t.Context(), "insert into parts select n, 1 + n % 2 from generate_series(1, 100) n")
		require.NoError(t, err)
		require.NoError(t, writer.Commit(t.Context()))
		require.NoError(t, <-applied)
		requireIndexed(t, s, pool, after)

		// The way back needs none of that.
		_, err = m.Rollback(t.Context(), schema.RollbackOptions{})
		require.NoError(t, err)
		require.Equal(t, was, catalog(t, pool))
		requireNoDrift(t, schema.NewWith(pool, schema.Options{}, before))
	})
}

// await waits until a query says true.
func await(t *testing.T, pool *pgxpool.Pool, query string) {
	t.Helper()
	require.Eventually(t, func() bool { return queryOne[bool](t, pool, query) }, 20*time.Second, 5*time.Millisecond, query)
}

// Each apply is ended at the next of its steps, until one of them ends by itself.
func TestOnline_what_was_killed_at_any_step_goes_on_from_there(t *testing.T) {
	t.Parallel()
	pool, _, after := newOnline(t, servers[0])
	after.Tables = replace(t, after.Tables, "    place integer not null\n", "    place integer not null,\n    colour text\n")
	steps := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		o := always
		o.Logger = slog.New(&tripwire{text: "building an index", left: 1, trip: cancel})
		_, err := schema.NewWith(pool, o, after).Apply(ctx, schema.ApplyOptions{})
		cancel()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		if steps++; steps == 2 {
			// Ended in the middle of a statement instead, where a half-built index stays.
			killInTheMiddle(t, pool, after)
		}
		// What is left to do goes by itself from one apply to the next.
		require.Less(t, steps, 10)
		finishOne(t, pool, after)
	}
	require.GreaterOrEqual(t, steps, 2)
	requireIndexed(t, servers[0], pool, after)
}

// What an earlier apply had begun is done whatever becomes of the next, which says so.
func TestOnline_what_was_begun_is_finished_before_what_loses_data_is_refused(t *testing.T) {
	t.Parallel()
	pool, _, after := newOnline(t, servers[0])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := always
	o.Logger = slog.New(&tripwire{text: "building an index", left: 1, trip: cancel})
	_, err := schema.NewWith(pool, o, after).Apply(ctx, schema.ApplyOptions{})
	require.ErrorIs(t, err, context.Canceled)

	poorer := after
	poorer.Tables = replace(t, after.Tables, "create table loose (\n    id    integer not null,\n    owner integer,\n    constraint loose_pkey primary key (id)\n);\n", "")
	_, err = schema.NewWith(pool, always, poorer).Apply(t.Context(), schema.ApplyOptions{})
	var refused *schema.DestructiveError
	require.ErrorAs(t, err, &refused)
	require.ElementsMatch(t, []string{"ix_parts_id", "ix_things_note"}, refused.Finished)
	requireIndexed(t, servers[0], pool, after)
}

// tripwire calls trip at the last of so many messages.
type tripwire struct {
	slog.Handler

	text string
	mu   sync.Mutex
	left int
	trip func()
}

func (*tripwire) Enabled(context.Context, slog.Level) bool { return true }

func (w *tripwire) Handle(_ context.Context, r slog.Record) error {
	if !strings.Contains(r.Message, w.text) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left--; w.left == 0 {
		w.trip()
	}
	return nil
}

// finishOne lets an apply get as far as the second of its steps.
func finishOne(t *testing.T, pool *pgxpool.Pool, files schema.Files) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := always
	o.Logger = slog.New(&tripwire{text: "building an index", left: 2, trip: cancel})
	_, _ = schema.NewWith(pool, o, files).Apply(ctx, schema.ApplyOptions{})
}

// killInTheMiddle ends the session that is building an index.
func killInTheMiddle(t *testing.T, pool *pgxpool.Pool, files schema.Files) {
	t.Helper()
	reader, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = reader.Rollback(context.Background()) }()
	_, err = reader.Exec(t.Context(), "lock table things in row exclusive mode; lock table parts in row exclusive mode")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := schema.NewWith(pool, always, files).Apply(context.WithoutCancel(t.Context()), schema.ApplyOptions{})
		done <- err
	}()
	await(t, pool, `select coalesce(bool_or(pg_terminate_backend(pid)), false) from pg_stat_activity
		where datname = current_database() and query ilike 'create index concurrently%' and wait_event_type = 'Lock'`)
	require.Error(t, <-done)
	require.NotZero(t, queryOne[int](t, pool, "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid where c.relkind = 'i' and not i.indisvalid"))
}

func TestOnline_by_several_at_once_is_done_by_one_and_servers_do_not_wait_for_it(t *testing.T) {
	t.Parallel()
	pool, _, after := newOnline(t, servers[0])
	holder, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = holder.Rollback(context.Background()) }()
	_, err = holder.Exec(t.Context(), "lock table things in row exclusive mode")
	require.NoError(t, err)

	const processes = 3
	errs := make(chan error, processes)
	for range processes {
		go func() {
			_, err := schema.NewWith(pool, always, after).Apply(context.WithoutCancel(t.Context()), schema.ApplyOptions{})
			errs <- err
		}()
	}
	await(t, pool, "select exists (select from pg_stat_activity where datname = current_database() and query ilike 'create index concurrently%' and wait_event_type = 'Lock')")
	server := schema.NewWith(pool, always, after)
	_, err = server.Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
	require.NoError(t, err, "a server starts while the index is being built")
	built, err := server.Finish(t.Context())
	require.NoError(t, err)
	require.Empty(t, built, "and leaves it to the one that is at it")
	status, err := server.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, schema.StateCurrent, status.State)
	require.NotEmpty(t, status.Unfinished)

	require.NoError(t, holder.Rollback(t.Context()))
	for range processes {
		require.NoError(t, <-errs)
	}
	requireIndexed(t, servers[0], pool, after)
	history, err := server.History(t.Context())
	require.NoError(t, err)
	require.Len(t, history, 2)
}

func TestOnline_a_server_that_upgrades_by_itself_builds_the_indexes_afterwards(t *testing.T) {
	t.Parallel()
	pool, _, after := newOnline(t, servers[0])
	m := schema.NewWith(pool, always, after)
	applied, err := m.Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
	require.NoError(t, err)
	require.Empty(t, applied.Online)
	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	require.Subset(t, []string{"ix_parts_id", "ix_things_note"}, plan.Unfinished)
	require.NotEmpty(t, plan.Unfinished)

	built, err := m.Finish(t.Context())
	require.NoError(t, err)
	slices.Sort(built)
	require.Equal(t, []string{"ix_parts_id", "ix_things_note"}, built)
	requireIndexed(t, servers[0], pool, after)
	built, err = m.Finish(t.Context())
	require.NoError(t, err)
	require.Empty(t, built)
}

func TestOnline_is_not_for_small_tables_nor_for_unique_indexes(t *testing.T) {
	t.Parallel()
	pool, before, after := newOnline(t, servers[0])
	for name, m := range map[string]*schema.Manager{
		"small":  schema.NewWith(pool, schema.Options{}, after),
		"unique": schema.NewWith(pool, always, uniqueIndex(t, before)),
	} {
		plan, err := m.Plan(t.Context())
		require.NoError(t, err, name)
		for _, statement := range plan.Statements {
			require.False(t, statement.Online, fmt.Sprint(name, statement.SQL))
			require.Equal(t, schema.LockShare, statement.Effects[0].Lock)
		}
	}
}

func uniqueIndex(t *testing.T, files schema.Files) schema.Files {
	t.Helper()
	files.Tables = replace(t, files.Tables, "create index ix_things_size", "create unique index ix_things_id on things (id);\ncreate index ix_things_size")
	return files
}

// What was built online is no transaction's, so that a table which is waited for keeps
// nobody from the tables of the transaction, nor from itself for longer than a moment.
func TestOnline_waits_for_the_parent_without_keeping_others_from_anything(t *testing.T) {
	t.Parallel()
	pool, _, after := newOnline(t, servers[0])
	after.Tables = replace(t, after.Tables, "    note    text,\n", "    note    text,\n    colour  text,\n")
	holder, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = holder.Rollback(context.Background()) }()
	_, err = holder.Exec(t.Context(), "lock table parts in row exclusive mode")
	require.NoError(t, err)

	const patience = time.Second
	retried := make(chan struct{})
	o := schema.Options{LargeTable: 1, LockTimeout: patience, Logger: slog.New(&tripwire{text: "is tried again", left: 3, trip: func() { close(retried) }})}
	m := schema.NewWith(pool, o, after)
	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	at := slices.IndexFunc(plan.Statements, func(s schema.Statement) bool { return strings.Contains(s.SQL, "ix_parts_id") })
	require.Equal(t, schema.LockShare, plan.Statements[at].Effects[0].Instant)
	applied := make(chan error, 1)
	go func() {
		_, err := m.Apply(context.WithoutCancel(t.Context()), schema.ApplyOptions{})
		applied <- err
	}()
	var longest time.Duration
	for waiting := true; waiting; {
		select {
		case <-retried:
			waiting = false
		case <-time.After(5 * time.Millisecond):
		}
		for _, sql := range []string{"update parts set place = place where id < 0", "select from things limit 1"} {
			began := time.Now()
			execute(t, pool, sql)
			longest = max(longest, time.Since(began))
		}
	}
	require.Less(t, longest, patience, "a tenth of it and what a busy machine adds")
	require.NoError(t, holder.Rollback(t.Context()))
	require.NoError(t, <-applied)
	requireIndexed(t, servers[0], pool, after)

	// What somebody drops afterwards is made anew, with what it was on.
	for _, gone := range []string{"drop index ix_parts_id", "drop index ix_things_note", "alter table things drop column note", "drop table parts"} {
		execute(t, pool, gone)
		_, err := m.Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err, gone)
		requireNoDrift(t, m)
	}
}
