package operations_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// firstOfAStep is the statement with which the transaction of a document begins.
const firstOfAStep = "delete from chunk_search"

func several(n int) []testworld.File {
	var files []testworld.File
	for i := range n {
		files = append(files, testworld.File{Path: fmt.Sprintf("%d.txt", i), Content: fmt.Sprintf("Walrus number %d.", i)})
	}
	return files
}

// A worker that was killed leaves a claim and documents in the middle.
func TestWorker_AnotherTakesUpWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease))
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(5)...)
	rows := operations.NewRepository(w.DB)
	dead, claimed, err := rows.Claim(t.Context(), *operation, "killed", time.Minute)
	require.NoError(t, err)
	require.True(t, claimed)
	left, err := documents.NewRepository(w.DB).ClaimWaiting(t.Context(), w.Scope(c.ID), 2)
	require.NoError(t, err)
	require.Len(t, left, 2)
	w.Exec(`delete from river.river_job`) // its job was in its hands
	_, again, err := rows.Claim(t.Context(), *operation, "too early", time.Minute)
	require.NoError(t, err)
	require.False(t, again, "as long as the lease lasts it is the other's")

	lapse(w)
	require.NoError(t, w.Worker.Start(t.Context()))
	o := w.AwaitOperation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.Equal(t, 2, o.Attempt)
	require.EqualValues(t, 5, o.Meta.Progress.Done)
	require.EqualValues(t, 5, w.Read(c.ID).ChunkCount)

	// The killed one turns out to have been asleep, and goes on.
	before := w.Snapshot()
	err = w.DB.InTx(t.Context(), func(ctx context.Context) error {
		scope := w.Scope(c.ID)
		n, err := chunks.NewRepository(w.DB).CreateChunksBulk(ctx, chunks.Batch{Scope: scope, Rows: func(yield func(chunks.NewChunk) bool) {
			yield(chunks.NewChunk{DocumentID: &left[0].ID, ChunkIndex: 1, Content: "late"})
		}})
		require.NoError(t, err)
		require.NoError(t, collections.NewRepository(w.DB).AddCounts(ctx, scope, collections.Counts{Chunks: n}))
		_, err = rows.Advance(ctx, dead, time.Minute, operations.Progress{Done: 1}, true)
		return err
	})
	require.Error(t, err)
	require.Error(t, rows.Renew(t.Context(), dead, time.Minute))
	require.Error(t, rows.HandBack(t.Context(), dead))
	require.Error(t, rows.Finish(t.Context(), dead, operations.StatusFailed, nil, nil))
	require.Empty(t, before.Changed(w.Snapshot()), "its late step left nothing")
}

// Two real workers: the first is held in the middle of a step until the second
// has done everything.
func TestWorker_ALateStepRollsBack(t *testing.T) {
	t.Parallel()
	// Its lease is so long that it renews none while it is held.
	w := testworld.New(t, testworld.Setting("OPERATION_LEASE_SECONDS=3600"))
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	// A single document: others are worked on beside it, and would hold the lease.
	_, operation := w.Upload(w.Root, c, several(1)...)
	reached(t, pause)
	second := testworld.New(t, testworld.On(w), testworld.Setting(quickLease))
	second.Exec(`update river.river_job set attempted_at = now() - interval '1 minute' where state = 'running'`)
	lapse(second)
	o := second.AwaitOperation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.Equal(t, 2, o.Attempt)
	before := second.Snapshot()
	pause.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()), "the first one ends")
	require.Empty(t, before.Changed(second.Snapshot()))
	require.EqualValues(t, 1, second.Read(c.ID).ChunkCount)
}

// A step counts: attempts that each get something done do not add up to a failure.
func TestWorker_ProgressStartsTheCountOfAttemptsAnew(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(1)...)
	rows := operations.NewRepository(w.DB)
	for i := range 5 {
		o, claimed, err := rows.Claim(t.Context(), *operation, "killed", time.Minute)
		require.NoError(t, err)
		require.True(t, claimed)
		require.Equal(t, i+1, o.Attempt)
		require.Equal(t, 1, o.Meta.Stalled)
		sum, err := rows.Advance(t.Context(), o, time.Minute, operations.Progress{Chunks: 2}, true)
		require.NoError(t, err)
		require.EqualValues(t, 2*(i+1), sum.Chunks, "what is done is added up")
		lapse(w)
	}
}

