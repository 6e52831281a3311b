package activity_test

import (
	"context"
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
