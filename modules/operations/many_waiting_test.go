package operations_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// manyWaiting are more documents than one transaction gives up, or lets wait again.
const manyWaiting = 4500

// queueMany lets an operation of the collection have very many documents that wait, which
// come from nowhere and cannot be read.
func queueMany(t *testing.T, w *testworld.World, c collections.Collection) operations.Operation {
	t.Helper()
	_, operation := w.Upload(w.Root, c, several(1)...)
	w.Exec(`
insert into documents (collection_id, source_id, partition_key, file_path, file_name, file_size, content_hash)
select collection_id, source_id, partition_key, n || '.txt', n || '.txt', 10, encode(sha256(n::text::bytea), 'hex')
from documents, generate_series(2, $2::int) n
where collection_id = $1`, c.ID, manyWaiting)
	w.Exec(`update collections set document_count = $2, total_size_bytes = (select sum(file_size) from documents where collection_id = $1) where id = $1`, c.ID, manyWaiting)
	return w.Operation(*operation)
}

// requireGivenUp looks at what became of the documents, and at the transactions in which.
func requireGivenUp(t *testing.T, w *testworld.World, c collections.Collection, sent []testworld.Statement) {
	t.Helper()
	require.EqualValues(t, manyWaiting, w.Int(`select count(*) from documents where collection_id = $1 and status = 'failed' and error_category = 'transient'`, c.ID))
	parts := 0
	for _, s := range sent {
		if strings.Contains(s.SQL, "error_category = 'transient'") && strings.Contains(s.SQL, "skip locked") {
			parts++
		}
	}
	require.Equal(t, 2, parts, "and the rest with the end")
}

func TestCancel_OfVeryManyDocumentsThatWaitIsDoneByParts(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	o := queueMany(t, w, c)
	sent := w.Trace.Record(func() {
		var err error
		o, err = w.Operations.Cancel(w.As(w.Root), o.UUID)
		require.NoError(t, err)
	})
	requireCancelled(t, w, c, o)
	require.InDelta(t, manyWaiting, o.Meta.Result["documents_left"], 0)
	requireGivenUp(t, w, c, sent)
}

// From the first part on the worker has lost the operation, or it would go on with the
// documents that wait still.
func TestCancel_WhoWorksOnItHasLostItWithTheFirstPart(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease))
	c := w.Collection(w.Root)
	o := queueMany(t, w, c)
	rows := operations.NewRepository(w.DB)
	held, claimed, err := rows.Claim(t.Context(), o.UUID, "worker", time.Hour)
	require.NoError(t, err)
	require.True(t, claimed)
	pause := w.Trace.PauseAt("skip locked")
	t.Cleanup(pause.Resume)
	cancelled := make(chan error, 1)
	go func() {
		_, err := w.Operations.Cancel(w.As(w.Root), o.UUID)
		cancelled <- err
	}()
	reached(t, pause)
	second := w.Trace.PauseAt("skip locked")
	t.Cleanup(second.Resume)
	pause.Resume()
	reached(t, second)
	require.Error(t, rows.Renew(testworld.Beside(t.Context()), held, time.Minute))
	require.Equal(t, operations.StatusProcessing, w.Operation(o.UUID).Status, "it is not said to be cancelled before it is")
	second.Resume()
	require.NoError(t, <-cancelled)
	requireCancelled(t, w, c, w.Operation(o.UUID))
}

// Whoever cancels is killed in the middle: it was not acknowledged.
func TestCancel_BrokenOffBetweenTwoPartsTheOperationGoesOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease))
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(3)...)
	require.NoError(t, operations.NewRepository(w.DB).Seize(t.Context(), *operation, "cancelled by nobody", time.Millisecond))
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status)
	require.EqualValues(t, 3, w.Read(c.ID).ChunkCount)
	require.ErrorIs(t, operations.NewRepository(w.DB).Seize(t.Context(), *operation, "too late", time.Minute), operations.ErrEnded)
}

func TestFail_WithVeryManyDocumentsThatWaitIsDoneByParts(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	o := queueMany(t, w, c)
	w.Exec(`update operations set meta = '{"stalled": 9}' where uuid = $1`, o.UUID)
	sent := w.Trace.Record(func() {
		require.NoError(t, w.Worker.Start(t.Context()))
		o = w.AwaitOperation(o.UUID)
	})
	require.Equal(t, operations.StatusFailed, o.Status)
	require.Contains(t, *o.ErrorMessage, "The worker was lost")
	require.Equal(t, collections.StatusError, w.Read(c.ID).Status)
	requireGivenUp(t, w, c, sent)
	w.CheckRules()
}

func TestRetryFailed_OfVeryManyIsDoneByParts(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	o := queueMany(t, w, c)
	_, err := w.Operations.Cancel(w.As(w.Root), o.UUID)
	require.NoError(t, err)
	var retried documents.Retried
	sent := w.Trace.Record(func() {
		retried, err = w.Documents.RetryFailed(w.As(w.Root), c.ID)
		require.NoError(t, err)
	})
	require.EqualValues(t, manyWaiting, retried.Reset)
	require.EqualValues(t, manyWaiting, retried.Pending)
	require.NotNil(t, retried.OperationID)
	parts := 0
	for _, s := range sent {
		if strings.Contains(s.SQL, "retry_count = retry_count + 1") {
			parts++
		}
	}
	require.Equal(t, 3, parts)
	require.EqualValues(t, 2, w.Int(`select count(*) from operations where type in ('append', 'retry_documents')`), "one operation works on them")
}
