package chunks_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

func TestSource_TheChunksAreReachedBySQLAlone(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range file.Imports {
			require.NotContains(t, i.Path.Value, "gorm", "%s: what GORM writes is not in the source for a test to find", name)
		}
	}
}

// It can fail: what the program sends and no test has looked at is found in whichever
// test sends it.
func TestTrace_AStatementOnChunksThatNobodyExplainsIsFound(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	require.Empty(t, w.Unexplained())
	ctx := t.Context()
	_, err := w.DB.Querier(ctx).Exec(ctx, `select 1 from chunks where partition_key = 1 limit 1`)
	require.NoError(t, err)
	require.Len(t, w.Unexplained(), 1)
}
