package operations_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// What is cancelled before a worker got to it is retried, as a whole and once.
func TestSuite_CancelAndRetryUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		w.StartListening()
		c := w.Collection(w.Root)
		_, operation := w.Upload(w.Root, c, several(6)...)
		watched := watchOne(w, w.Root, *operation)
		cancelled := 0
		for _, err := range w.Race(4, func(int) error {
			_, err := w.Operations.Cancel(w.As(w.Root), *operation)
			return err
		}) {
			if err == nil {
				cancelled++
				continue
			}
			require.ErrorIs(t, err, operations.ErrEnded)
		}
		require.Equal(t, 1, cancelled)
		requireCancelled(t, w, c, w.Operation(*operation))
		require.InDelta(t, 6, w.Operation(*operation).Meta.Result["documents_left"], 0)
		require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'operation.cancel'`))
		watched.Until("operation_cancelled")
		watched.Nothing()

		retried := make([]documents.Retried, 3)
		var reset int64
		for i, err := range w.Race(len(retried), func(i int) (err error) {
			retried[i], err = w.Documents.RetryFailed(w.As(w.Root), c.ID)
			return err
		}) {
			require.NoError(t, err)
			require.Equal(t, retried[0].OperationID, retried[i].OperationID, "they join the first")
			reset += retried[i].Reset
		}
		require.EqualValues(t, 6, reset, "each document was taken by one of them")
		require.NoError(t, w.Worker.Start(t.Context()))
		o := w.AwaitOperation(*retried[0].OperationID)
		require.Equal(t, operations.TypeRetry, o.Type)
		require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
		require.EqualValues(t, 6, o.Meta.Progress.Done)
		require.EqualValues(t, 6, w.Read(c.ID).ChunkCount)
		require.EqualValues(t, 6, w.Int(`select sum(retry_count) from documents`), "each counts as one retry")
		require.Len(t, finds(t, w, c, "walrus"), 6)
	}, testworld.NoWorker())
}

// A reindex is started once, whoever asks at the same time, and ends once: by itself or
// by one of those who cancel it, whose cancellation then is what it says.
func TestSuite_ReindexAndCancelUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		w.StartListening()
		c := w.Collection(w.Root)
		docs := w.AddDocuments(c, prose(6)...)
		for round := range 4 {
			var started operations.Operation
			for _, err := range w.Race(3, func(int) error {
				o, err := w.Operations.Reindex(w.As(w.Root), c.ID, collections.ReindexInput{ChunkSize: new(200 + 50*round)})
				if err == nil {
					started = o
				}
				return err
			}) {
				if err != nil {
					require.ErrorIs(t, err, operations.ErrActive)
				}
			}
			watched := watchOne(w, w.Root, started.UUID)
			if round > 0 {
				_, err := w.Operations.Cancel(w.As(w.Root), started.UUID)
				require.True(t, err == nil || errors.Is(err, operations.ErrEnded), err)
				require.Equal(t, err == nil, w.AwaitOperation(started.UUID).Status == operations.StatusCancelled)
			}
			o := w.AwaitOperation(started.UUID)
			watched.Until("operation_" + string(o.Status))
			watched.Nothing()
			if round == 0 {
				require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
				require.InDelta(t, 6, o.Meta.Result["documents_reindexed"], 0)
				require.Equal(t, w.Read(c.ID).ChunkCount, o.Meta.Progress.Chunks, "each is cut once")
			}
			require.Equal(t, collections.StatusReady, w.Read(c.ID).Status)
			for _, d := range docs {
				require.Equal(t, documents.StatusCompleted, w.Document(c.ID, d.ID).Status)
			}
			w.CheckRules()
		}
		require.Len(t, finds(t, w, c, "walrus"), 6)
	})
}
