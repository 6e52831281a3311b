package documents_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestSuite_UploadsUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		c := w.Collection(w.Root)
		large := strings.Repeat("0123456789abcdef", 3*documents.SliceBytes/16) + "end"
		results, operation, err := upload(w, c,
			testworld.File{Path: "a.txt", Content: "one"}, testworld.File{Path: "b.txt", Content: "one"},
			testworld.File{Path: "large.txt", Content: large})
		require.NoError(t, err)
		require.NotNil(t, operation)
		require.Equal(t, documents.Created, results[0].Outcome)
		require.Equal(t, documents.Duplicate, results[1].Outcome)
		require.Equal(t, large, string(w.Content(results[2].Document, documents.Original)), "each run reads the content from its beginning")
		for _, err := range w.Race(4, func(i int) error {
			_, _, err := upload(w, c, testworld.File{Path: fmt.Sprintf("%d.txt", i/2), Content: fmt.Sprintf("content %d", i)})
			return err
		}) {
			require.NoError(t, err)
		}
		_, total, err := w.Documents.List(w.As(w.Root), c.ID, documents.ListQuery{Page: database.Page{Limit: 10}})
		require.NoError(t, err)
		require.EqualValues(t, 4, total)
		require.EqualValues(t, 1, w.Int(`select count(*) from operations where type = 'append'`))
	}, testworld.NoWorker())
}
