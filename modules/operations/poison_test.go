package operations_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

func TestWorker_ADocumentThatBringsItDownTimeAndAgainFailsAlone(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease), testworld.Setting("OPERATION_MAX_ATTEMPTS=2"))
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, several(3)...)
	dieOften(t, w, *operation)
	_, err := documents.NewRepository(w.DB).ClaimWaiting(t.Context(), w.Scope(c.ID), 1)
	require.NoError(t, err)
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status, "the rest goes on")
	now := w.Read(c.ID)
	require.Equal(t, collections.StatusReady, now.Status)
	require.EqualValues(t, 2, now.ChunkCount)
	first := w.Document(c.ID, results[0].Document.ID)
	require.Equal(t, documents.StatusFailed, first.Status)
	require.Contains(t, *first.ErrorMessage, "2 times")
	require.Equal(t, documents.CategoryUnknown, *first.ErrorCategory)
	w.CheckRules()
}

// The first loss is anybody's who was being worked on; the second is the document's
// that was worked on alone.
func TestWorker_ADocumentThatBringsItDownTwiceFailsAlone(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease))
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, several(5)...)
	rows, docs := operations.NewRepository(w.DB), documents.NewRepository(w.DB)
	scope := w.Scope(c.ID)
	for kill, atOnce := range []int{3, 1} {
		_, claimed, err := rows.Claim(t.Context(), *operation, fmt.Sprint("killed ", kill), time.Minute)
		require.NoError(t, err)
		require.True(t, claimed)
		require.NoError(t, docs.Release(t.Context(), scope, kill > 0))
		if kill > 0 { // those that nobody was lost over come first
			for range 2 {
				d, err := docs.ClaimWaiting(t.Context(), scope, 1)
				require.NoError(t, err)
				require.Zero(t, d[0].LostCount)
				require.NoError(t, docs.Fail(t.Context(), scope, d[0], "It is empty.", documents.CategoryPermanent))
			}
		}
		left, err := docs.ClaimWaiting(t.Context(), scope, 3)
		require.NoError(t, err)
		require.Len(t, left, atOnce, "a suspect is worked on alone")
		lapse(w)
	}
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status, "the rest goes on")
	require.EqualValues(t, 2, w.Read(c.ID).ChunkCount)
	poison := w.Document(c.ID, results[0].Document.ID)
	require.Equal(t, documents.StatusFailed, poison.Status)
	require.Contains(t, *poison.ErrorMessage, "lost 2 times in a row")
	require.Equal(t, documents.CategoryUnknown, *poison.ErrorCategory)
	for _, innocent := range results[1:3] {
		d := w.Document(c.ID, innocent.Document.ID)
		require.Equal(t, documents.StatusCompleted, d.Status)
		require.Zero(t, d.LostCount, "what is done is no suspect")
	}
	w.CheckRules()
}

func TestWorker_AnOperationThatGetsNowhereFails(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease), testworld.Setting("OPERATION_MAX_ATTEMPTS=2"))
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, several(3)...)
	dieOften(t, w, *operation) // before a document was touched
	require.NoError(t, w.Worker.Start(t.Context()))
	o := w.AwaitOperation(*operation)
	require.Equal(t, operations.StatusFailed, o.Status)
	require.Contains(t, *o.ErrorMessage, "2 times")
	now := w.Read(c.ID)
	require.Equal(t, collections.StatusError, now.Status)
	require.Equal(t, *o.ErrorMessage, *now.StatusMessage)
	left := w.Document(c.ID, results[1].Document.ID)
	require.Equal(t, documents.StatusFailed, left.Status, "nothing waits for an operation that is over")
	require.Equal(t, documents.CategoryTransient, *left.ErrorCategory)
	w.CheckRules()

	retried, err := w.Documents.RetryFailed(w.As(w.Root), c.ID)
	require.NoError(t, err)
	require.EqualValues(t, 3, retried.Reset)
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*retried.OperationID).Status)
	require.EqualValues(t, 3, w.Read(c.ID).ChunkCount)
}

// dieOften lets workers take the operation and be lost, as often as they may.
func dieOften(t *testing.T, w *testworld.World, operation uuid.UUID) {
	t.Helper()
	for range 2 {
		_, claimed, err := operations.NewRepository(w.DB).Claim(t.Context(), operation, "killed", time.Minute)
		require.NoError(t, err)
		require.True(t, claimed)
		lapse(w)
	}
}
