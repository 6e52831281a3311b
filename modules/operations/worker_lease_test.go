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
