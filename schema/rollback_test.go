package schema_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/schema"
)

func TestRollback_of_the_first_apply_drops_all_but_the_history(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newDatabase(t, s)
		m := schema.New(pool, schema.Options{PartitionCount: 3})
		_, err := m.Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		made := catalog(t, pool)

		_, err = m.Rollback(t.Context(), schema.RollbackOptions{})
		var destructive *schema.DestructiveError
		require.ErrorAs(t, err, &destructive)
		require.ErrorContains(t, err, "dropping the table users loses its rows")
		require.Equal(t, made, catalog(t, pool), "a refused rollback changes nothing")

		entry, err := m.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
		require.NoError(t, err)
		require.Equal(t, schema.KindRollback, entry.Kind)
		require.Equal(t, []string{"schema_history"}, queryOne[[]string](t, pool,
			"select array_agg(relname::text) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"))
		status, err := m.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, schema.StateEmpty, status.State)
		_, err = m.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
		require.ErrorIs(t, err, schema.ErrNothingToRollBack)

		_, err = m.Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
		require.NoError(t, err)
		require.Equal(t, made, catalog(t, pool))
		requireNoDrift(t, m)

		history, err := m.History(t.Context())
		require.NoError(t, err)
		require.Len(t, history, 3)
		require.Equal(t, schema.KindApply, history[2].Kind)
		require.Equal(t, &history[1].ID, history[2].RolledBackBy)
		require.Equal(t, history[2].ID, history[1].Details.RolledBack)
		require.Nil(t, history[0].RolledBackBy)
	})
}

func TestRollback_to_nothing_frees_the_number_of_partitions(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	for _, n := range []int{2, 3} {
		m := schema.New(pool, schema.Options{PartitionCount: n})
		_, err := m.Apply(t.Context(), schema.ApplyOptions{})
		require.NoError(t, err)
		requireNoDrift(t, m)
		_, err = m.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
		require.NoError(t, err)
	}
}

func TestRollback_of_what_cannot_be_undone_says_why(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, servers[0])
	files := schema.CurrentFiles()
	files.Tables = replace(t, files.Tables, "    usage_count    bigint      not null default 0,",
		"    usage_count    bigint      not null generated always as (length(id)) stored,")
	_, err := schema.NewWith(pool, schema.Options{PartitionCount: 2}, files).Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	m := schema.New(pool, schema.Options{})
	plan, err := m.Plan(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, plan.Irreversible)
	_, err = m.Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)

	_, err = m.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
	var irreversible *schema.IrreversibleError
	require.ErrorAs(t, err, &irreversible)
	require.ErrorContains(t, err, "usage_count")
}

func TestRollback_has_nothing_to_do_in_an_empty_database(t *testing.T) {
	t.Parallel()
	m := schema.New(newDatabase(t, servers[0]), schema.Options{})
	_, err := m.Rollback(t.Context(), schema.RollbackOptions{AllowDestructive: true})
	require.ErrorIs(t, err, schema.ErrNothingToRollBack)
}

// Each partition is held for less than is waited for, and both together for longer.
func TestRollback_waits_for_all_partitions_together_no_longer_than_for_one(t *testing.T) {
	t.Parallel()
	pool, files := newSmall(t, servers[0]), smallFiles()
	files.Tables = replace(t, files.Tables, "    place integer not null\n", "    place integer not null,\n    colour text\n")
	_, err := schema.NewWith(pool, schema.Options{}, files).Apply(t.Context(), schema.ApplyOptions{})
	require.NoError(t, err)
	const patience = 400 * time.Millisecond
	retried := make(chan struct{})
	o := schema.Options{LockTimeout: patience, Logger: slog.New(&tripwire{text: "is tried again", left: 1, trip: func() { close(retried) }})}
	undone := make(chan error, 1)
	for n, part := range []string{"parts_1", "parts_2"} {
		holder, err := pool.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = holder.Rollback(context.Background()) }()
		_, err = holder.Exec(t.Context(), "lock table "+part+" in access share mode")
		require.NoError(t, err)
		time.AfterFunc(time.Duration(n+1)*patience*3/4, func() { _ = holder.Rollback(context.Background()) })
	}
	go func() {
		_, err := schema.NewWith(pool, o, files).Rollback(context.WithoutCancel(t.Context()), schema.RollbackOptions{AllowDestructive: true})
		undone <- err
	}()
	<-retried
	require.NoError(t, <-undone)
	requireNoDrift(t, schema.NewWith(pool, schema.Options{}, smallFiles()))
}
