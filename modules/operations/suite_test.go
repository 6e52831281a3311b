package operations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/testworld"
)

func TestSuite_TheWorkerUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		c := w.Collection(w.Root, testworld.ChunkSize(100))
		files := []testworld.File{{Path: "picture.png", Content: "\x89PNG\r\n\x1a\n"}}
		for i := range 8 {
			files = append(files, testworld.File{Path: fmt.Sprintf("%d.html", i), Content: "<p>" + strings.Repeat(fmt.Sprintf("Walrus number %d. ", i), 30) + "</p>"})
		}
		o, docs := together(t, w, c, files...)
		require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
		require.EqualValues(t, 9, o.Meta.Progress.Done)
		require.EqualValues(t, 1, o.Meta.Progress.Failed)
		var expected int64
		for _, d := range docs {
			expected += d.ChunkCount
		}
		now := w.Read(c.ID)
		require.Equal(t, expected, now.ChunkCount)
		require.Equal(t, expected, now.VectorCount)
		require.Equal(t, expected, o.Meta.Progress.Chunks)
		require.Equal(t, collections.StatusReady, now.Status)
		_, next := w.Upload(w.Root, c, testworld.File{Path: "1.html", Content: "<p>Something else.</p>"})
		require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*next).Status)
		require.Len(t, finds(t, w, c, "walrus"), 7)
	}, testworld.NoWorker())
}
