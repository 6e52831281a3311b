package operations_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/operations"
	"semantik/testworld"
)

// A run that is broken off, or lets others have their turn, goes on after what it was
// through with, in the order of the list.
func TestScan_ALongOneTakesTurnsAndPassesOverNothingTwice(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting(), testworld.NoWorker(), testworld.Setting("WORKER_CONCURRENCY=1"), testworld.Setting("OPERATION_SLICE_SECONDS=0.01"))
	const files = 420
	for i := range files {
		d.write(fmt.Sprintf("%c-%d/%d.txt", 'a'+i%3, i%7, i), fmt.Sprintf("Walrus number %d.", i))
	}
	c := w.Collection(w.Root)
	long := d.startSource(w, c, nil)
	var short []uuid.UUID
	for i := range 5 {
		_, operation := w.Upload(w.Root, w.Collection(w.User(fmt.Sprint("user", i))), testworld.File{Path: "a.txt", Content: fmt.Sprint("A heron ", i)})
		short = append(short, *operation)
	}
	require.NoError(t, w.Worker.Start(t.Context()))
	for _, id := range short {
		require.Equal(t, operations.StatusCompleted, w.AwaitOperation(id).Status)
	}
	require.True(t, w.Operation(long).Status.Active(), "they were not kept waiting")
	o := w.AwaitOperation(long)
	require.Equal(t, operations.StatusCompleted, o.Status)
	requireCount(t, files, o, "total_files_scanned")
	requireCount(t, files, o, "documents_added")
	requireCount(t, files, o, "files_read")
	require.Greater(t, o.Attempt, 1)
	d.requireAsOnDisk(w, c)
	require.Zero(t, w.Int(`select count(*) from collection_sources where scan_position is not null`))
}

func TestScan_TheOrderOfItsPositionIsThatOfTheList(t *testing.T) {
	t.Parallel()
	require.True(t, operations.ComesAfter("a/b", "a"))
	require.False(t, operations.ComesAfter("a/b", "a-b"), "a folder's files come before what has its name and more")
	require.True(t, operations.ComesAfter("a-b/c", "a/z"))
	require.False(t, operations.ComesAfter("b", "b"))
}
