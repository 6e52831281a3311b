package chunks_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/testworld"
)

// A partition that somebody has detached is the operator's matter, and passes.
func TestLoad_IntoAPartitionThatIsMissing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	counted(t, post(w, c, "", `{"chunk_index": 0, "content": "before"}`))
	key := w.Int(`select partition_key from collections where id = $1`, c.ID)
	w.AwaitQuiet()
	w.Exec(fmt.Sprintf(`alter table chunks detach partition chunks_p%d`, key))

	refused := post(w, c, "", `{"chunk_index": 1, "content": "meanwhile"}`)
	require.Equal(t, 503, refused.Status, refused.Body)
	require.Contains(t, refused.Body, `"code":"partition_missing"`)
	require.Contains(t, refused.Body, "semantik doctor")
	results, _ := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "A document."})

	w.Await("it waits", func() bool { return w.Int(`select count(*) from operations where waits_for = 'retry'`) == 1 })

	w.Exec(fmt.Sprintf(`alter table chunks attach partition chunks_p%d for values in (%d)`, key, key))
	counted(t, post(w, c, "", `{"chunk_index": 1, "content": "after"}`))
	w.Await("what waited has gone on", func() bool {
		return w.Document(c.ID, results[0].Document.ID).Status == documents.StatusCompleted
	})
	require.EqualValues(t, 3, w.Read(c.ID).ChunkCount)
}
