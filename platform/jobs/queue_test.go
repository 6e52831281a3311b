package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/database"
	"semantik/platform/jobs"
	"semantik/platform/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// greeting is a job of the tests.
type greeting struct {
	Name string `json:"name"`
}

func (greeting) Kind() string { return "greeting" }

var errAbort = errors.New("abort")

func start(t *testing.T, work func(context.Context, greeting) error) (*database.DB, *jobs.Queue) {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: pgtest.Partitioned(t, 4), MaxConns: 4, ListenerConns: 1})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	queue, err := jobs.New(db, jobs.Config{Quick: true, StopTimeout: 5 * time.Second})
	require.NoError(t, err)
	require.NoError(t, jobs.Handle(queue, work))
	require.NoError(t, queue.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, queue.Stop(context.Background())) })
	return db, queue
}

func insert(ctx context.Context, t *testing.T, db *database.DB, queue *jobs.Queue, name string, o jobs.Options, then error) (id int64) {
	t.Helper()
	err := db.InTx(ctx, func(ctx context.Context) error {
		var err error
		if id, err = queue.Insert(ctx, greeting{name}, o); err != nil {
			return err
		}
		return then
	})
	require.ErrorIs(t, err, then)
	return id
}

func TestQueue_AJobExistsIfAndOnlyIfItsUnitOfWorkCommits(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 10)
	db, queue := start(t, func(_ context.Context, g greeting) error {
		heard <- g.Name
		return nil
	})
	_, err := queue.Insert(t.Context(), greeting{"alone"}, jobs.Options{})
	require.ErrorIs(t, err, database.ErrMisuse)

	lost := insert(t.Context(), t, db, queue, "rolled back", jobs.Options{}, errAbort)
	insert(t.Context(), t, db, queue, "committed", jobs.Options{}, nil)
	require.Equal(t, "committed", <-heard)
	waits, err := queue.Waits(t.Context(), lost, jobs.StartGrace)
	require.NoError(t, err)
	require.False(t, waits)
}

func TestQueue_AttemptsEnd(t *testing.T) {
	t.Parallel()
	attempts := make(chan string, 10)
	db, queue := start(t, func(_ context.Context, g greeting) error {
		attempts <- g.Name
		return errAbort
	})
	insert(t.Context(), t, db, queue, "once", jobs.Options{MaxAttempts: 1}, nil)
	require.Equal(t, "once", <-attempts)
	insert(t.Context(), t, db, queue, "next", jobs.Options{MaxAttempts: 1}, nil)
	require.Equal(t, "next", <-attempts, "the first was not tried again before it")
}

func TestQueue_WaitsTellsWhetherAJobWillBeWorkedOn(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}), make(chan struct{})
	db, queue := start(t, func(context.Context, greeting) error {
		close(begun)
		<-end
		return nil
	})
	later := insert(t.Context(), t, db, queue, "later", jobs.Options{At: time.Now().Add(time.Hour)}, nil)
	waits, err := queue.Waits(t.Context(), later, jobs.StartGrace)
	require.NoError(t, err)
	require.True(t, waits)

	now := insert(t.Context(), t, db, queue, "now", jobs.Options{}, nil)
	<-begun
	waits, err = queue.Waits(t.Context(), now, jobs.StartGrace)
	require.NoError(t, err)
	require.True(t, waits, "it has just been taken up")
	_, err = db.Querier(t.Context()).Exec(t.Context(), "update river.river_job set attempted_at = now() - interval '1 minute' where id = $1", now)
	require.NoError(t, err)
	waits, err = queue.Waits(t.Context(), now, jobs.StartGrace)
	require.NoError(t, err)
	require.False(t, waits, "by now its worker would have left a trace")
	close(end)
}

func TestQueue_AnyDueCountsWhatComesFirst(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}, 10), make(chan struct{})
	db, queue := start(t, func(context.Context, greeting) error {
		begun <- struct{}{}
		<-end
		return nil
	})
	due := func(priority int) bool {
		found, err := queue.AnyDue(t.Context(), "", priority)
		require.NoError(t, err)
		return found
	}
	for range jobs.DefaultConcurrency {
		insert(t.Context(), t, db, queue, "it runs", jobs.Options{}, nil)
		<-begun
	}
	insert(t.Context(), t, db, queue, "later", jobs.Options{At: time.Now().Add(time.Hour)}, nil)
	require.False(t, due(4), "what runs does not wait, and what is for later is not due")
	insert(t.Context(), t, db, queue, "waits", jobs.Options{Priority: 3}, nil)
	require.False(t, due(2))
	require.True(t, due(3))
	found, err := queue.AnyDue(t.Context(), jobs.Maintenance, 4)
	require.NoError(t, err)
	require.False(t, found, "another queue has its own")
	close(end)
}

func TestQueue_RaiseOldestRaisesOne(t *testing.T) {
	t.Parallel()
	db, err := database.Open(t.Context(), database.Config{URL: pgtest.Partitioned(t, 4), MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	queue, err := jobs.New(db, jobs.Config{})
	require.NoError(t, err)
	require.NoError(t, jobs.Handle(queue, func(context.Context, greeting) error { return nil }))
	for name, job := range map[string]struct {
		priority int
		waited   time.Duration
	}{"first anyway": {1, time.Hour}, "patient": {2, 2 * time.Minute}, "oldest": {4, 3 * time.Minute}, "new": {2, 0}} {
		id := insert(t.Context(), t, db, queue, name, jobs.Options{Priority: job.priority}, nil)
		_, err := db.Querier(t.Context()).Exec(t.Context(), "update river.river_job set scheduled_at = now() - $2::interval where id = $1", id, job.waited)
		require.NoError(t, err)
	}
	raised := func() (names []string) {
		require.NoError(t, queue.RaiseOldest(t.Context(), "", greeting{}.Kind(), time.Minute))
		rows, err := db.Querier(t.Context()).Query(t.Context(), "select args ->> 'name' from river.river_job where priority = 1 order by scheduled_at")
		require.NoError(t, err)
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return names
	}
	require.Equal(t, []string{"first anyway", "oldest"}, raised())
	require.Equal(t, []string{"first anyway", "oldest", "patient"}, raised())
	require.Equal(t, []string{"first anyway", "oldest", "patient"}, raised())
}

func TestQueue_StopLetsARunningJobFinish(t *testing.T) {
	t.Parallel()
	begun, finished := make(chan struct{}), make(chan error, 1)
	db, queue := start(t, func(ctx context.Context, _ greeting) error {
		close(begun)
		time.Sleep(100 * time.Millisecond) // longer than stopping takes when it does not wait
		finished <- ctx.Err()
		return nil
	})
	insert(t.Context(), t, db, queue, "slow", jobs.Options{}, nil)
	<-begun
	require.NoError(t, queue.Stop(t.Context()))
	require.NoError(t, <-finished)
}

// River interrupts its listener's wait twice while it starts; each took as long
// as a server may need to stop a statement.
func TestQueue_StartsWithoutWaitingForItsListener(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	_, queue := start(t, func(context.Context, greeting) error { return nil })
	made := time.Now()
	require.NoError(t, queue.Stop(t.Context()))
	require.NoError(t, queue.Start(t.Context()))
	require.Less(t, time.Since(made), 1500*time.Millisecond, "making the database took %s", made.Sub(begun))
}
