package operations_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/testworld"
)

// The memory of a process is a file that can be opened, and whose first byte is an
// input/output error: a bad sector that no disk is needed for.
func TestScan_AFileThatCannotBeReadToItsEndIsNamedAndTheOthersAreTaken(t *testing.T) {
	t.Parallel()
	process, err := filepath.EvalSymlinks("/proc/self")
	require.NoError(t, err)
	w := testworld.New(t, testworld.Setting("DOCUMENT_ROOTS="+process))
	c := w.Collection(w.Root)
	d := disk{t, process}
	config := map[string]any{"recursive": false, "include_patterns": []string{"mem", "comm"}}
	o := d.addSource(w, c, config)
	require.Equal(t, operations.StatusCompleted, o.Status)
	requireCount(t, 1, o, "files_failed")
	requireCount(t, 1, o, "documents_added")
	requireCount(t, 2, o, "total_files_scanned")
	require.Equal(t, collections.StatusReady, w.Read(c.ID).Status)
	sources, _, err := w.Collections.Sources(w.As(w.Root), c.ID, onePage)
	require.NoError(t, err)
	require.Equal(t, collections.RunPartial, *sources[0].LastRunStatus)
	require.Contains(t, *sources[0].LastError, "mem: The file could not be read to its end.")
	require.EqualValues(t, 1, w.Int(`select count(*) from documents where file_path = $1 and status = 'completed'`, process+"/comm"))
}
