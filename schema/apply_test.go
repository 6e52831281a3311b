package schema_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

func TestApply_makes_an_empty_database_what_the_declaration_says(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newDatabase(t, s)
		m := schema.New(pool, schema.Options{Version: "1.2.3"})

		status, err := m.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, schema.StateEmpty, status.State)
		_, err = m.PartitionCount(t.Context())
		require.ErrorIs(t, err, schema.ErrNotApplied)
		history, err := m.History(t.Context())
		require.NoError(t, err)
		require.Empty(t, history)

		applied, err := m.Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		require.NotEmpty(t, applied.Queue)
		require.Equal(t, 2*schema.DefaultPartitionCount+5, applied.Partitions, "chunks, their search rows, and the audit log's")
		require.Equal(t, "1.2.3", applied.Entry.Version)
		require.Equal(t, schema.Hash(), applied.Entry.Hash)

		plan, err := m.Plan(t.Context())
		require.NoError(t, err)
		require.True(t, plan.Empty(), "%+v", plan)
		drift, err := m.Check(t.Context())
		require.NoError(t, err)
		require.Empty(t, drift)

		status, err = m.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, schema.StateCurrent, status.State)
		require.Equal(t, schema.Revision, status.DatabaseRevision)
		require.Equal(t, schema.DefaultPartitionCount, status.PartitionCount)

		again, err := m.Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		require.True(t, again.Empty())
		history, err = m.History(t.Context())
		require.NoError(t, err)
		require.Len(t, history, 1, "an apply that does nothing is not written down")
		require.Equal(t, applied.Entry.ID, history[0].ID)
		require.Equal(t, applied.Statements, history[0].Statements)
	})
}

func TestApply_makes_exactly_what_psql_makes_of_the_files(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		byHand := newDatabase(t, s)
		files := schema.CurrentFiles()
		execute(t, byHand, files.Extensions+files.Tables+files.Functions+files.Partitions)

		planned := newDatabase(t, s)
		_, err := schema.New(planned, schema.Options{}).Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		require.Equal(t, catalog(t, byHand), catalog(t, planned))
	})
}

func TestApply_adopts_a_database_that_was_made_by_hand(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	files := schema.CurrentFiles()
	execute(t, pool, files.Extensions+files.Tables)
	m := schema.New(pool, schema.Options{})
	status, err := m.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, schema.StatePending, status.State)

	applied, err := m.Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	require.Empty(t, applied.Statements)
	require.NotZero(t, applied.Partitions)
	requireNoDrift(t, m)
}

func TestApply_by_the_owner_of_the_database_needs_no_superuser(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		admin := newDatabase(t, s)
		role := admin.Config().ConnConfig.Database + "_owner"
		execute(t, admin, fmt.Sprintf("create role %s login password '%s'; alter database %s owner to %s",
			role, rolePassword(admin), admin.Config().ConnConfig.Database, role))
		t.Cleanup(func() {
			pool, err := pgxpool.New(context.Background(), s.url)
			require.NoError(t, err)
			defer pool.Close()
			_, err = pool.Exec(context.Background(), fmt.Sprintf("alter database %s owner to current_user", admin.Config().ConnConfig.Database))
			require.NoError(t, err)
			_, err = admin.Exec(context.Background(), fmt.Sprintf("drop owned by %s cascade", role))
			require.NoError(t, err)
			_, err = admin.Exec(context.Background(), "drop role "+role)
			require.NoError(t, err)
		})
		config := admin.Config()
		config.ConnConfig.User = role
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		require.NoError(t, err)
		defer pool.Close()

		m := schema.New(pool, schema.Options{})
		_, err = m.Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		requireNoDrift(t, m)
	})
}

func TestApply_is_not_bound_by_the_settings_of_the_pool(t *testing.T) {
	t.Parallel()
	config := newDatabase(t, servers[0]).Config()
	config.MaxConns = 1
	config.ConnConfig.RuntimeParams["statement_timeout"] = "50ms"
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	config.ConnConfig.RuntimeParams["search_path"] = "elsewhere"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer pool.Close()

	m := schema.New(pool, schema.Options{})
	_, err = m.Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	require.Equal(t, "50ms", queryOne[string](t, pool, "show statement_timeout"), "the pool's own sessions are left alone")

	delete(config.ConnConfig.RuntimeParams, "statement_timeout") // looking is bound by it
	patient, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer patient.Close()
	requireNoDrift(t, schema.New(patient, schema.Options{}))
}

