package operations_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/testworld"
)

// continuous makes a collection that is synchronised by itself, with one folder.
func continuous(t *testing.T, w *testworld.World, d disk) collections.Collection {
	t.Helper()
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	d.addSource(w, c, nil)
	mode, minutes := collections.SyncContinuous, 15
	c, err := w.Collections.Update(w.As(w.Root), c.ID, collections.UpdateInput{SyncMode: &mode, SyncIntervalMinutes: &minutes})
	require.NoError(t, err)
	return c
}

func TestSync_OverHTTP(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting(), testworld.NoWorker())
	c := w.Collection(w.Root)
	path := "/api/v2/collections/" + c.ID.String() + "/sync"
	call := func(name, method, route string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: method, URL: path + route, Status: status, Has: has}
	}
	w.HTTP(t,
		call("without a source", http.MethodPost, "/run", 409, "no_sources"),
		call("it is not continuous", http.MethodPost, "/pause", 400, "sync_not_continuous"),
		call("nor paused", http.MethodPost, "/resume", 400, "sync_not_continuous"),
	)
	d.write("a.txt", "A walrus.")
	operation := d.startSource(w, c, nil)
	w.HTTP(t, call("while an operation is active", http.MethodPost, "/run", 409, "collection_wrong_status"))
	require.NoError(t, w.Worker.Start(t.Context()))
	w.AwaitOperation(operation)
	w.HTTP(t,
		call("a run", http.MethodPost, "/run", 202, `"triggered_by":"manual"`, `"status":"running"`, `"expected_sources":1`, `"completed_at":null`),
		call("one at a time", http.MethodPost, "/run", 409),
	)
	w.AwaitQuiet()
	w.HTTP(t,
		call("the runs", http.MethodGet, "/runs", 200, `"total":1`, `"status":"success"`, `"completed_sources":1`, `"offset":0`, `"limit":50`),
		testworld.Scenario{Name: "the collection", As: &w.Root, URL: "/api/v2/collections/" + c.ID.String(), Status: 200,
			Has: []string{`"sync_last_run_status":"success"`, `"sync_last_run_completed_at":"`, `"sync_last_error":null`, `"sync_next_run_at":null`}},
	)
}

func TestSync_WhatIsDueIsRunOnceAndThenAgainInItsInterval(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := continuous(t, w, d)
	d.write("b.txt", "A heron.")
	other := testworld.New(t, testworld.On(w), d.setting()) // after a restart, or beside it
	started := make([]int, 6)
	for _, err := range w.Race(len(started), func(i int) (err error) {
		process := []*testworld.World{w, other}[i%2]
		started[i], err = process.Collections.SyncDue(t.Context())
		return err
	}) {
		require.NoError(t, err)
	}
	total := 0
	for _, n := range started {
		total += n
	}
	require.Equal(t, 1, total, "no source is read twice at once")
	w.AwaitQuiet()
	d.requireAsOnDisk(w, c)
	now := w.Read(c.ID)
	require.Equal(t, collections.RunSuccess, *now.SyncLastRunStatus)
	require.NotNil(t, now.SyncNextRunAt)
	again, err := w.Collections.SyncDue(t.Context())
	require.NoError(t, err)
	require.Zero(t, again, "it is not due yet")
	require.EqualValues(t, 1, w.Int(`select count(*) from sync_runs where triggered_by = 'scheduler' and status = 'success'`))

	w.Exec(`update collections set sync_next_run_at = now() - interval '1 minute'`)
	again, err = w.Collections.SyncDue(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, again)
	w.AwaitQuiet()
}

func TestSync_APausedCollectionIsLeftAloneAndAResumedOneIsDueAtOnce(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := continuous(t, w, d)
	paused, err := w.Collections.PauseSync(w.As(w.Root), c.ID)
	require.NoError(t, err)
	require.NotNil(t, paused.SyncPausedAt)
	started, err := w.Collections.SyncDue(t.Context())
	require.NoError(t, err)
	require.Zero(t, started)
	resumed, err := w.Collections.ResumeSync(w.As(w.Root), c.ID)
	require.NoError(t, err)
	require.Nil(t, resumed.SyncPausedAt)
	again, err := w.Collections.ResumeSync(w.As(w.Root), c.ID)
	require.NoError(t, err)
	require.Equal(t, resumed.UpdatedAt, again.UpdatedAt, "resuming twice changes nothing")
	started, err = w.Collections.SyncDue(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, started)
	w.AwaitQuiet()
}

