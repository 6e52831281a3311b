package activity_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/activity"
	"semantik/platform/database"
	"semantik/platform/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// place is a database with what looks at it.
type place struct {
	*activity.Repository

	t   *testing.T
	db  *database.DB
	url string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, url: pgtest.Empty(t)}
	var err error
	p.db, err = database.Open(t.Context(), database.Config{URL: p.url})
	require.NoError(t, err)
	t.Cleanup(p.db.Close)
	p.Repository = activity.NewRepository(p.db)
	return p
}

// session connects under a name.
func (p *place) session(name string) *pgx.Conn {
	p.t.Helper()
	config, err := pgx.ParseConfig(p.url)
	require.NoError(p.t, err)
	config.RuntimeParams["application_name"] = name
	conn, err := pgx.ConnectConfig(p.t.Context(), config)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (p *place) exec(conn *pgx.Conn, sql string) {
	p.t.Helper()
	_, err := conn.Exec(p.t.Context(), sql)
	require.NoError(p.t, err)
}

// sleeps has a session sleep until it is ended; the channel gives how that was.
func (p *place) sleeps(conn *pgx.Conn) <-chan error {
	p.t.Helper()
	ended, done := make(chan error, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	p.t.Cleanup(func() { cancel(); <-done }) // before the session is closed, which was opened before
	go func() {
		defer close(done)
		_, err := conn.Exec(ctx, "select pg_sleep(60) /* 'hunter2' */, 'hunter2'")
		ended <- err
	}()
	return ended
}

// await waits until there are so many sessions at something.
func (p *place) await(least time.Duration, idle bool, n int) []activity.Session {
	p.t.Helper()
	var found []activity.Session
	require.Eventually(p.t, func() bool {
		var err error
		found, err = p.LongRunning(p.t.Context(), least, idle, 100)
		return err == nil && len(found) == n
	}, 10*time.Second, 5*time.Millisecond, "%d sessions", n)
	return found
}

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

func TestLocks_ShowsWhoWaitsForWhomAsATree(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first, second, third := p.session("first"), p.session("second"), p.session("third")
	p.exec(first, "create table things (id int primary key); insert into things values (1), (2)")
	p.exec(first, "begin; update things set id = 3 where id = 1")
	p.exec(second, "begin; update things set id = 4 where id = 2")
	ended := make(chan error, 2)
	wait := func(conn *pgx.Conn, sql string) {
		_, err := conn.Exec(context.Background(), sql)
		ended <- err
	}
	go wait(second, "update things set id = 5 where id = 1")
	go wait(third, "update things set id = 6 where id = 2")
	var tree []activity.Branch
	require.Eventually(t, func() bool {
		found, err := p.Locks(t.Context())
		tree = activity.Tree(found)
		return err == nil && len(tree) == 3
	}, 10*time.Second, 5*time.Millisecond)
	for i, name := range []string{"first", "second", "third"} {
		require.Equal(t, name, tree[i].Application)
		require.Equal(t, i, tree[i].Depth)
		require.Equal(t, i > 0, tree[i].Lock != "", tree[i].Lock)
		require.NotContains(t, tree[i].Text, "5")
	}
	p.exec(first, "rollback")
	require.NoError(t, <-ended)
	p.exec(second, "rollback")
	require.NoError(t, <-ended)
}

func TestTree_EndsWithThoseThatWaitInACircle(t *testing.T) {
	t.Parallel()
	tree := activity.Tree([]activity.Waiter{{PID: 1, BlockedBy: []int{2}}, {PID: 2, BlockedBy: []int{1, 2}}, {PID: 3, BlockedBy: []int{0}}, {PID: 4, BlockedBy: []int{2}}})
	require.Len(t, tree, 4)
	require.Equal(t, 3, tree[0].PID)
	require.Equal(t, []int{0, 0, 1, 2}, []int{tree[0].Depth, tree[1].Depth, tree[2].Depth, tree[3].Depth})
	require.Equal(t, []int{0, 0, 1, 2}, []int{tree[0].Under, tree[1].Under, tree[2].Under, tree[3].Under})
	require.Empty(t, activity.Tree(nil))
}

// Those that want one row wait for its holder or for the first of the queue, and for each
// that stands before them.
func TestTree_HasEachSessionOnceUnderWhoHasToEndFirst(t *testing.T) {
	t.Parallel()
	const n = 900
	all := []activity.Waiter{{PID: 1}, {PID: 2, BlockedBy: []int{1}}}
	for pid := 3; pid <= n; pid++ {
		var before []int
		for other := 2; other < pid; other++ {
			before = append(before, other)
		}
		all = append(all, activity.Waiter{PID: pid, BlockedBy: before})
	}
	tree := activity.Tree(all)
	require.Len(t, tree, n)
	require.Equal(t, 1, tree[0].PID)
	require.Equal(t, 2, tree[1].PID)
	for _, branch := range tree[2:] {
		require.Equal(t, 2, branch.Depth)
		require.Equal(t, 2, branch.Under)
	}
	chain := []activity.Waiter{{PID: 1}}
	for pid := 2; pid <= n; pid++ {
		chain = append(chain, activity.Waiter{PID: pid, BlockedBy: []int{pid - 1}})
	}
	require.Equal(t, n-1, activity.Tree(chain)[n-1].Depth)
}

func TestVacuum_SaysWhatWantsItAndPassesOverWhatIsLocked(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	conn := p.session("owner")
	p.exec(conn, `create table "Parts 1" (id int, n int) partition by list (n); create table part_a partition of "Parts 1" for values in (1);
		create table part_b partition of "Parts 1" for values in (2); create table plain (id int);
		alter table part_a set (autovacuum_enabled = off); alter table plain set (autovacuum_enabled = off)`)
	p.exec(conn, `insert into "Parts 1" select i, 1 from generate_series(1, 1000) i; insert into plain select generate_series(1, 10)`)
	p.exec(conn, `delete from part_a`)
	p.exec(conn, `select pg_stat_force_next_flush()`)
	wanting := func(name string) map[string]string {
		found, err := p.Wants(t.Context(), name)
		require.NoError(t, err)
		reasons := map[string]string{}
		for _, w := range found {
			reasons[w.Table] = w.Reason
		}
		return reasons
	}
	require.Eventually(t, func() bool { return wanting("")["part_a"] != "" }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, map[string]string{"part_a": "1000 dead rows beside 0", "part_b": "", "plain": ""}, wanting(""))
	require.Len(t, wanting("Parts 1"), 2, "a table with its partitions")
	require.Len(t, wanting("part_a"), 1)
	require.Len(t, wanting("public.plain"), 1)
	require.Empty(t, wanting(`no "such; table`))

	found, err := p.Wants(t.Context(), "part_a")
	require.NoError(t, err)
	vacuum := func() (done bool) {
		require.NoError(t, p.db.Aside(t.Context(), "test", func(ctx context.Context) (err error) {
			done, err = p.Vacuum(ctx, found[0])
			return err
		}))
		return done
	}
	p.exec(conn, `begin; lock table part_a in share row exclusive mode`)
	require.False(t, vacuum(), "it is locked")
	p.exec(conn, `rollback`)
	require.True(t, vacuum())
	require.Empty(t, wanting("part_a")["part_a"])
}

func TestSizes_PutPartitionsTogether(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	conn := p.session("owner")
	p.exec(conn, `create table parts (id int, n int, body text, primary key (id, n)) partition by list (n); create table part_a partition of parts for values in (1);
		create table part_b partition of parts for values in (2); create table plain (id int);
		alter table parts alter body set storage external`)
	p.exec(conn, `insert into parts select i, 1 + i % 2, repeat('x', 5000) from generate_series(1, 20) i`)
	p.exec(conn, `select pg_stat_force_next_flush()`)
	p.exec(conn, `analyze parts`)
	found, err := p.Sizes(t.Context(), 100)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, "parts", found[0].Table)
	require.Equal(t, 2, found[0].Partitions)
	require.EqualValues(t, 20, found[0].Rows)
	require.Greater(t, found[0].Toast, int64(100_000))
	require.Positive(t, found[0].Indexes)
	require.GreaterOrEqual(t, found[0].Total, found[0].Heap+found[0].Indexes+found[0].Toast)
	require.Zero(t, found[1].Partitions)

	// One that somebody has locked is told from what was last known of it.
	p.exec(conn, `begin; lock table part_a in access exclusive mode`)
	estimated, err := p.Sizes(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, []bool{estimated[0].Estimated, estimated[1].Estimated})
	require.Positive(t, estimated[0].Indexes)
	require.LessOrEqual(t, estimated[0].Total, found[0].Total)
	p.exec(conn, `rollback`)
	few, err := p.Sizes(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, few, 1)
}

func TestConnections_AreCountedByWhatTheyAreWithTheLimit(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for range 3 {
		p.session("crowd of " + p.url[len(p.url)-20:])
	}
	found, limits, err := p.Connections(t.Context(), 1000)
	require.NoError(t, err)
	counted := int64(0)
	for _, c := range found {
		if c.Application == "crowd of "+p.url[len(p.url)-20:] {
			counted += c.Count
			require.Equal(t, "idle", c.State)
		}
	}
	require.EqualValues(t, 3, counted)
	require.GreaterOrEqual(t, limits.Used, int64(3))
	require.Greater(t, limits.Max, limits.Reserved)
}

func TestSlowStatements_AreUnknownWithoutTheExtension(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	_, known, err := p.SlowStatements(t.Context(), time.Second, 10)
	require.NoError(t, err)
	require.False(t, known)
	conn := p.session("owner")
	var there bool
	require.NoError(t, conn.QueryRow(t.Context(), `select exists (select from pg_available_extensions where name = 'pg_stat_statements')`).Scan(&there))
	if !there {
		return // a server without contrib
	}
	p.exec(conn, `create schema watched; create extension pg_stat_statements schema watched`)
	p.exec(conn, `select pg_sleep(0.02), 'hunter2'`)
	found, known, err := p.SlowStatements(t.Context(), 10*time.Millisecond, 10)
	require.NoError(t, err, "also where its library is not loaded")
	for _, s := range found {
		require.NotContains(t, s.Text, "hunter2")
		require.GreaterOrEqual(t, s.Max, 10*time.Millisecond)
	}
	if known {
		require.NotEmpty(t, found)
	}
}