func TestApply_by_several_at_once_is_done_by_one(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	const processes = 4
	var (
		wait  sync.WaitGroup
		start = make(chan struct{})
		done  [processes]*schema.Applied
		errs  [processes]error
	)
	for i := range processes {
		wait.Go(func() {
			<-start
			done[i], errs[i] = schema.New(pool, schema.Options{}).Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: i%2 == 0})
		})
	}
	close(start)
	wait.Wait()

	worked := 0
	for i := range processes {
		require.NoError(t, errs[i])
		if !done[i].Empty() {
			worked++
		}
	}
	require.Equal(t, 1, worked)
	history, err := schema.New(pool, schema.Options{}).History(t.Context())
	require.NoError(t, err)
	require.Len(t, history, 1)
}

func TestApply_gives_up_when_another_keeps_the_lock(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), "select pg_advisory_xact_lock(x'73656d616e74696b'::bit(64)::bigint)")
	require.NoError(t, err)

	_, err = schema.New(pool, schema.Options{WaitTimeout: 200 * time.Millisecond}).Apply(t.Context(), schema.ApplyOptions{})
	require.ErrorIs(t, err, schema.ErrBusy)
}

func TestApply_gives_up_on_a_table_in_use_and_changes_nothing(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	execute(t, pool, "drop index ix_users_email; alter table collections drop constraint ck_collections_status")
	before := catalog(t, pool)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), "lock table collections in access share mode")
	require.NoError(t, err)

	_, err = schema.New(pool, schema.Options{LockTimeout: 10 * time.Millisecond}).Apply(t.Context(), schema.ApplyOptions{})
	require.ErrorIs(t, err, schema.ErrLocked)
	require.Equal(t, before, catalog(t, pool))
}

// The one who holds a table is waited for; everybody else waits for the apply no longer
// than it waits itself, whichever of its tables they want, and it comes through in the end.
func TestApply_waits_for_a_table_in_use_without_keeping_others_from_it(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	// Two tables are to be changed; the second in the order of their names is held.
	execute(t, pool, "alter table collections drop constraint ck_collections_status; alter table users drop constraint ck_users_full_name")
	holder, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = holder.Rollback(context.Background()) }()
	_, err = holder.Exec(t.Context(), "select count(*) from users")
	require.NoError(t, err)

	const patience = 500 * time.Millisecond
	retried := make(chan struct{})
	o := schema.Options{LockTimeout: patience, Logger: slog.New(&tripwire{text: "is tried again", left: 2, trip: func() { close(retried) }})}
	applied := make(chan error, 1)
	go func() {
		_, err := schema.New(pool, o).Apply(context.WithoutCancel(t.Context()), schema.ApplyOptions{})
		applied <- err
	}()
	var longest time.Duration
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for waiting := true; waiting; {
		select {
		case <-retried:
			waiting = false
		case <-pace.C:
		}
		for _, table := range []string{"collections", "users"} {
			began := time.Now()
			queryOne[int](t, pool, "select count(*) from "+table)
			longest = max(longest, time.Since(began))
		}
	}
	require.Less(t, longest, 3*patience, "more than once, since the machine may be busy")
	require.Greater(t, longest, patience/10, "the apply was not waiting at all")
	require.NoError(t, holder.Rollback(t.Context()))
	require.NoError(t, <-applied)
	requireNoDrift(t, schema.New(pool, schema.Options{}))
}

