package activity_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/activity"
)

func TestKill_ListsWhatHasRunForSoLongAndNeverABackupNorItself(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	backups := []string{"semantik backup", "Semantik Backup create", "semantik restore", "pg_dump", "pg_basebackup", "my nightly backup", "pgbackrest [backup]"}
	for _, name := range backups {
		p.sleeps(p.session(name))
	}
	ours := p.session("report")
	ended := p.sleeps(ours)
	idle := p.session("lazy")
	p.exec(idle, "begin; select 'hunter2'")

	found := p.await(0, false, 1)
	require.Equal(t, "report", found[0].Application)
	require.Equal(t, "select pg_sleep(?) , ?", found[0].Text, "no value")
	require.Len(t, p.await(0, true, 2), 2, "the idle one too, if that is asked for")
	require.Empty(t, p.await(time.Hour, true, 0), "and none that has not run for so long")

	for _, x := range found {
		done, err := p.End(t.Context(), x, false)
		require.NoError(t, err)
		require.True(t, done)
	}
	require.ErrorContains(t, <-ended, "57014", "it was cancelled")
	p.exec(ours, "select 1") // and its connection lives on
	done, err := p.End(t.Context(), found[0], false)
	require.NoError(t, err)
	require.False(t, done, "it is at nothing any more")

	for _, x := range p.await(0, true, 1) {
		done, err := p.End(t.Context(), x, true)
		require.NoError(t, err)
		require.True(t, done)
	}
	require.Error(t, idle.Ping(t.Context()), "its connection was ended")
	var asleep int
	require.NoError(t, p.db.Querier(t.Context()).QueryRow(t.Context(),
		`select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and query like 'select pg_sleep%'`).Scan(&asleep))
	require.Equal(t, len(backups), asleep, "the backups go on")

	for _, x := range found { // should somebody take its number up for a backup
		x.Age = 0
		x.PID = p.pid("pg_dump")
		done, err := p.End(t.Context(), x, true)
		require.NoError(t, err)
		require.False(t, done, "nor are they ended by their number")
	}
	p.exec(p.session("end"), `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'`)
}

// How a backup is called is up to whoever makes it, and so is how its sessions are.
func TestKill_NeverListsABackupByAnotherNameNorWhatChangesTheSchema(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	leader, worker, schema := p.session("nightly"), p.session("nightly"), p.session("semantik schema")
	p.exec(leader, "begin isolation level repeatable read, read only")
	var snapshot string
	require.NoError(t, leader.QueryRow(t.Context(), "select pg_export_snapshot()").Scan(&snapshot))
	p.exec(leader, "select count(*) from pg_class")
	p.exec(worker, "begin isolation level repeatable read, read only; set transaction snapshot '"+snapshot+"'")
	p.sleeps(schema)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		_, _ = worker.PgConn().CopyTo(ctx, io.Discard, "copy (select repeat('x', 1000) from generate_series(1, 100), pg_sleep(60)) to stdout")
	}()
	require.Eventually(t, func() bool {
		var copying int
		err := p.db.Querier(t.Context()).QueryRow(t.Context(), `select count(*) from pg_stat_progress_copy`).Scan(&copying)
		return err == nil && copying == 1
	}, 10*time.Second, 5*time.Millisecond)
	p.sleeps(p.session("report"))
	require.Equal(t, "report", p.await(0, true, 1)[0].Application)
	p.exec(p.session("end"), `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%pg_sleep%'`)
}

// It is who stands at the root that is ended: not those that wait for it, unless what
// they wait for is left alone.
func TestKill_ListsWhoKeepsOthersWaitingAndNotWhoOnlyWaits(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	lazy, backup := p.session("lazy"), p.session("pg_dump")
	p.exec(lazy, "create table things (id int primary key); create table others (id int); insert into things values (1)")
	p.exec(lazy, "begin; update things set id = 2; select 1")
	p.exec(backup, "begin; select count(*) from others")
	ended := make(chan error, 4)
	wait := func(name, sql string) {
		conn := p.session(name)
		go func() {
			_, err := conn.Exec(context.Background(), sql)
			ended <- err
		}()
	}
	wait("victim", "update things set id = 3 where id = 1")
	wait("victim", "update things set id = 4 where id = 1")
	wait("alter", "alter table others add column n int")
	require.Eventually(t, func() bool {
		found, err := p.Locks(t.Context())
		return err == nil && len(found) == 5
	}, 10*time.Second, 5*time.Millisecond)
	names := map[string]activity.Session{}
	for _, x := range p.await(0, false, 2) {
		names[x.Application] = x
	}
	require.Contains(t, names, "lazy")
	require.Contains(t, names, "alter")
	require.Equal(t, 1, names["lazy"].Blocks)
	done, err := p.End(t.Context(), names["lazy"], false)
	require.NoError(t, err)
	require.False(t, done, "there is no statement to end")
	for name, all := range map[string]bool{"lazy": true, "alter": false} {
		done, err := p.End(t.Context(), names[name], all)
		require.NoError(t, err)
		require.True(t, done, name)
	}
	failed := 0
	for range 3 {
		if err := <-ended; err != nil {
			require.ErrorContains(t, err, "57014")
			failed++
		}
	}
	require.Equal(t, 1, failed, "the others go on")
	p.exec(backup, "rollback")
}

func (p *place) pid(name string) (pid int) {
	p.t.Helper()
	require.NoError(p.t, p.db.Querier(p.t.Context()).QueryRow(p.t.Context(),
		`select pid from pg_stat_activity where application_name = $1`, name).Scan(&pid))
	return pid
}
