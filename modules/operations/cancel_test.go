package operations_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// requireCancelled looks at what every cancelled operation leaves behind.
func requireCancelled(t *testing.T, w *testworld.World, c collections.Collection, o operations.Operation) {
	t.Helper()
	require.Equal(t, operations.StatusCancelled, o.Status)
	require.NotNil(t, o.CompletedAt)
	require.Nil(t, o.Worker)
	now := w.Read(c.ID)
	require.Equal(t, collections.StatusReady, now.Status)
	require.NotNil(t, now.StatusMessage)
	require.Contains(t, *now.StatusMessage, "was cancelled")
	w.CheckRules()
}

func TestCancel_OneThatWaitsInTheQueue(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, several(3)...)
	o, err := w.Operations.Cancel(w.As(w.Root), *operation)
	require.NoError(t, err)
	requireCancelled(t, w, c, o)
	require.InDelta(t, 3, o.Meta.Result["documents_left"], 0)
	require.Contains(t, *w.Read(c.ID).StatusMessage, "3 documents")
	for _, r := range results {
		d := w.Document(c.ID, r.Document.ID)
		require.Equal(t, documents.StatusFailed, d.Status)
		require.Equal(t, documents.CategoryTransient, *d.ErrorCategory, "it can be retried")
		require.Contains(t, *d.ErrorMessage, "cancelled")
	}
	require.NoError(t, w.Worker.Start(t.Context()), "its job still rings")
	w.Await("the queue is empty", func() bool {
		return w.Int(`select count(*) from river.river_job where state in ('available', 'running')`) == 0
	})
	require.Equal(t, operations.StatusCancelled, w.Operation(*operation).Status)

	again, next := w.Upload(w.Root, c, several(1)...)
	require.Equal(t, documents.Duplicate, again[0].Outcome)
	require.NotEqual(t, *operation, *next, "the collection takes documents again")
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*next).Status)
	require.EqualValues(t, 1, w.Read(c.ID).ChunkCount, "and those that were cancelled are left alone")
}

func TestCancel_TheFirstOperationOfACollection(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	created := w.NewCollection(w.Root)
	o, err := w.Operations.Cancel(w.As(w.Root), created.InitialOperationID)
	require.NoError(t, err)
	requireCancelled(t, w, created.Collection, o)
}

func TestCancel_StopsInTheMiddleOfAStep(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	results, operation := w.Upload(w.Root, c, several(20)...)
	reached(t, pause)
	o, err := w.Operations.Cancel(w.As(w.Root), *operation)
	require.NoError(t, err)
	pause.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()))
	requireCancelled(t, w, c, o)
	for _, r := range results {
		d := w.Document(c.ID, r.Document.ID)
		require.Contains(t, []documents.Status{documents.StatusCompleted, documents.StatusFailed}, d.Status, "no document hangs in the middle")
	}
}

func TestCancel_ALongStepIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := testworld.New(t) // whose lease of 20 seconds is renewed every five
	c := w.Collection(w.Root, testworld.ChunkSize(100))
	pause := w.Trace.PauseAt("insert into chunk_search")
	t.Cleanup(pause.Resume)
	var text strings.Builder
	for range chunks.SearchSlice + 100 {
		text.WriteString("A paragraph about the walrus that is long enough to be a chunk of its own, surely, is it not.\n\n")
	}
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "large.txt", Content: text.String()})
	reached(t, pause) // its chunks are loaded, its search rows are not
	o, err := w.Operations.Cancel(w.As(w.Root), *operation)
	require.NoError(t, err)
	requireCancelled(t, w, c, o)
	require.Zero(t, w.Read(c.ID).ChunkCount, "chunks that only some searches could find are gone")
	require.Equal(t, documents.StatusFailed, w.Document(c.ID, results[0].Document.ID).Status)
	pause.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()))
	w.CheckRules()
}

func TestCancel_ANewContentThatWasNotGotToLeavesTheOldOneReadable(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "An old walrus."})
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "A new heron."})
	require.Equal(t, documents.Replaced, results[0].Outcome)
	reached(t, pause)
	o, err := w.Operations.Cancel(w.As(w.Root), *operation)
	require.NoError(t, err)
	pause.Resume()
	require.NoError(t, w.Worker.Stop(t.Context()))
	requireCancelled(t, w, c, o)
	require.Equal(t, []string{"a.txt"}, finds(t, w, c, "walrus"))
	require.Empty(t, finds(t, w, c, "heron"))
}