func TestApply_stops_when_its_context_ends(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := schema.New(pool, schema.Options{}).Apply(ctx, schema.ApplyOptions{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestApply_refuses_a_server_that_is_too_old(t *testing.T) {
	t.Parallel()
	config := newDatabase(t, servers[0]).Config()
	// A server that says it is old: its own current_setting is found first.
	config.ConnConfig.RuntimeParams["search_path"] = "old, pg_catalog"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer pool.Close()
	execute(t, pool, `create schema old; create function old.current_setting(text) returns text language sql as
		$$ select case $1 when 'server_version' then '14.11' when 'server_version_num' then '140011' end $$`)

	m := schema.New(pool, schema.Options{})
	_, err = m.Apply(t.Context(), schema.ApplyOptions{})
	var tooOld *schema.PostgresVersionError
	require.ErrorAs(t, err, &tooOld)
	require.ErrorContains(t, err, "PostgreSQL 14.11 is too old: version 15 or newer is needed")
	_, err = m.Status(t.Context())
	require.ErrorAs(t, err, &tooOld)
}

func TestPlan_of_a_database_that_takes_no_writes_says_so(t *testing.T) {
	t.Parallel()
	config := newDatabase(t, servers[0]).Config()
	config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer pool.Close()
	m := schema.New(pool, schema.Options{})
	_, err = m.Plan(t.Context())
	require.ErrorIs(t, err, schema.ErrReadOnly)
	_, err = m.Check(t.Context())
	require.ErrorIs(t, err, schema.ErrReadOnly)
	_, err = m.Apply(t.Context(), schema.ApplyOptions{})
	require.ErrorIs(t, err, schema.ErrReadOnly)
}

func TestPlan_without_the_right_to_create_says_so(t *testing.T) {
	t.Parallel()
	admin := newDatabase(t, servers[0])
	role := admin.Config().ConnConfig.Database + "_guest"
	execute(t, admin, fmt.Sprintf("create role %s login password '%s'", role, rolePassword(admin)))
	t.Cleanup(func() {
		_, err := admin.Exec(context.Background(), "drop role "+role)
		require.NoError(t, err)
	})
	config := admin.Config()
	config.ConnConfig.User = role
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer pool.Close()
	_, err = schema.New(pool, schema.Options{}).Plan(t.Context())
	require.ErrorContains(t, err, "needs the right to create a schema")
}

func TestApply_refuses_a_database_of_a_newer_program(t *testing.T) {
	t.Parallel()
	t.Run("by its revision", func(t *testing.T) {
		t.Parallel()
		pool := newSchema(t, servers[0])
		execute(t, pool, "update schema_history set revision = 1000, schema_hash = 'newer', details = details - 'oldest_writer'")
		m := schema.New(pool, schema.Options{})
		requireNewer(t, m, func(e *schema.NewerSchemaError) { require.Equal(t, 1000, e.DatabaseRevision) })
		var newer *schema.NewerSchemaError
		require.ErrorAs(t, m.MayWrite(t.Context()), &newer)
	})
	t.Run("that older ones still go with", func(t *testing.T) {
		t.Parallel()
		pool := newSchema(t, servers[0])
		m := schema.New(pool, schema.Options{})
		require.NoError(t, m.MayWrite(t.Context()))
		execute(t, pool, "update schema_history set revision = 1000, schema_hash = 'newer'")
		require.NoError(t, m.MayWrite(t.Context()))
		applied, err := m.Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
		require.NoError(t, err)
		require.True(t, applied.Empty())
		_, err = m.Apply(t.Context(), schema.ApplyOptions{})
		var newer *schema.NewerSchemaError
		require.ErrorAs(t, err, &newer)
	})
	t.Run("by its queue", func(t *testing.T) {
		t.Parallel()
		pool := newSchema(t, servers[0])
		execute(t, pool, "insert into river.river_migration (line, version) values ('main', 1000)")
		m := schema.New(pool, schema.Options{})
		requireNewer(t, m, func(e *schema.NewerSchemaError) { require.Equal(t, 1000, e.DatabaseQueueVersion) })
	})
}

func requireNewer(t *testing.T, m *schema.Manager, check func(*schema.NewerSchemaError)) {
	t.Helper()
	for _, o := range []schema.ApplyOptions{{}, {SkipIfCurrent: true}, {AllowDestructive: true}} {
		_, err := m.Apply(t.Context(), o)
		var newer *schema.NewerSchemaError
		require.ErrorAs(t, err, &newer)
		check(newer)
	}
	status, err := m.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, schema.StateNewer, status.State)
}

func TestApply_migrates_the_queue_in_a_schema_of_its_own(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	m := schema.New(pool, schema.Options{QueueSchema: "jobs"})
	_, err := m.Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	require.True(t, queryOne[bool](t, pool, "select to_regclass('jobs.river_job') is not null"))
	require.False(t, queryOne[bool](t, pool, "select to_regclass('public.river_job') is not null"))
	requireNoDrift(t, m)

	for _, name := range []string{"public", "Upper", `x"; drop table users; --`} {
		_, err := schema.New(pool, schema.Options{QueueSchema: name}).Apply(t.Context(), schema.ApplyOptions{})
		require.ErrorContains(t, err, "cannot be the queue's schema")
	}
}

func requireNoDrift(t *testing.T, m *schema.Manager) {
	t.Helper()
	drift, err := m.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, drift)
	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	require.True(t, plan.Empty(), "%+v", plan)
}

// rolePassword is what a role of a test is given, for a server that asks for a
// password: the one that the test's own URL has, since it is kept there.
func rolePassword(admin *pgxpool.Pool) string { return admin.Config().ConnConfig.Password }
