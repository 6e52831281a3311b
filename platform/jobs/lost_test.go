package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/database"
	"semantik/platform/jobs"
)

// abandoned inserts a job that a process took up so many hours ago, and was killed over.
func abandoned(t *testing.T, db *database.DB, queue *jobs.Queue, hours, attempts int) int64 {
	t.Helper()
	id := insert(t.Context(), t, db, queue, "abandoned", jobs.Options{At: time.Now().Add(time.Hour), MaxAttempts: attempts}, nil)
	_, err := db.Querier(t.Context()).Exec(t.Context(), `
update river.river_job
set state = 'running', attempt = 1, attempted_by = '{gone}', attempted_at = now() - make_interval(hours => $2)
where id = $1`, id, hours)
	require.NoError(t, err)
	return id
}

func state(t *testing.T, db *database.DB, id int64) (state string) {
	t.Helper()
	require.NoError(t, db.Querier(t.Context()).QueryRow(t.Context(), "select state from river.river_job where id = $1", id).Scan(&state))
	return state
}

func TestQueue_WhatAKilledProcessLeftRunningIsDiscarded(t *testing.T) {
	t.Parallel()
	db, queue := start(t, func(context.Context, greeting) error { return nil })
	lost, held, young := abandoned(t, db, queue, 25, 1), abandoned(t, db, queue, 25, 1), abandoned(t, db, queue, 23, 1)
	again := abandoned(t, db, queue, 25, 2)
	n, err := queue.DiscardLost(t.Context(), jobs.LostAfter, []int64{held})
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Equal(t, []string{"discarded", "running", "running", "running"},
		[]string{state(t, db, lost), state(t, db, held), state(t, db, young), state(t, db, again)},
		"what is held, has begun lately or is to be tried again stays")
	var reason string
	require.NoError(t, db.Querier(t.Context()).QueryRow(t.Context(), "select errors[1] ->> 'error' from river.river_job where id = $1 and finalized_at is not null", lost).Scan(&reason))
	require.Contains(t, reason, "process")
	n, err = queue.DiscardLost(t.Context(), jobs.LostAfter, nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "it is not held any more")
}

func TestQueue_AJobThatIsWorkedOnAfterAllLosesNothing(t *testing.T) {
	t.Parallel()
	begun, end := make(chan string), make(chan struct{})
	db, queue := start(t, func(ctx context.Context, g greeting) error {
		begun <- g.Name
		if g.Name == "long" {
			<-end
			return ctx.Err()
		}
		return nil
	})
	long := insert(t.Context(), t, db, queue, "long", jobs.Options{MaxAttempts: 1}, nil)
	require.Equal(t, "long", <-begun)
	n, err := queue.DiscardLost(t.Context(), -time.Second, nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	close(end)
	insert(t.Context(), t, db, queue, "next", jobs.Options{MaxAttempts: 1}, nil)
	require.Equal(t, "next", <-begun, "the queue goes on")
	require.NoError(t, queue.Stop(t.Context()), "it has ended in order")
	require.Equal(t, "discarded", state(t, db, long))
}
