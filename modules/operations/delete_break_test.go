package operations_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/testworld"
)

// statementsOfAClaim are those of the transaction in which a purge is taken up, its
// beginning and its end included, and the beginning of the first slice's.
const statementsOfAClaim = 7

// small makes a collection with documents, contents, chunks and the rest by hand,
// beside the program, and is quick.
func small(w *testworld.World) collections.Collection {
	c := w.Collection(w.Root)
	key := c.PartitionKey
	w.Exec(`
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count)
select $1, $2, i || '.txt', i || '.txt', 3, lpad(to_hex(i), 64, '0'), 'completed', 4 from generate_series(1, 3) i`, c.ID, key)
	w.Exec(`
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, deleted_at)
values ($1, $2, 'bin.txt', 'bin.txt', 3, lpad('b', 64, '0'), 'deleted', now())`, c.ID, key) // in the bin
	w.Exec(`
insert into document_contents (document_id, collection_id, partition_key, kind, slice, data)
select id, collection_id, partition_key, 'original', slice, 'x' from documents, generate_series(0, 2) slice where collection_id = $1`, c.ID)
	w.Exec(`
insert into chunks (collection_id, partition_key, document_id, chunk_index, content)
select d.collection_id, d.partition_key, d.id, i, 'walrus' from documents d, generate_series(0, 3) i where d.collection_id = $1 and d.status <> 'deleted'
union all
select $1, $2, null, i, 'heron' from generate_series(0, 4) i`, c.ID, key)
	w.Exec(`
insert into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
select partition_key, collection_id, document_id, id, chunk_search_vector(content) from chunks where collection_id = $1`, c.ID)
	w.Exec(`insert into collection_sources (collection_id, source_type, source_path) values ($1, 'upload', 'upload')`, c.ID)
	w.Exec(`insert into collection_permissions (collection_id, user_id, permission) values ($1, $2, 'read')`, c.ID, w.Root.ID)
	w.Exec(`update collections set document_count = 3, total_size_bytes = 9, chunk_count = 17, vector_count = 17 where id = $1`, c.ID)
	return w.Read(c.ID)
}

// Every second statement of a purge in turn is broken off, from the first or the second
// on; another process ends it, and counts what both have done.
func TestPurge_BrokenOffAtAnyStatementAnotherEndsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry(), testworld.Setting("PURGE_ROWS=10"), testworld.Setting("PURGE_PAUSE=0"))
	other := testworld.New(t, testworld.On(w), testworld.NoWorker(), testworld.Setting("PURGE_ROWS=4"), testworld.Setting("PURGE_PAUSE=0"))
	for n := rand.IntN(4); ; n += 4 {
		c := small(w)
		purge := w.Delete(c)
		broken := w.FailAt(n, func() { _ = w.Worker.Answer(t.Context(), purge) })
		if n%12 < 4 {
			w.CheckRules() // they hold in the middle too
		}
		if broken {
			require.True(t, w.Operation(purge).Status.Active(), "statement %d was broken off", n)
			lapse(w)
			require.NoError(t, other.Worker.Answer(t.Context(), purge))
		}
		o := w.Operation(purge)
		require.Equal(t, operations.StatusCompleted, o.Status, "statement %d was broken off", n)
		require.Empty(t, w.Left(c.ID), "statement %d was broken off", n)
		require.EqualValues(t, 17, o.Meta.Result["chunks_deleted"], "statement %d was broken off", n)
		require.EqualValues(t, 4, o.Meta.Result["documents_deleted"], "statement %d was broken off", n)
		if !broken {
			require.Greater(t, n, 40, "many statements were broken off")
			return
		}
	}
}

// Attempts that get nowhere do not add up to a failure: they make smaller slices.
func TestPurge_NeverGivesUp(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry(), testworld.Setting("PURGE_ROWS=1000"), testworld.Setting("OPERATION_MAX_ATTEMPTS=2"))
	c := small(w)
	purge := w.Delete(c)
	var slices []int
	const attempts = 8
	for range attempts {
		var limit int
		for _, s := range w.Trace.Record(func() {
			// The claim has its statements, and then the first slice's documents are read.
			require.True(t, w.FailAt(statementsOfAClaim, func() { _ = w.Worker.Answer(t.Context(), purge) }))
		}) {
			if strings.Contains(s.SQL, "from documents") {
				limit, _ = s.Args[2].(int)
			}
		}
		slices = append(slices, limit)
		require.Equal(t, operations.StatusProcessing, w.Operation(purge).Status)
		lapse(w)
	}
	require.Equal(t, []int{20, 10, 5, 2, 1, 1, 1, 1}, slices)
	require.NoError(t, w.Worker.Answer(t.Context(), purge))
	require.Equal(t, operations.StatusCompleted, w.Operation(purge).Status)
	require.Empty(t, w.Left(c.ID))
	require.Equal(t, attempts+1, w.Operation(purge).Attempt)
}

