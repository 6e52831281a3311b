package operations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/platform/pgtest"
	"semantik/testworld"
)

// The connections break again and again while documents are worked on.
func TestWorker_LostConnectionsLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	var proxy *pgtest.Proxy
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease), testworld.Setting("OPERATION_MAX_ATTEMPTS=50"),
		testworld.Database(func(c *database.Config) {
			proxy = pgtest.NewProxy(t, c.URL)
			c.URL = proxy.URL
		}))
	c := w.Collection(w.Root, testworld.ChunkSize(100))
	proxy.CutAfter("insert into chunk_search", 3)
	var files []testworld.File
	for i := range 12 {
		files = append(files, testworld.File{Path: fmt.Sprintf("%d.txt", i), Content: strings.Repeat(fmt.Sprintf("Walrus number %d. ", i), 20)})
	}
	results, operation := w.Upload(w.Root, c, files...)
	require.NoError(t, w.Worker.Start(t.Context()))
	var o operations.Operation
	w.Await("the operation has ended", func() bool {
		// The look itself may meet a connection that breaks.
		ctx := auth.WithIdentity(t.Context(), auth.Identity{UserID: w.Root.ID, IsSuperuser: true})
		found, err := w.Operations.Get(ctx, *operation)
		o = found
		return err == nil && !o.Status.Active()
	})
	require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
	require.EqualValues(t, len(files), o.Meta.Progress.Done)
	for _, r := range results {
		require.Equal(t, documents.StatusCompleted, w.Document(c.ID, r.Document.ID).Status)
	}
	require.Equal(t, w.Read(c.ID).ChunkCount, o.Meta.Progress.Chunks)
}

// A COMMIT that was carried out and whose answer was lost: the step is not done
// twice.
func TestWorker_ACommitWithoutAnAnswerIsNotRepeated(t *testing.T) {
	t.Parallel()
	var proxy *pgtest.Proxy
	w := testworld.New(t, testworld.Setting(quickLease), testworld.NoWorker(),
		testworld.Database(func(c *database.Config) {
			proxy = pgtest.NewProxy(t, c.URL)
			c.URL = proxy.URL
		}))
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(6)...)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	require.NoError(t, w.Worker.Start(t.Context()))
	reached(t, pause)
	proxy.CutAfter("commit", 2)
	pause.Resume()
	w.Await("the operation has ended", func() bool {
		ctx := auth.WithIdentity(t.Context(), auth.Identity{UserID: w.Root.ID, IsSuperuser: true})
		o, err := w.Operations.Get(ctx, *operation)
		return err == nil && !o.Status.Active()
	})
	o := w.Operation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
	require.EqualValues(t, 6, o.Meta.Progress.Done)
	require.EqualValues(t, 6, w.Read(c.ID).ChunkCount)
}
