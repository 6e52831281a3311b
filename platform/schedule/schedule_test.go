package schedule_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/jobs"
	"semantik/platform/schedule"
	"semantik/testworld"
)

const week = 7 * 24 * time.Hour

func TestSchedule_AWeeklyTaskComesWeeklyAlthoughItsProcessIsStartedAnewEachHour(t *testing.T) {
	t.Parallel()
	w := bench(t)
	task, runs := counting("weekly", week)
	for hour := range 15 * 24 {
		if hour%24 != 0 { // the days are enough; the hours between change nothing
			continue
		}
		require.NoError(t, process(t, w, schedule.Config{}, task).Work(t.Context()))
		require.Equal(t, hour/(7*24), runs(), "after %d hours", hour)
		pass(w, 24*time.Hour)
	}
}

func TestSchedule_ATaskThatIsDueAtOnceIsSoOnlyWhenItIsFirstKnown(t *testing.T) {
	t.Parallel()
	w := bench(t)
	task, runs := counting("weekly", week)
	task.AtOnce = true
	for range 3 {
		require.NoError(t, process(t, w, schedule.Config{}, task).Work(t.Context()))
	}
	require.Equal(t, 1, runs())
}

// A new version of the program, or a clock that was wrong, must not leave a task alone
// for a year.
func TestSchedule_ATaskThatComesMoreOftenThanBeforeIsDueEarlier(t *testing.T) {
	t.Parallel()
	w := bench(t)
	rare, _ := counting("task", 365*24*time.Hour)
	require.NoError(t, process(t, w, schedule.Config{}, rare).Work(t.Context()))
	often, runs := counting("task", time.Hour)
	require.NoError(t, process(t, w, schedule.Config{}, often).Work(t.Context()))
	require.Zero(t, runs())
	pass(w, time.Hour)
	require.NoError(t, process(t, w, schedule.Config{}, often).Work(t.Context()))
	require.Equal(t, 1, runs())
}