func TestWorker_OneThatStopsHandsTheOperationBackForTheNext(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	_, operation := w.Upload(w.Root, c, several(40)...)
	reached(t, pause)
	stopInTheMiddle(t, w, pause)
	o := w.Operation(*operation)
	require.Equal(t, operations.StatusPending, o.Status)
	require.Nil(t, o.Worker)
	require.Nil(t, o.LeaseUntil)
	require.Less(t, w.Read(c.ID).ChunkCount, int64(40), "it did not go on to the end")
	w.CheckRules()

	next := testworld.New(t, testworld.On(w))
	o = next.AwaitOperation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.Equal(t, 2, o.Attempt)
	require.EqualValues(t, 40, o.Meta.Progress.Done)
	require.EqualValues(t, 40, next.Read(c.ID).ChunkCount)
}

func TestWorker_UploadsJoinTheOperationThatRuns(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	_, operation := w.Upload(w.Root, c, several(1)...)
	reached(t, pause)
	_, joined := w.Upload(w.Root, c, testworld.File{Path: "late.txt", Content: "late"})
	require.Equal(t, operation, joined)
	pause.Resume()
	o := w.AwaitOperation(*operation)
	require.EqualValues(t, 2, o.Meta.Progress.Done)
	require.EqualValues(t, 2, w.Read(c.ID).ChunkCount)
	require.EqualValues(t, 1, w.Int(`select count(*) from operations where type = 'append'`))
}

func TestWorker_ContentThatIsReplacedUnderItsHandsIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	reached(t, pause)
	again, joined := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "The heron stands."})
	require.Equal(t, documents.Replaced, again[0].Outcome)
	require.Equal(t, operation, joined)
	pause.Resume()
	w.AwaitOperation(*operation)
	require.Equal(t, documents.StatusCompleted, w.Document(c.ID, results[0].Document.ID).Status)
	require.Empty(t, finds(t, w, c, "walrus"))
	require.Equal(t, []string{"a.txt"}, finds(t, w, c, "heron"))
	require.EqualValues(t, 1, w.Read(c.ID).ChunkCount)
}

func TestWorker_ADocumentThatIsDeletedUnderItsHandsStaysDeleted(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	reached(t, pause)
	require.NoError(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		if err := documents.NewRepository(w.DB).Delete(ctx, w.Scope(c.ID), results[0].Document.ID); err != nil {
			return err
		}
		return collections.NewRepository(w.DB).AddCounts(ctx, w.Scope(c.ID), collections.Counts{Documents: -1, Bytes: -18})
	}))
	pause.Resume()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status)
	require.Zero(t, w.Read(c.ID).ChunkCount)
	require.Empty(t, finds(t, w, c, "walrus"))
}

func TestWorker_ACancelledOperationStopsAtTheNextStep(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	_, operation := w.Upload(w.Root, c, several(3)...)
	reached(t, pause)
	w.Exec(`update operations set status = 'cancelled', completed_at = now(), worker = null, lease_until = null where uuid = $1`, *operation)
	w.Exec(`update collections set status = 'ready' where id = $1`, c.ID)
	w.Exec(`update documents set status = 'pending' where collection_id = $1 and status = 'processing'`, c.ID)
	before := w.Snapshot()
	pause.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()))
	require.Empty(t, before.Changed(w.Snapshot()), "the step that was under way left nothing")
	w.Exec(`update collection_sources set document_count = 3, size_bytes = (select total_size_bytes from collections where id = collection_id)`)
}

func TestWorker_ACollectionThatIsDeletedUnderItsHandsGetsNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	_, operation := w.Upload(w.Root, c, several(1)...)
	reached(t, pause)
	w.Delete(c)
	pause.Resume()
	require.Equal(t, operations.StatusCancelled, w.AwaitOperation(*operation).Status)
	require.Zero(t, w.Int(`select count(*) from chunks`))
	require.Zero(t, w.Int(`select chunk_count from collections where id = $1`, c.ID))
}