// Whoever is first, the operation ends once, and the collection is left in order.
func TestCancel_RacesTheCompletion(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	outcomes := map[operations.Status]int{}
	for i := range 12 {
		name := string(rune('a'+i)) + ".txt"
		_, operation := w.Upload(w.Root, c, testworld.File{Path: name, Content: "Walrus of " + name})
		if i%2 == 1 { // from the very beginning to near the end
			w.Await("it has begun", func() bool { return w.Operation(*operation).Status != operations.StatusPending })
		}
		_, err := w.Operations.Cancel(w.As(w.Root), *operation)
		if err != nil {
			require.ErrorIs(t, err, operations.ErrEnded)
		}
		o := w.AwaitOperation(*operation)
		require.Equal(t, err == nil, o.Status == operations.StatusCancelled)
		outcomes[o.Status]++
		require.Equal(t, collections.StatusReady, w.Read(c.ID).Status)
		w.CheckRules()
	}
	t.Log(outcomes)
}

func TestCancel_OfManyAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(2)...)
	ended := 0
	for _, err := range w.Race(6, func(int) error {
		_, err := w.Operations.Cancel(w.As(w.Root), *operation)
		return err
	}) {
		if err != nil {
			require.ErrorIs(t, err, operations.ErrEnded)
			ended++
		}
	}
	require.Equal(t, 5, ended)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'operation.cancel'`))
	w.CheckRules()
}

// An upload comes in while its operation is being cancelled: it is withdrawn with the
// rest, or has an operation of its own.
func TestCancel_RacesUploads(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	for round := range 6 {
		_, operation := w.Upload(w.Root, c, testworld.File{Path: "first.txt", Content: "First walrus " + string(rune('a'+round))})
		errs := w.Race(5, func(i int) error {
			if i == 0 {
				_, err := w.Operations.Cancel(w.As(w.Root), *operation)
				if errors.Is(err, operations.ErrEnded) {
					return nil
				}
				return err
			}
			name := string(rune('a'+round)) + string(rune('0'+i)) + ".txt"
			w.Upload(w.Root, c, testworld.File{Path: name, Content: "Walrus in " + name})
			return nil
		})
		for _, err := range errs {
			require.NoError(t, err)
		}
		w.AwaitQuiet()
		require.Zero(t, w.Int(`select count(*) from documents where status in ('pending', 'processing')`), "no document waits for nobody")
		w.CheckRules()
	}
}

// The deletion ends the operation, and the owner may know that: it is the operation that
// is asked about, which is there.
func TestCancel_RacesTheDeletionOfTheCollection(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(1)...)
	pause := w.Trace.PauseAt(lockOfACollection)
	t.Cleanup(pause.Resume)
	cancelled := make(chan error, 1)
	go func() {
		_, err := w.Operations.Cancel(w.As(w.Root), *operation)
		cancelled <- err
	}()
	reached(t, pause)
	w.Delete(c)
	pause.Resume()
	require.ErrorIs(t, <-cancelled, operations.ErrEnded)
	require.Equal(t, operations.StatusCancelled, w.Operation(*operation).Status)
	require.Zero(t, w.Int(`select count(*) from audit_log where action = 'operation.cancel'`))
}

func TestCancel_ADeletionGoesOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	w.Upload(w.Root, c, several(2)...)
	purge := w.Delete(c)
	_, err := w.Operations.Cancel(w.As(w.Root), purge)
	require.ErrorIs(t, err, operations.ErrNotCancellable)
	require.Equal(t, operations.StatusPending, w.Operation(purge).Status)
	_, err = w.Operations.Cancel(w.As(w.User("stranger")), purge)
	require.Equal(t, apperr.NotFound, apperr.KindOf(err))
}

func TestCancel_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(1)...)
	path := "/api/v2/operations/" + operation.String()
	w.HTTP(t,
		testworld.Scenario{Name: "it answers as cancelled", As: &w.Root, Method: http.MethodDelete, URL: path,
			Status: 200, Has: []string{`"status":"cancelled"`, `"documents_left":1`, `"completed_at":"`}},
		testworld.Scenario{Name: "a second time it has ended", As: &w.Root, Method: http.MethodDelete, URL: path,
			Status: 400, Has: []string{"operation_ended", "cancelled already"}},
		testworld.Scenario{Name: "an id that is none", As: &w.Root, Method: http.MethodDelete, URL: "/api/v2/operations/17", Status: 422},
	)
}