func TestSchedule_ManyProcessesRunATaskOnce(t *testing.T) {
	t.Parallel()
	w := bench(t)
	worlds := []*testworld.World{w, bench(t, testworld.On(w))}
	a, runsOfA := counting("a", week)
	b, runsOfB := counting("b", week)
	a.AtOnce, b.AtOnce = true, true
	for _, err := range w.Race(8, func(i int) error {
		return process(t, worlds[i%2], schedule.Config{}, a, b).Work(t.Context())
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, []int{1, 1}, []int{runsOfA(), runsOfB()})
}

func TestSchedule_WhileATaskRunsNobodyElseIsAtItAndItIsShown(t *testing.T) {
	t.Parallel()
	w := bench(t)
	begun, end := make(chan struct{}), make(chan struct{})
	task := schedule.Task{Name: "long", Every: time.Hour, AtOnce: true, Do: func(context.Context, *schedule.Run) (string, error) {
		close(begun)
		<-end
		return "", nil
	}}
	s := process(t, w, schedule.Config{}, task)
	ended := make(chan error)
	go func() { ended <- s.Work(t.Context()) }()
	<-begun
	other := bench(t, testworld.On(w))
	require.NoError(t, process(t, other, schedule.Config{}, task).Work(t.Context()), "it finds nothing to do")
	require.True(t, state(t, w, s, "long").Running)
	require.Nil(t, state(t, w, s, "long").LastCompletedAt)
	require.ErrorIs(t, s.RunNow(w.As(w.Root), "long"), schedule.ErrRunning)
	close(end)
	require.NoError(t, <-ended)
	require.False(t, state(t, w, s, "long").Running)
}

func TestSchedule_AProcessThatWasKilledKeepsItsTaskForTheLeaseAndNoLonger(t *testing.T) {
	t.Parallel()
	w := bench(t)
	task, runs := counting("task", week)
	task.AtOnce = true
	s := process(t, w, schedule.Config{}, task)
	require.NoError(t, s.Work(t.Context()))
	w.Exec(`update scheduled_tasks set next_due_at = now() - interval '1 minute', holder = gen_random_uuid(), lease_until = now() + interval '40 seconds'`)
	require.NoError(t, s.Work(t.Context()))
	require.Equal(t, 1, runs())
	pass(w, 40*time.Second)
	require.NoError(t, s.Work(t.Context()))
	require.Equal(t, 2, runs())
	require.Equal(t, "ok", text(state(t, w, s, "task").LastStatus))
}

func TestSchedule_AFailureIsNotedLoggedOnceAndComesAgain(t *testing.T) {
	t.Parallel()
	w := bench(t)
	fails := true
	task := schedule.Task{Name: "frail", Every: week, Again: time.Hour, AtOnce: true, Do: func(context.Context, *schedule.Run) (string, error) {
		if fails {
			return "Half was done.", errors.New("select secret from somewhere")
		}
		return "All was done.", nil
	}}
	next, runs := counting("next", week)
	next.AtOnce = true
	log := &logged{}
	s := process(t, w, schedule.Config{Logger: log.logger()}, task, next)
	for range 3 {
		require.NoError(t, s.Work(t.Context()))
	}
	require.Equal(t, 1, runs(), "the others are done all the same")
	require.Equal(t, 1, log.lines("has failed"))
	was := state(t, w, s, "frail")
	require.Equal(t, "failed", text(was.LastStatus))
	require.Equal(t, "Half was done.", text(was.LastSummary))
	require.NotEmpty(t, text(was.LastError))
	require.NotContains(t, text(was.LastError), "select", "what went wrong within is for the log")
	require.WithinDuration(t, was.LastCompletedAt.Add(time.Hour), *was.NextDueAt, time.Second)

	fails = false
	pass(w, time.Hour)
	require.NoError(t, process(t, w, schedule.Config{}, task, next).Work(t.Context()))
	is := state(t, w, s, "frail")
	require.Equal(t, []string{"ok", "All was done.", ""}, []string{text(is.LastStatus), text(is.LastSummary), text(is.LastError)})
	require.WithinDuration(t, is.LastCompletedAt.Add(week), *is.NextDueAt, time.Second)
}

func TestSchedule_APanicIsAFailure(t *testing.T) {
	t.Parallel()
	w := bench(t)
	task := schedule.Task{Name: "wild", Every: week, AtOnce: true, Do: func(context.Context, *schedule.Run) (string, error) { panic("no") }}
	log := &logged{}
	s := process(t, w, schedule.Config{Logger: log.logger()}, task)
	require.NoError(t, s.Work(t.Context()))
	require.Equal(t, "failed", text(state(t, w, s, "wild").LastStatus))
	require.Equal(t, 1, log.lines("panic: no"))
}

func TestSchedule_ATaskThatTakesTooLongIsEndedAndGoesOnTheNextTime(t *testing.T) {
	t.Parallel()
	w := bench(t)
	task := schedule.Task{Name: "endless", Every: week, AtOnce: true, Limit: time.Millisecond, Do: func(ctx context.Context, run *schedule.Run) (string, error) {
		var place int
		_, err := run.Resume(&place)
		if err != nil {
			return "", err
		}
		if err := run.Keep(context.WithoutCancel(ctx), place+1); err != nil {
			return "", err
		}
		if place == 2 {
			return "It is through.", nil
		}
		<-ctx.Done()
		return "", ctx.Err()
	}}
	s := process(t, w, schedule.Config{}, task)
	for range 2 {
		require.NoError(t, s.Work(t.Context()))
		require.Contains(t, text(state(t, w, s, "endless").LastError), "longer than it may")
		pass(w, week)
	}
	require.NoError(t, s.Work(t.Context()))
	require.Equal(t, "It is through.", text(state(t, w, s, "endless").LastSummary))
	require.EqualValues(t, 1, w.Int(`select count(*) from scheduled_tasks where place is null`), "the next begins anew")
}

func TestSchedule_AProcessThatStopsGivesItsTaskBackAtOnce(t *testing.T) {
	t.Parallel()
	w := bench(t)
	begun := make(chan struct{}, 1)
	task := schedule.Task{Name: "long", Every: week, AtOnce: true, Do: func(ctx context.Context, run *schedule.Run) (string, error) {
		if found, err := run.Resume(new(string)); found || err != nil {
			return "It went on.", err
		}
		if err := run.Keep(ctx, "in the middle"); err != nil {
			return "", err
		}
		begun <- struct{}{}
		<-ctx.Done()
		return "", ctx.Err()
	}}
	s := process(t, w, schedule.Config{}, task)
	ended := make(chan error)
	go func() { ended <- s.Work(t.Context()) }()
	<-begun
	s.Stop()
	require.NoError(t, <-ended)
	require.NoError(t, s.Work(t.Context()))
	require.Nil(t, state(t, w, s, "long").LastStatus, "who has stopped begins no other")
	other := process(t, w, schedule.Config{}, task)
	require.NoError(t, other.Work(t.Context()))
	require.Equal(t, "It went on.", text(state(t, w, s, "long").LastSummary))
}

func TestSchedule_ARunThatHasLostItsLeaseEndsAndNotesNothing(t *testing.T) {
	t.Parallel()
	w := bench(t)
	begun := make(chan struct{})
	task := schedule.Task{Name: "slow", Every: week, AtOnce: true, Do: func(ctx context.Context, _ *schedule.Run) (string, error) {
		close(begun)
		<-ctx.Done()
		return "", ctx.Err()
	}}
	s := process(t, w, schedule.Config{Lease: 200 * time.Millisecond}, task)
	ended := make(chan error)
	go func() { ended <- s.Work(t.Context()) }()
	<-begun
	w.Exec(`update scheduled_tasks set holder = gen_random_uuid(), lease_until = now() + interval '1 hour'`)
	require.NoError(t, <-ended)
	require.True(t, state(t, w, s, "slow").Running, "it is the other's")
	require.Nil(t, state(t, w, s, "slow").LastStatus)
}

func TestSchedule_OnlyASuperuserInPersonReadsAndStartsTasks(t *testing.T) {
	t.Parallel()
	w := bench(t)
	task, runs := counting("weekly", week)
	s := process(t, w, schedule.Config{}, task)
	for name, ctx := range map[string]context.Context{
		"nobody": t.Context(), "a user": w.As(w.User("alice")),
	} {
		_, err := s.List(ctx)
		require.Error(t, err, name)
		require.Error(t, s.RunNow(ctx, "weekly"), name)
	}
	require.ErrorIs(t, s.RunNow(w.As(w.Root), "nonsense"), schedule.ErrNotFound)
	require.ErrorIs(t, s.RunNow(w.As(w.User("bob")), "nonsense"), auth.ErrSuperuserRequired, "which tasks there are is for superusers to know")
	require.NoError(t, s.Work(t.Context()))
	require.Zero(t, runs())
	require.NoError(t, s.RunNow(w.As(w.Root), "weekly"))
	require.NoError(t, s.Work(t.Context()))
	require.Equal(t, 1, runs())
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where actor = 'root' and action = 'task.run' and object_id = 'weekly'`))
}

func TestSchedule_ATaskThatIsNotWholeEndsTheStart(t *testing.T) {
	t.Parallel()
	w := bench(t)
	good, _ := counting("good", week)
	bad, _ := counting("Bad Name", week)
	for _, tasks := range [][]schedule.Task{{bad}, {good, good}, {{Name: "idle", Every: week}}, {{Name: "never", Do: good.Do}}} {
		queue, err := jobs.New(w.DB, jobs.Config{Quick: true})
		require.NoError(t, err)
		_, err = schedule.New(w.DB, queue, w.Audit, schedule.Config{Manual: true}, tasks...)
		require.Error(t, err)
	}
}

func TestSchedule_WhatIsSaidIsCutToALength(t *testing.T) {
	t.Parallel()
	w := bench(t)
	task := schedule.Task{Name: "verbose", Every: week, AtOnce: true, Do: func(context.Context, *schedule.Run) (string, error) {
		return strings.Repeat("ä", 2000), apperr.New(apperr.Conflict, "x", strings.Repeat("ö", 2000))
	}}
	s := process(t, w, schedule.Config{}, task)
	require.NoError(t, s.Work(t.Context()))
	require.EqualValues(t, 1000, w.Int(`select length(last_summary) from scheduled_tasks`))
	require.EqualValues(t, 1000, w.Int(`select length(last_error) from scheduled_tasks`))
}