func TestSync_ABusyCollectionComesAgainInAMinute(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := continuous(t, w, d)
	require.NoError(t, w.Worker.Stop(t.Context()))
	w.Upload(w.Root, c, testworld.File{Path: "up.txt", Content: "A gull."})
	started, err := w.Collections.SyncDue(t.Context())
	require.NoError(t, err)
	require.Zero(t, started)
	require.EqualValues(t, 1, w.Int(`select count(*) from collections where sync_next_run_at between now() + interval '30 seconds' and now() + interval '1 minute'`))
	require.Zero(t, w.Int(`select count(*) from sync_runs`))
}

func TestSync_ARunWhoseOperationIsCancelledHasFailed(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := continuous(t, w, d)
	require.NoError(t, w.Worker.Stop(t.Context()))
	_, err := w.Collections.SyncNow(w.As(w.Root), c.ID)
	require.NoError(t, err)
	ops, _, err := operations.NewRepository(w.DB).List(t.Context(), operations.Filter{CollectionID: c.ID}, onePage)
	require.NoError(t, err)
	_, err = w.Operations.Cancel(w.As(w.Root), ops[0].UUID)
	require.NoError(t, err)
	runs, _, err := w.Collections.SyncRuns(w.As(w.Root), c.ID, onePage)
	require.NoError(t, err)
	require.Equal(t, collections.RunFailed, runs[0].Status)
	require.Contains(t, *runs[0].ErrorSummary, "cancelled")
	require.Equal(t, collections.RunFailed, *w.Read(c.ID).SyncLastRunStatus)
	w.CheckRules()
}

func TestSync_AnotherIntervalCountsFromTheLastRunOn(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := continuous(t, w, d)
	set := func(minutes int) {
		t.Helper()
		_, err := w.Collections.Update(w.As(w.Root), c.ID, collections.UpdateInput{SyncIntervalMinutes: &minutes})
		require.NoError(t, err)
	}
	next := func() float64 {
		t.Helper()
		return testworld.Value[float64](w, `select extract(epoch from sync_next_run_at - sync_last_run_started_at)::float8 / 60 from collections`)
	}
	set(collections.MaxSyncInterval)
	require.EqualValues(t, 1, w.Int(`select count(*) from collections where sync_next_run_at is null`), "there was no run yet: it is due")
	syncNow(t, w, c)
	require.InDelta(t, collections.MaxSyncInterval, next(), 0)
	set(15)
	require.InDelta(t, 15, next(), 0)
	set(60)
	require.InDelta(t, 60, next(), 0)
}

func TestSync_ARunByHandDoesNotMakeAPausedCollectionDue(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := continuous(t, w, d)
	_, err := w.Collections.PauseSync(w.As(w.Root), c.ID)
	require.NoError(t, err)
	syncNow(t, w, c)
	require.Equal(t, collections.RunSuccess, *w.Read(c.ID).SyncLastRunStatus)
	require.Nil(t, w.Read(c.ID).SyncNextRunAt)
}

// A hundred are looked at each time, those that are due for longest.
func TestSync_ACollectionOnWhichNoRunCanBeStartedMakesRoomForOthers(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	continuous(t, w, d)
	w.Exec(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no run'; end $$`)
	w.Exec(`create trigger refuse before insert on sync_runs execute function refuse()`)
	_, err := w.Collections.SyncDue(t.Context())
	require.ErrorContains(t, err, "no run")
	w.Exec(`drop function refuse cascade`)
	require.EqualValues(t, 1, w.Int(`select count(*) from collections where sync_next_run_at between now() + interval '30 seconds' and now() + interval '1 minute'`))
}

func TestSync_WhatReadersAreToldNamesNoFiles(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting(), testworld.Setting("MAX_UPLOAD_BYTES=1024"))
	c := w.Collection(w.Root, testworld.Public())
	d.write("secret plans.txt", strings.Repeat("x", 2000))
	d.write("a.txt", "A walrus.")
	d.addSource(w, c, nil)
	syncNow(t, w, c)
	bob := w.User("bob")
	url := "/api/v2/collections/" + c.ID.String()
	w.HTTP(t,
		testworld.Scenario{Name: "a reader", As: &bob, URL: url, Status: 200, HasNot: []string{"secret plans"}, Has: []string{
			`"sync_last_error":"1 of 1 sources could be read only in part, and 0 not at all. The run has the reasons."`,
		}},
		testworld.Scenario{Name: "the list", As: &bob, URL: "/api/v2/collections", Status: 200, HasNot: []string{"secret plans"}},
		testworld.Scenario{Name: "who may write", As: &w.Root, URL: url + "/sync/runs", Status: 200, Has: []string{"secret plans.txt: The file is larger"}},
	)
}