// A worker that was thought dead goes on after another has done everything.
func TestPurge_ALateSliceRollsBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("OPERATION_LEASE_SECONDS=3600"), testworld.Setting(smallSlices))
	c := furnished(t, w)
	pause := w.Trace.PauseAt("delete from document_contents")
	t.Cleanup(pause.Resume)
	purge := w.Delete(c)
	reached(t, pause)
	second := testworld.New(t, testworld.On(w), testworld.NoWorker())
	require.NoError(t, second.Worker.Answer(t.Context(), purge), "as long as the lease lasts there is nothing to do")
	require.Equal(t, operations.StatusProcessing, second.Operation(purge).Status)
	// Its transaction holds what it has deleted so far; the connection is cut, as it
	// is when a process is killed.
	second.Exec(`
select pg_terminate_backend(pid)
from pg_stat_activity
where datname = current_database()
  and state = 'idle in transaction'`)
	lapse(second)
	require.NoError(t, second.Worker.Answer(t.Context(), purge))
	o := second.Operation(purge)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.EqualValues(t, c.ChunkCount, o.Meta.Result["chunks_deleted"])
	before := second.Snapshot()
	pause.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()))
	require.Empty(t, before.Changed(second.Snapshot()))
}

// One that is told to stop hands the purge back, and does not go on to its end.
func TestPurge_AWorkerThatStopsHandsItBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("PURGE_ROWS=5"), testworld.Setting("PURGE_PAUSE=60"))
	c := small(w)
	purge := w.Delete(c)
	w.Await("a slice is deleted", func() bool { return w.Operation(purge).Meta.Progress != nil })
	require.NoError(t, w.Worker.Stop(context.Background()), "it does not sit out its pause")
	o := w.Operation(purge)
	require.Equal(t, operations.StatusPending, o.Status)
	require.NotEmpty(t, w.Left(c.ID))
	require.EqualValues(t, 1, w.Int(`select count(*) from river.river_job where id = $1 and queue = 'background'`, *o.TaskID))

	next := testworld.New(t, testworld.On(w))
	require.Equal(t, operations.StatusCompleted, next.AwaitOperation(purge).Status)
	require.Empty(t, next.Left(c.ID))
}

// A purge that is under way keeps no load waiting, even where one operation at a
// time is worked on.
func TestPurge_HasAQueueOfItsOwn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("WORKER_CONCURRENCY=1"), testworld.Setting(smallSlices))
	gone, also, c := small(w), small(w), w.Collection(w.Root)
	pause := w.Trace.PauseAt("delete from chunks")
	t.Cleanup(pause.Resume)
	purge := w.Delete(gone)
	reached(t, pause)
	second := w.Delete(also)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	require.Equal(t, operations.StatusPending, w.Operation(second).Status, "purges come one after another")
	pause.Resume()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(purge).Status)
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(second).Status)
}

// Chunks without a document are gone through by their index; those that came in
// before a purge that was broken off are found by the next one too.
func TestPurge_OfChunksThatBelongToNoDocument(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting(smallSlices))
	c := w.Collection(w.Root)
	loose(t, w, c, 130)
	o := w.AwaitOperation(w.Delete(c))
	require.EqualValues(t, 130, o.Meta.Result["chunks_deleted"])
	require.EqualValues(t, 0, o.Meta.Result["documents_deleted"])
	require.Empty(t, w.Left(c.ID))
}

func TestPurge_OfAnEmptyCollection(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	o := w.AwaitOperation(w.Delete(c))
	require.Equal(t, operations.StatusCompleted, o.Status)
	percent, known := o.Percent()
	require.True(t, known)
	require.InDelta(t, 100, percent, 0)
}

// A content is deleted in slices of its own, however large.
func TestPurge_OfALargeContentTakesManyTransactions(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("PURGE_ROWS=100"), testworld.Setting("PURGE_PAUSE=0"))
	c := w.Collection(w.Root)
	w.Upload(w.Root, c, testworld.File{Path: "large.txt", Content: strings.Repeat("0123456789abcdef", 256<<10)})
	slices := w.Left(c.ID)["document_contents"]
	require.EqualValues(t, 16, slices)
	purge := w.Delete(c)
	deletes := 0
	for _, s := range w.Trace.Record(func() { require.NoError(t, w.Worker.Answer(t.Context(), purge)) }) {
		if strings.Contains(s.SQL, "delete from document_contents") {
			deletes++
		}
	}
	require.Equal(t, 9, deletes, "two slices at a time, and a last look")
	require.Empty(t, w.Left(c.ID))
}

// The worker's purge under each of the faults.
func TestSuite_DeletingUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		var all []collections.Collection
		for range 3 {
			all = append(all, w.Collection(w.Root, testworld.ChunkSize(100)))
		}
		require.NoError(t, w.Worker.Start(t.Context()))
		for _, c := range all {
			w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: strings.Repeat("The walrus sleeps. ", 50)})
		}
		for _, err := range w.Race(len(all), func(i int) error { return w.Collections.Delete(w.As(w.Root), all[i].ID) }) {
			require.NoError(t, err)
		}
		for _, c := range all {
			o := w.AwaitOperation(w.PurgeOf(c.ID))
			require.Equal(t, operations.StatusCompleted, o.Status)
			require.EqualValues(t, 1, o.Meta.Result["documents_deleted"])
			require.Empty(t, w.Left(c.ID))
		}
		require.EqualValues(t, 3, w.Int(`select count(*) from operations where type = 'delete'`), "one for each, however often it was tried")
	}, testworld.NoWorker(), testworld.Setting(smallSlices))
}
