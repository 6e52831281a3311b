package database_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/platform/pgtest"
)

// through opens the database through a proxy that breaks connections.
func through(t *testing.T) (*database.DB, *pgtest.Proxy) {
	t.Helper()
	var proxy *pgtest.Proxy
	db := open(t, func(c *database.Config) {
		proxy = pgtest.NewProxy(t, c.URL)
		c.URL = proxy.URL
	})
	return db, proxy
}

func TestInTx_CommitWithoutAnswerIsAnOutcomeUnknown(t *testing.T) {
	t.Parallel()
	db, proxy := through(t)
	runs := 0
	proxy.CutAfter("commit", 1)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		runs++
		return insert(ctx, db, "perhaps")
	})
	require.ErrorIs(t, err, database.ErrOutcomeUnknown)
	require.Equal(t, "outcome_unknown", apperr.CodeOf(err))
	require.Equal(t, 1, runs, "it is never tried again by itself")
	require.Equal(t, []string{"perhaps"}, bodies(t, db), "here it had been made, and a second run would have failed or doubled it")
}

func TestInTx_ConnectionLostBeforeTheCommitRunsAgain(t *testing.T) {
	t.Parallel()
	db, proxy := through(t)
	runs := 0
	proxy.CutAfter("insert into", 1)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		runs++
		return insert(ctx, db, "once")
	}))
	require.Equal(t, 2, runs)
	require.Equal(t, []string{"once"}, bodies(t, db))
}

// A process that was suspended in the middle of a transaction finds that
// PostgreSQL has given it up.
func TestInTx_IdleForTooLongRunsAgain(t *testing.T) {
	t.Parallel()
	db := open(t)
	runs := 0
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		runs++
		if runs == 1 {
			_, err := db.Querier(ctx).Exec(ctx, "set local idle_in_transaction_session_timeout = 20")
			require.NoError(t, err)
			time.Sleep(200 * time.Millisecond) // it is the idleness that is tried
		}
		return insert(ctx, db, "once")
	}))
	require.Equal(t, 2, runs)
	require.Equal(t, []string{"once"}, bodies(t, db))
}

func TestInTx_SerializationFailureRunsAgain(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, insert(t.Context(), db, "0"))
	var first sync.Once
	runs := 0
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		runs++
		var n int
		if err := db.Querier(ctx).QueryRow(ctx, "select count(*) from notes").Scan(&n); err != nil {
			return err
		}
		first.Do(func() {
			// Another transaction changes the row that this one has a snapshot of.
			_, err := db.Querier(t.Context()).Exec(t.Context(), "update notes set body = '1'")
			require.NoError(t, err)
		})
		_, err := db.Querier(ctx).Exec(ctx, "update notes set body = body || '+'")
		return err
	}, database.Isolation(pgx.RepeatableRead))
	require.NoError(t, err)
	require.Equal(t, 2, runs)
	require.Equal(t, []string{"1+"}, bodies(t, db))
}

