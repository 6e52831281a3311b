package schedule_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/jobs"
	"semantik/platform/schedule"
	"semantik/testworld"
)

// Of two servers one is elected, and rings; either does what is due, once.
func TestSchedule_TheClockRingsInOneOfTwoServersAndATaskIsDoneOnceEachTime(t *testing.T) {
	t.Parallel()
	w := bench(t)
	worlds := []*testworld.World{w, bench(t, testworld.On(w))}
	task, runs := counting("often", week)
	task.AtOnce = true
	for _, world := range worlds {
		queue, err := jobs.New(world.DB, jobs.Config{Quick: true})
		require.NoError(t, err)
		s, err := schedule.New(world.DB, queue, world.Audit, schedule.Config{LookEvery: time.Second}, task)
		require.NoError(t, err)
		require.NoError(t, queue.Start(t.Context()))
		t.Cleanup(func() {
			s.Stop()
			require.NoError(t, queue.Stop(context.Background()))
		})
	}
	done := func() int64 {
		return w.Int(`select count(*) from scheduled_tasks where last_status = 'ok' and next_due_at > now()`)
	}
	for n := 1; n <= 3; n++ {
		w.Await("it was done", func() bool { return done() == 1 })
		require.Equal(t, n, runs())
		pass(w, week)
	}
	w.Await("and once more", func() bool { return done() == 1 })
}

func TestTasks_AreListedAndDoneByTheServerWhenASuperuserAsks(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	root := "Bearer " + w.Token(w.Root)
	list := testworld.Scenario{Method: http.MethodGet, URL: "/api/v2/system/tasks", Token: root, Status: http.StatusOK}
	before := w.Request(list)
	for _, name := range []string{"audit-log", "analyze", "recount", "bin", "operations", "expired"} {
		require.Contains(t, before.Body, `"name":"`+name+`"`)
	}
	require.Contains(t, before.Body, `"last_started_at":null,"last_completed_at":null,"last_status":null,"last_summary":null,"last_error":null,"next_due_at":null,"running":false`)
	answer := w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/v2/system/tasks/recount/run", Token: root, Status: http.StatusAccepted})
	require.JSONEq(t, `{"name": "recount", "status": "due"}`, answer.Body)
	w.Await("it was done", func() bool {
		return w.Int(`select count(*) from scheduled_tasks where name = 'recount' and last_status = 'ok'`) == 1
	})
	require.Contains(t, w.Request(list).Body, `"last_summary":"Collections counted: 0; corrected: 0."`)
	w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/v2/system/tasks/nonsense/run", Token: root, Status: http.StatusNotFound})
	w.Await("the others are done", func() bool { return w.Int(`select count(*) from scheduled_tasks where lease_until is not null`) == 0 })
	w.Exec(`update scheduled_tasks set holder = gen_random_uuid(), lease_until = now() + interval '1 minute' where name = 'bin'`)
	busy := w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/v2/system/tasks/bin/run", Token: root, Status: http.StatusConflict})
	require.Contains(t, busy.Body, "task_running")
	require.Contains(t, w.Request(list).Body, `"running":true`)
}

func TestTasks_NoneRunsByItselfInATest(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	w.AddDocuments(w.Collection(w.Root), testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	require.Zero(t, w.Int(`select count(*) from scheduled_tasks`))
	require.Zero(t, w.Int(`select count(*) from river.river_job where kind = 'scheduled_tasks'`))
}