func TestWorker_AnOperationOfADeletedCollectionIsCancelled(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	created := w.NewCollection(w.Root)
	w.Delete(created.Collection)
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, operations.StatusCancelled, w.AwaitOperation(created.InitialOperationID).Status)
}

func TestWorker_AnOperationWhoseBellWasLostIsFound(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease))
	created := w.NewCollection(w.Root)
	w.Exec(`delete from river.river_job`)
	w.Exec(`update operations set created_at = now() - interval '1 minute'`)
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(created.InitialOperationID).Status)
}

func TestWorker_ABellThatRingsTwiceIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(4)...)
	w.Exec(`
insert into river.river_job (state, queue, kind, max_attempts, priority, args, scheduled_at)
select 'available', queue, kind, max_attempts, priority, args, now() from river.river_job, generate_series(1, 5)`)
	require.NoError(t, w.Worker.Start(t.Context()))
	o := w.AwaitOperation(*operation)
	require.Equal(t, 1, o.Attempt)
	w.Await("every bell was heard", func() bool {
		return w.Int(`select count(*) from river.river_job where state in ('available', 'running')`) == 0
	})
	require.Equal(t, 1, w.Operation(*operation).Attempt)
	require.EqualValues(t, 4, w.Read(c.ID).ChunkCount)
}

func TestWorker_OfManyWhoClaimOneOperationOneGetsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	created := w.NewCollection(w.Root)
	claimed := make([]bool, 8)
	for _, err := range w.Race(len(claimed), func(i int) error {
		var err error
		_, claimed[i], err = operations.NewRepository(w.DB).Claim(t.Context(), created.InitialOperationID, fmt.Sprint("worker ", i), time.Minute)
		return err
	}) {
		require.NoError(t, err)
	}
	won := 0
	for _, c := range claimed {
		if c {
			won++
		}
	}
	require.Equal(t, 1, won)
}

func TestWorker_OfManyWhoStartAnOperationOneDoes(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	scope := w.Scope(c.ID)
	rows := collections.NewRepository(w.DB)
	starter := operations.NewStarter(w.DB, operations.NewRepository(w.DB), w.Queue, rows, collections.NewStatusChanger(w.DB, rows, w.Audit))
	t.Run("Start", func(t *testing.T) {
		won := 0
		for _, err := range w.Race(6, func(int) error {
			_, err := starter.Start(t.Context(), scope, collections.NewOperation{Type: "append", UserID: w.Root.ID, Config: map[string]any{"a": 1}})
			return err
		}) {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, operations.ErrActive)
		}
		require.Equal(t, 1, won)
	})
	t.Run("EnsureWork joins it", func(t *testing.T) {
		ids := make([]uuid.UUID, 6)
		for _, err := range w.Race(len(ids), func(i int) error {
			var err error
			ids[i], err = starter.EnsureWork(t.Context(), scope, w.Root.ID, map[string]any{"a": 1})
			return err
		}) {
			require.NoError(t, err)
		}
		for _, id := range ids {
			require.Equal(t, ids[0], id)
		}
		require.EqualValues(t, 1, w.Int(`select count(*) from operations where status = 'pending'`))
	})
	t.Run("a config that is empty is refused", func(t *testing.T) {
		other := w.Scope(w.Collection(w.Root).ID)
		_, err := starter.Start(t.Context(), other, collections.NewOperation{Type: "append", UserID: w.Root.ID, Config: map[string]any{}})
		require.ErrorContains(t, err, "not among those allowed")
	})
	t.Run("a user who is gone is named", func(t *testing.T) {
		other := w.Scope(w.Collection(w.Root).ID)
		_, err := starter.Start(t.Context(), other, collections.NewOperation{Type: "append", UserID: 4711, Config: map[string]any{"a": 1}})
		require.ErrorContains(t, err, "does not exist any more")
	})
}
