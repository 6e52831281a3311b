package operations_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/testworld"
)

// twoSources makes a collection with an upload and with a folder of so many files, and
// gives the folder's source.
func twoSources(t *testing.T, w *testworld.World, d disk, files int) (collections.Collection, collections.Source) {
	t.Helper()
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "kept.txt", Content: "A kept heron."})
	for i := range files {
		d.write(fmt.Sprintf("%02d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	d.addSource(w, c, nil)
	sources, _, err := w.Collections.Sources(w.As(w.Root), c.ID, onePage)
	require.NoError(t, err)
	for _, s := range sources {
		if s.SourceType == "directory" {
			return c, s
		}
	}
	require.FailNow(t, "the folder is a source")
	return c, collections.Source{}
}

func TestRemoveSource_ItGoesWithItsDocumentsAndChunksAndNothingElse(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c, source := twoSources(t, w, d, 50)
	operation, err := w.Collections.RemoveSource(w.As(w.Root), c.ID, collections.SourceRef{ID: source.ID})
	require.NoError(t, err)
	o := w.AwaitOperation(operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.InDelta(t, 50, o.Meta.Result["documents_removed"], 0)
	require.InDelta(t, 50, o.Meta.Result["vectors_removed"], 0)
	require.Equal(t, source.SourcePath, o.Meta.Result["source_path"])
	now := w.Read(c.ID)
	require.EqualValues(t, 1, now.DocumentCount)
	require.EqualValues(t, 1, now.ChunkCount)
	require.Equal(t, collections.StatusReady, now.Status)
	require.Zero(t, w.Int(`select count(*) from collection_sources where id = $1`, source.ID))
	require.Equal(t, []string{"kept.txt"}, finds(t, w, c, "heron"))
	require.Empty(t, finds(t, w, c, "walrus"))
	w.CheckRules()
	require.Equal(t, operations.StatusCompleted, d.addSource(w, c, nil).Status, "it can come back")
	require.EqualValues(t, 51, w.Read(c.ID).DocumentCount)
}

func TestRemoveSource_BrokenOffItGoesOn(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c, source := twoSources(t, w, d, 60)
	pause := w.Trace.PauseAt("delete from chunks")
	t.Cleanup(pause.Resume)
	operation, err := w.Collections.RemoveSource(w.As(w.Root), c.ID, collections.SourceRef{ID: source.ID})
	require.NoError(t, err)
	reached(t, pause)
	stopInTheMiddle(t, w, pause)
	next := testworld.New(t, testworld.On(w), d.setting())
	o := next.AwaitOperation(operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.InDelta(t, 60, o.Meta.Result["documents_removed"], 0)
	require.EqualValues(t, 1, next.Read(c.ID).DocumentCount)
}

func TestRemoveSource_TakenUpAgainItsTotalIsThatOfAllItRemoves(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c, source := twoSources(t, w, d, 60)
	pause := w.Trace.PauseAt("delete from chunks")
	t.Cleanup(pause.Resume)
	operation, err := w.Collections.RemoveSource(w.As(w.Root), c.ID, collections.SourceRef{ID: source.ID})
	require.NoError(t, err)
	reached(t, pause)
	stopInTheMiddle(t, w, pause)
	require.Positive(t, w.Operation(operation).Meta.Progress.Done, "it was broken off in the middle")
	next := testworld.New(t, testworld.On(w), d.setting())
	o := next.AwaitOperation(operation)
	require.EqualValues(t, 60, o.Meta.Progress.Done)
	require.EqualValues(t, 60, o.Meta.Progress.Total)
}

func TestRemoveSource_CancelledItLeavesTheRestAndTheSource(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c, source := twoSources(t, w, d, 60)
	pause := w.Trace.PauseAt("delete from chunks")
	t.Cleanup(pause.Resume)
	operation, err := w.Collections.RemoveSource(w.As(w.Root), c.ID, collections.SourceRef{ID: source.ID})
	require.NoError(t, err)
	reached(t, pause)
	go pause.Resume()
	o, err := w.Operations.Cancel(w.As(w.Root), operation)
	require.NoError(t, err)
	requireCancelled(t, w, c, o)
	require.EqualValues(t, 1, w.Int(`select count(*) from collection_sources where id = $1`, source.ID))
	require.Equal(t, operations.StatusCompleted, syncNow(t, w, c).Status)
	require.EqualValues(t, 61, w.Read(c.ID).DocumentCount, "what was removed is there again")
}
