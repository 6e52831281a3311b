package operations_test

import (
	"context"
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

// One worker, whose slices are shorter than a step, which looks around once.
func oneWorker(t *testing.T, more ...testworld.Option) *testworld.World {
	t.Helper()
	return testworld.New(t, append([]testworld.Option{
		testworld.Setting("WORKER_CONCURRENCY=1"), testworld.Setting("OPERATION_SLICE_SECONDS=0.01"), testworld.Setting("OPERATION_LEASE_SECONDS=3600"),
	}, more...)...)
}

func requireEndedBefore(t *testing.T, w *testworld.World, first, last uuid.UUID) {
	t.Helper()
	a, b := w.AwaitOperation(first), w.AwaitOperation(last)
	require.Equal(t, operations.StatusCompleted, a.Status, "%v", a.ErrorMessage)
	require.Equal(t, operations.StatusCompleted, b.Status, "%v", b.ErrorMessage)
	require.True(t, a.CompletedAt.Before(*b.CompletedAt), "%s, and then %s", a.CompletedAt, b.CompletedAt)
}

func TestFairness_AnUploadOfOneFileOvertakesABulkReindex(t *testing.T) {
	t.Parallel()
	w := oneWorker(t)
	bulk, small := w.Collection(w.Root), w.Collection(w.Root)
	w.AddDocuments(bulk, several(60)...)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	size := 100
	reindex, err := w.Operations.Reindex(w.As(w.Root), bulk.ID, collections.ReindexInput{ChunkSize: &size})
	require.NoError(t, err)
	reached(t, pause)
	_, upload := w.Upload(w.Root, small, several(1)...)
	pause.Resume()
	requireEndedBefore(t, w, *upload, reindex.UUID)
	o := w.Operation(reindex.UUID)
	require.GreaterOrEqual(t, o.Attempt, 2, "it let go once")
	require.EqualValues(t, 60, o.Meta.Result["documents_reindexed"])
	require.EqualValues(t, 60, o.Meta.Progress.Done)
}

func TestFairness_WhoHasManyOperationsKeepsNobodyWaitingWhoHasOne(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("WORKER_CONCURRENCY=1"))
	other := w.User("other")
	var many []uuid.UUID
	for range 15 {
		_, operation := w.Upload(w.Root, w.Collection(w.Root), several(1)...)
		many = append(many, *operation)
	}
	_, one := w.Upload(other, w.Collection(other), several(1)...)
	require.NoError(t, w.Worker.Start(t.Context()))
	requireEndedBefore(t, w, many[9], *one)
	requireEndedBefore(t, w, *one, many[11])
	requireEndedBefore(t, w, *one, many[14])
}

func TestFairness_ManySmallCollectionsAreDoneWhileALargeOneIsWorkedOn(t *testing.T) {
	t.Parallel()
	w := oneWorker(t)
	large := w.Collection(w.Root)
	var small []collections.Collection
	for range 8 {
		small = append(small, w.Collection(w.Root))
	}
	w.StartListening()
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	_, bulk := w.Upload(w.Root, large, several(80)...)
	watched := watchOne(w, w.Root, *bulk)
	reached(t, pause)
	var all []uuid.UUID
	for _, c := range small {
		_, upload := w.Upload(w.Root, c, several(2)...)
		all = append(all, *upload)
	}
	pause.Resume()
	for _, upload := range all {
		requireEndedBefore(t, w, upload, *bulk)
	}

	// Its slices have lost nothing and doubled nothing, and nobody has seen them.
	o := w.Operation(*bulk)
	require.EqualValues(t, 80, o.Meta.Progress.Done)
	require.EqualValues(t, 80, o.Meta.Progress.Total)
	require.EqualValues(t, 80, o.Meta.Progress.Chunks)
	require.EqualValues(t, 80, w.Read(large.ID).ChunkCount)
	require.Zero(t, o.Meta.Stalled)
	require.Nil(t, o.WaitsFor)
	for _, frame := range watched.Until("operation_completed")[1:] {
		require.NotEqual(t, "operation_started", frame.Type)
	}
	require.Zero(t, w.Int(`select count(*) from documents where lost_count > 0`))
}

// Two large ones take turns: neither waits for the end of the other, and a turn of
// another is neither a loss nor an interruption.
func TestFairness_EqualsTakeTurns(t *testing.T) {
	t.Parallel()
	w := oneWorker(t, testworld.NoWorker())
	var all []uuid.UUID
	var both []collections.Collection
	for range 2 {
		c := w.Collection(w.Root)
		_, operation := w.Upload(w.Root, c, several(100)...)
		both, all = append(both, c), append(all, *operation)
	}
	require.NoError(t, w.Worker.Start(t.Context()))
	for i, operation := range all {
		o := w.AwaitOperation(operation)
		require.Equal(t, operations.StatusCompleted, o.Status)
		require.EqualValues(t, 100, o.Meta.Progress.Done)
		require.EqualValues(t, 100, w.Read(both[i].ID).ChunkCount)
		require.Greater(t, o.Attempt, 1)
	}
	a, b := w.Operation(all[0]), w.Operation(all[1])
	require.True(t, b.StartedAt.Before(*a.CompletedAt), "the second one has not waited for the end of the first")
}

