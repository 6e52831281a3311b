package operations_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/operations"
	"semantik/platform/jobs"
	"semantik/testworld"
)

// Its job was fetched a moment ago, as River sees it: the lease alone says how long it is
// waited for.
func TestWorker_OneThatIsKilledIsMissedAfterItsLeaseAndNotLater(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease))
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(2)...)
	_, claimed, err := operations.NewRepository(w.DB).Claim(t.Context(), *operation, "killed", time.Second)
	require.NoError(t, err)
	require.True(t, claimed)
	w.Exec(`update river.river_job set state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{killed}'`)
	began := time.Now()
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status)
	require.Less(t, time.Since(began), jobs.StartGrace/2)
}

// It had fetched the job, and was killed before it claimed the operation.
func TestWorker_OneThatIsKilledBeforeItsClaimIsMissedAsSoon(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease))
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(2)...)
	w.Exec(`update river.river_job set state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{killed}'`)
	began := time.Now()
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status)
	require.Less(t, time.Since(began), jobs.StartGrace/2)
}

// Two real workers again: the first has done everything, and is held just before it says
// so, until the second has.
func TestWorker_ALateEndEndsNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("OPERATION_LEASE_SECONDS=3600"))
	c := w.Collection(w.Root)
	step := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(step.Resume)
	_, operation := w.Upload(w.Root, c, several(1)...)
	reached(t, step)
	end := w.Trace.PauseAt(lockOfACollection)
	t.Cleanup(end.Resume)
	step.Resume()
	reached(t, end)
	require.EqualValues(t, 1, w.Read(c.ID).ChunkCount)

	second := testworld.New(t, testworld.On(w), testworld.Setting(quickLease))
	second.Root = w.Root
	second.StartListening()
	watched := watchOne(second, w.Root, *operation)
	second.Exec(`update river.river_job set attempted_at = now() - interval '1 minute' where state = 'running'`)
	lapse(second)
	o := second.AwaitOperation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.Equal(t, 2, o.Attempt)
	before := second.Snapshot()
	end.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()), "the first one ends")
	require.Empty(t, before.Changed(second.Snapshot()))
	watched.Until("operation_completed")
	watched.Nothing()
}
