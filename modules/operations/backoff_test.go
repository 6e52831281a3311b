package operations_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// The errors that a statement may meet.
const (
	passes  = "57014" // it took longer than a statement may
	unknown = "XX000"
)

// fails has the database answer with the error whenever a document is taken up, or
// deleted.
func fails(w *testworld.World, code string) {
	w.Exec(`create or replace function fail() returns trigger language plpgsql as $$
begin raise exception 'injected by a test' using errcode = '` + code + `'; end $$`)
	w.Exec(`create or replace trigger fail before update or delete on documents for each row execute function fail()`)
}

func recovers(w *testworld.World) { w.Exec(`drop trigger fail on documents`) }

// pauses answers the bell some times, and gives the pauses in seconds that follow.
func pauses(t *testing.T, w *testworld.World, operation uuid.UUID, times int) []float64 {
	t.Helper()
	var all []float64
	for range times {
		require.NoError(t, w.Worker.Answer(t.Context(), operation))
		o := w.Operation(operation)
		require.Equal(t, operations.StatusProcessing, o.Status, "%v", o.ErrorMessage)
		require.Equal(t, operations.WaitRetry, *o.WaitsFor)
		require.EqualValues(t, 1, w.Int(`select count(*) from river.river_job where id = $1 and state = 'scheduled'
and abs(extract(epoch from scheduled_at - $2)) < 0.5`, *o.TaskID, *o.LeaseUntil), "its bell rings when the pause is over")
		all = append(all, testworld.Value[float64](w, `select extract(epoch from lease_until - now())::float8 from operations where uuid = $1`, operation))
		w.CheckRules()
	}
	return all
}

func requirePauses(t *testing.T, want, got []float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.LessOrEqual(t, got[i], want[i])
		require.Greater(t, got[i], want[i]*3/4-1, "a quarter is left out, and a moment has gone by")
	}
}

func TestBackOff_GrowsFourfoldUpToFiveMinutes(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for attempts := range 9 {
		all = append(all, operations.PauseAfter(attempts, 0))
	}
	const s = time.Second
	require.Equal(t, []time.Duration{s, s, 4 * s, 16 * s, 64 * s, 256 * s, 300 * s, 300 * s, 300 * s}, all)
	require.Equal(t, 225*s, operations.PauseAfter(1_000_000, 1))
	require.Equal(t, 750*time.Millisecond, operations.PauseAfter(1, 1))
}

func TestBackOff_AnErrorThatPassesIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry(), testworld.Setting("OPERATION_MAX_ATTEMPTS=2"))
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(3)...)
	fails(w, passes)
	requirePauses(t, []float64{1, 4, 16, 64}, pauses(t, w, *operation, 4))
	require.NoError(t, w.Worker.Look(t.Context()))
	require.EqualValues(t, 1, w.Int(`select count(*) from river.river_job where args ->> 'operation_id' = $1 and state = 'scheduled' and id = $2`,
		operation.String(), *w.Operation(*operation).TaskID), "nobody rings before")
	recovers(w)
	require.NoError(t, w.Worker.Answer(t.Context(), *operation))
	o := w.Operation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status, "more often than a worker may be lost")
	require.EqualValues(t, 3, o.Meta.Progress.Done)
	require.Zero(t, o.Meta.Interrupted)
}

// Half an hour of the same error is no error that passes.
func TestBackOff_AnErrorThatDoesNotPassEndsTheOperation(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(3)...)
	fails(w, passes)
	pauses(t, w, *operation, operations.MaxInterrupted)
	recovers(w)
	require.NoError(t, w.Worker.Answer(t.Context(), *operation))
	o := w.Operation(*operation)
	require.Equal(t, operations.StatusFailed, o.Status)
	require.Contains(t, *o.ErrorMessage, "interrupted 10 times in a row")
	w.CheckRules()
}

func TestBackOff_AnUnknownErrorIsTriedAgainSomeTimes(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry(), testworld.Setting("OPERATION_MAX_ATTEMPTS=3"))
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, several(3)...)
	fails(w, unknown)
	requirePauses(t, []float64{1, 4}, pauses(t, w, *operation, 2))
	// Ending it puts the documents away, which has to be possible.
	w.Exec(`create or replace function fail() returns trigger language plpgsql as $$
begin
  if new.status = 'processing' then raise exception 'injected by a test' using errcode = 'XX000'; end if;
  return new;
end $$`)
	require.NoError(t, w.Worker.Answer(t.Context(), *operation))
	o := w.Operation(*operation)
	require.Equal(t, operations.StatusFailed, o.Status)
	require.Equal(t, 3, o.Attempt)
	require.Contains(t, *o.ErrorMessage, "log has the reason")
	d := w.Document(c.ID, results[0].Document.ID)
	require.Equal(t, documents.StatusFailed, d.Status)
	require.Equal(t, documents.CategoryTransient, *d.ErrorCategory)
}

func TestBackOff_APermanentErrorIsNotRetried(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, testworld.File{Path: "picture.png", Content: "\x89PNG\r\n\x1a\n"})
	o := w.AwaitOperation(*operation)
	require.Equal(t, operations.StatusFailed, o.Status)
	require.Equal(t, 1, o.Attempt)
}

func TestBackOff_APurgeGoesOnForEver(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"an error that passes": passes, "an unknown one": unknown} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry(), testworld.Setting("OPERATION_MAX_ATTEMPTS=1"), testworld.Setting("PURGE_ROWS=1000000"))
			c := small(w)
			purge := w.Delete(c)
			fails(w, code)
			requirePauses(t, []float64{1, 4, 16, 64, 256, 300, 300, 300}, pauses(t, w, purge, 8))
			recovers(w)
			require.NoError(t, w.Worker.Answer(t.Context(), purge))
			require.Equal(t, operations.StatusCompleted, w.Operation(purge).Status)
			require.Empty(t, w.Left(c.ID))
		})
	}
}