func TestFairness_WhoIsAloneIsNotInterrupted(t *testing.T) {
	t.Parallel()
	w := oneWorker(t)
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(60)...)
	require.Equal(t, 1, w.AwaitOperation(*operation).Attempt)
}

// The slices of an operation end in whichever process; none of them counts as lost.
func TestFairness_AnotherProcessThatGoesOnBlamesNoDocument(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(3)...)
	rows := operations.NewRepository(w.DB)
	for i := range operations.DefaultMaxAttempts + 3 {
		o, claimed, err := rows.Claim(t.Context(), *operation, fmt.Sprint("process ", i), time.Minute)
		require.NoError(t, err)
		require.True(t, claimed)
		left, err := documents.NewRepository(w.DB).ClaimWaiting(t.Context(), w.Scope(c.ID), 1)
		require.NoError(t, err)
		require.LessOrEqual(t, len(left), 1, "a document in the middle")
		require.NoError(t, rows.Yield(t.Context(), o))
		w.CheckRules()
		o = w.Operation(*operation)
		require.Equal(t, operations.StatusProcessing, o.Status, "clients see no difference")
		require.Equal(t, operations.WaitTurn, *o.WaitsFor)
	}
	require.NoError(t, w.Worker.Answer(t.Context(), *operation))
	o := w.Operation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
	require.EqualValues(t, 3, w.Read(c.ID).ChunkCount)
	require.Zero(t, w.Int(`select count(*) from documents where lost_count > 0`))
}

// One that is killed after a turn of others was lost all the same.
func TestFairness_AWorkerThatIsLostAfterATurnIsLost(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(3)...)
	rows, docs := operations.NewRepository(w.DB), documents.NewRepository(w.DB)
	o, _, err := rows.Claim(t.Context(), *operation, "one", time.Minute)
	require.NoError(t, err)
	require.NoError(t, rows.Yield(t.Context(), o))
	_, claimed, err := rows.Claim(t.Context(), *operation, "killed", time.Minute)
	require.NoError(t, err)
	require.True(t, claimed)
	left, err := docs.ClaimWaiting(t.Context(), w.Scope(c.ID), 1)
	require.NoError(t, err)
	lapse(w)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	done := make(chan error, 1)
	go func() { done <- w.Worker.Answer(context.WithoutCancel(t.Context()), *operation) }()
	reached(t, pause)
	require.EqualValues(t, 1, w.Int(`select lost_count from documents where id = $1`, left[0].ID))
	pause.Resume()
	require.NoError(t, <-done)
}

// A bell that hangs is not hung again, and one that is lost is.
func TestFairness_ALostBellOfATurnIsFound(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(1)...)
	rows := operations.NewRepository(w.DB)
	o, _, err := rows.Claim(t.Context(), *operation, "one", time.Minute)
	require.NoError(t, err)
	require.NoError(t, rows.Yield(t.Context(), o))
	require.NoError(t, w.Worker.Look(t.Context()))
	bells := func() int64 {
		return w.Int(`select count(*) from river.river_job where args ->> 'operation_id' = $1`, operation.String())
	}
	require.EqualValues(t, 1, bells())
	w.Exec(`delete from river.river_job`)
	require.NoError(t, w.Worker.Look(t.Context()))
	require.EqualValues(t, 1, bells())
	require.EqualValues(t, 2, w.Int(`select priority from river.river_job where id = $1`, *w.Operation(*operation).TaskID), "behind those that have had no turn")
}

func TestFairness_WhatWasPassedOverForAMinuteGoesFirst(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	var reindexes []operations.Operation
	size := 100
	for range 3 {
		o, err := w.Operations.Reindex(w.As(w.Root), w.Collection(w.Root).ID, collections.ReindexInput{ChunkSize: &size})
		require.NoError(t, err)
		reindexes = append(reindexes, w.Operation(o.UUID))
	}
	priority := func(i int) int64 {
		return w.Int(`select priority from river.river_job where id = $1`, *reindexes[i].TaskID)
	}
	require.NoError(t, w.Worker.Look(t.Context()))
	require.Equal(t, []int64{3, 3, 3}, []int64{priority(0), priority(1), priority(2)})
	for i, seconds := range []int{70, 90, 50} {
		w.Exec(`update river.river_job set scheduled_at = now() - $2 * interval '1 second' where id = $1`, *reindexes[i].TaskID, seconds)
	}
	require.NoError(t, w.Worker.Look(t.Context()))
	require.Equal(t, []int64{3, 1, 3}, []int64{priority(0), priority(1), priority(2)}, "one with each look")
	require.NoError(t, w.Worker.Look(t.Context()))
	require.NoError(t, w.Worker.Look(t.Context()))
	require.Equal(t, []int64{1, 1, 3}, []int64{priority(0), priority(1), priority(2)})
}