func TestInTx_DeadlockRunsAgain(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, insert(t.Context(), db, "a"))
	require.NoError(t, insert(t.Context(), db, "b"))

	locked := make(chan struct{}, 8)
	both := make(chan struct{})
	go func() {
		<-locked
		<-locked
		close(both)
	}()
	update := func(first, second int) error {
		return db.InTx(t.Context(), func(ctx context.Context) error {
			if _, err := db.Querier(ctx).Exec(ctx, "update notes set body = body || '+' where id = $1", first); err != nil {
				return err
			}
			locked <- struct{}{}
			<-both
			_, err := db.Querier(ctx).Exec(ctx, "update notes set body = body || '+' where id = $1", second)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- update(1, 2) }()
	go func() { errs <- update(2, 1) }()
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.ElementsMatch(t, []string{"a++", "b++"}, bodies(t, db))
}

func TestInTx_RetriesEnd(t *testing.T) {
	t.Parallel()
	failing := &pgconn.PgError{Code: "40001", Message: "could not serialize"}
	runs := 0
	db := open(t, func(c *database.Config) {
		c.RetryLimit = 2
		c.BeforeCommit = func(context.Context) error { return failing }
	})
	count := func(ctx context.Context) error {
		runs++
		return insert(ctx, db, "never")
	}
	require.ErrorIs(t, db.InTx(t.Context(), count), database.ErrBusy)
	require.Equal(t, 3, runs, "once, and twice more")

	runs = 0
	require.ErrorIs(t, db.InTx(t.Context(), count, database.NoRetry()), database.ErrBusy)
	require.Equal(t, 1, runs, "a bulk load is never run again")

	runs = 0
	require.ErrorIs(t, db.InTx(t.Context(), func(context.Context) error {
		runs++
		return errAbort
	}), errAbort)
	require.Equal(t, 1, runs, "an error of the function is no reason to run it again")
	require.Empty(t, bodies(t, db))
}

func TestInTx_CancelledWhileWaitingToRetry(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	db := open(t, func(c *database.Config) {
		c.RetryInterval = time.Hour
		c.BeforeCommit = func(context.Context) error {
			cancel()
			return &pgconn.PgError{Code: "40001"}
		}
	})
	err := db.InTx(ctx, func(ctx context.Context) error { return insert(ctx, db, "never") })
	require.ErrorIs(t, err, database.ErrBusy)
}

func TestPool_WaitIsBounded(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) {
		c.MaxConns = 1
		c.PoolTimeout = 50 * time.Millisecond
	})
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		// The pool's only connection is this transaction's.
		_, err := db.Querier(t.Context()).Exec(t.Context(), "select 1")
		require.ErrorIs(t, err, database.ErrPoolExhausted)
		require.Positive(t, apperr.From(err).RetryAfter)
		require.ErrorIs(t, db.Querier(t.Context()).QueryRow(t.Context(), "select 1").Scan(new(int)), database.ErrPoolExhausted)
		require.ErrorIs(t, insert(t.Context(), db, "x"), database.ErrPoolExhausted)
		require.ErrorIs(t, db.InTx(t.Context(), func(context.Context) error { return nil }), database.ErrPoolExhausted)

		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = db.Querier(cancelled).Exec(cancelled, "select 1")
		require.ErrorIs(t, err, context.Canceled, "who gave up waiting is not told that the pool is full")

		// The statement itself may take longer than the wait for a connection.
		_, err = db.Querier(ctx).Exec(ctx, "select pg_sleep(0.2)")
		return err
	}))
}

func TestPool_ConnectionsComeBack(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) {
		c.MaxConns = 1
		c.PoolTimeout = 2 * time.Second
	})
	ctx := t.Context()
	for range 20 {
		require.NoError(t, db.Querier(ctx).QueryRow(ctx, "select 1").Scan(new(int)))
		require.ErrorIs(t, db.Querier(ctx).QueryRow(ctx, "select 1 where false").Scan(new(int)), pgx.ErrNoRows)
		require.Error(t, db.Querier(ctx).QueryRow(ctx, "select 'x'").Scan(new(int)))
		require.Error(t, db.Querier(ctx).QueryRow(ctx, "select nonsense").Scan(new(int)))
		rows, err := db.Querier(ctx).Query(ctx, "select generate_series(1, 1000)")
		require.NoError(t, err)
		require.True(t, rows.Next())
		rows.Close()
		require.Error(t, insert(ctx, db, "forbidden"))
	}
	require.Zero(t, db.Health(ctx).InUse)
}

func TestPool_UnreachableServerIsUnavailable(t *testing.T) {
	t.Parallel()
	db, proxy := through(t)
	proxy.Refuse(true)
	proxy.Cut()
	err := db.InTx(t.Context(), func(ctx context.Context) error { return insert(ctx, db, "x") })
	require.ErrorIs(t, err, database.ErrUnavailable)
	require.Error(t, db.Health(t.Context()).Err)

	proxy.Refuse(false)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error { return insert(ctx, db, "again") }))
	require.Equal(t, []string{"again"}, bodies(t, db))

	_, err = database.Open(t.Context(), database.Config{URL: "postgres://semantik:hunter2@127.0.0.1:1/none"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	missing, err := url.Parse(pgtest.Empty(t))
	require.NoError(t, err)
	missing.Path += "_missing"
	_, err = database.Open(t.Context(), database.Config{URL: missing.String()})
	require.ErrorIs(t, err, database.ErrNoDatabase)
	_, err = database.Open(t.Context(), database.Config{URL: "postgres://semantik:hunter2@[oops"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	require.NotErrorIs(t, err, database.ErrUnavailable, "a wrong URL is no passing trouble")
}
