package operations_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// within gives the folder that is a source of its own.
func (d disk) within(name string) map[string]any {
	return map[string]any{"path": filepath.Join(d.root, name)}
}

// twoFolders are the folders a and b, of which a is looked through first. b has a
// document of which a has a copy, and another one.
func twoFolders(t *testing.T) (disk, *testworld.World, collections.Collection) {
	t.Helper()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a/own.txt", "An otter.")
	d.addSource(w, c, d.within("a"))
	d.write("b/first.txt", "A walrus.")
	d.write("b/other.txt", "A heron.")
	d.addSource(w, c, d.within("b"))
	d.write("a/copy.txt", "A walrus.")
	requireCount(t, 1, syncNow(t, w, c), "duplicate_files")
	d.requireAsOnDisk(w, c)
	return d, w, c
}

func removeSource(t *testing.T, w *testworld.World, c collections.Collection, path string) operations.Operation {
	t.Helper()
	id, err := w.Collections.RemoveSource(w.As(w.Root), c.ID, collections.SourceRef{Path: path})
	require.NoError(t, err)
	o := w.AwaitOperation(id)
	require.Equal(t, operations.StatusCompleted, o.Status)
	return o
}

func TestScan_FilesThatAreGivenOneContentAtOnceAreOneDocument(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	const files = 8
	for round := range 3 {
		for i := range files {
			d.write(fmt.Sprintf("%d.txt", i), fmt.Sprintf("Heron %d of round %d.", i, round))
		}
		if round == 0 {
			d.addSource(w, c, nil)
		}
		syncNow(t, w, c)
		for i := range files {
			d.write(fmt.Sprintf("%d.txt", i), fmt.Sprintf("Walrus of round %d.", round))
		}
		o := syncNow(t, w, c)
		require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
		d.requireAsOnDisk(w, c)
	}
}

func TestScan_WhatGoesFromOneSourceIsTheOthersThatHasItToo(t *testing.T) {
	t.Parallel()
	d, w, c := twoFolders(t)
	chunks := w.Int(`select sum(id) from chunks`)
	d.remove("b/first.txt")
	o := syncNow(t, w, c)
	requireCount(t, 1, o, "documents_moved")
	requireCount(t, 0, o, "files_read")
	d.requireAsOnDisk(w, c)
	require.Equal(t, chunks, w.Int(`select sum(id) from chunks`), "it is the same document")
	require.EqualValues(t, 2, w.Int(`select document_count from collection_sources where source_path like '%/a'`))
	requireCount(t, 0, syncNow(t, w, c), "files_read")
	d.remove("a/copy.txt")
	requireCount(t, 1, syncNow(t, w, c), "documents_removed")
	d.requireAsOnDisk(w, c)
}

func TestScan_WhatChangesInOneSourceIsReadInTheOtherThatHasItStill(t *testing.T) {
	t.Parallel()
	d, w, c := twoFolders(t)
	d.write("b/first.txt", "A badger.")
	o := syncNow(t, w, c)
	require.Equal(t, operations.StatusCompleted, o.Status)
	requireCount(t, 2, o, "files_read")
	requireCount(t, 1, o, "documents_added")
	d.requireAsOnDisk(w, c)
	require.EqualValues(t, 3, w.Int(`select completed_sources from sync_runs order by id desc limit 1`), "a was looked through again")
	require.EqualValues(t, 3, w.Int(`select expected_sources from sync_runs order by id desc limit 1`))
	requireCount(t, 0, syncNow(t, w, c), "files_read")
}

// The file that is to be read again is gone by then: the runs end nevertheless.
func TestScan_LookingElsewhereForWhatIsGoneEnds(t *testing.T) {
	t.Parallel()
	d, w, c := twoFolders(t)
	d.write("b/first.txt", "A badger.")
	pause := w.Trace.PauseAt("select s.id\nfrom collection_sources s")
	second := func() { // a's own end finds nothing, b's does
		reached(t, pause)
		next := w.Trace.PauseAt("select s.id\nfrom collection_sources s")
		pause.Resume()
		pause = next
		reached(t, pause)
	}
	_, err := w.Collections.SyncNow(w.As(w.Root), c.ID)
	require.NoError(t, err)
	second()
	d.remove("a/copy.txt")
	pause.Resume()
	w.AwaitQuiet()
	d.requireAsOnDisk(w, c)
	requireCount(t, 0, syncNow(t, w, c), "files_read")
}

func TestRemoveSource_WhatAnotherSourceHasTooStays(t *testing.T) {
	t.Parallel()
	d, w, c := twoFolders(t)
	o := removeSource(t, w, c, filepath.Join(d.root, "b"))
	require.InDelta(t, 1, o.Meta.Result["documents_removed"], 0)
	require.InDelta(t, 1, o.Meta.Result["documents_moved"], 0)
	d.remove("b")
	d.requireAsOnDisk(w, c)
	requireCount(t, 0, syncNow(t, w, c), "files_read")
	d.requireAsOnDisk(w, c)
}

// Two sources, one of which is a part of the other.
func TestScan_AFileInTwoSourcesIsThereAsLongAsOneHasIt(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a/in.txt", "A walrus.")
	d.write("out.txt", "A heron.")
	d.addSource(w, c, nil)
	d.addSource(w, c, d.within("a"))
	d.requireAsOnDisk(w, c)
	d.write("a/in.txt", "A badger.")
	requireCount(t, 1, syncNow(t, w, c), "documents_updated")
	requireCount(t, 0, syncNow(t, w, c), "files_read")

	source, err := collections.NewRepository(w.DB).FindSource(t.Context(), w.Scope(c.ID), []string{d.root})
	require.NoError(t, err)
	_, err = w.Collections.UpdateSource(w.As(w.Root), c.ID, source.ID, collections.UpdateSourceInput{
		Config: fmt.Appendf(nil, `{"path": %q, "exclude_patterns": ["a/"]}`, d.root),
	})
	require.NoError(t, err)
	requireCount(t, 1, syncNow(t, w, c), "documents_moved")
	d.requireAsOnDisk(w, c)
	removeSource(t, w, c, filepath.Join(d.root, "a"))
	d.remove("a")
	d.requireAsOnDisk(w, c)
}

func TestRemoveSource_OfTwoThatHaveAFileTheOtherKeepsIt(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a/in.txt", "A walrus.")
	d.write("out.txt", "A heron.")
	d.addSource(w, c, nil)
	d.addSource(w, c, d.within("a"))
	removeSource(t, w, c, d.root)
	d.remove("out.txt")
	d.requireAsOnDisk(w, c)
	requireCount(t, 0, syncNow(t, w, c), "files_read")
	docs, _, err := documents.NewRepository(w.DB).List(t.Context(), w.Scope(c.ID), documents.Filter{}, onePage)
	require.NoError(t, err)
	require.Len(t, docs, 1)
}

func TestScan_ATimeFarAheadTellsWhetherAFileHasChanged(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	then := time.Now().Add(24 * time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(d.root, "a.txt"), then, then))
	d.addSource(w, c, nil)
	requireCount(t, 0, syncNow(t, w, c), "files_read")
}

// A file that is too large is known to be by its size, and costs no look into it.
func TestScan_WhatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting(), testworld.Setting("MAX_UPLOAD_BYTES=1024"))
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	d.write("sparse.bin", "")
	require.NoError(t, os.Truncate(filepath.Join(d.root, "sparse.bin"), 1<<40))
	o := d.addSource(w, c, nil)
	require.Equal(t, operations.StatusCompleted, o.Status)
	requireCount(t, 1, o, "files_failed")
	requireCount(t, 2, o, "total_files_scanned")
	require.Contains(t, testworld.Value[string](w, `select last_error from collection_sources`), "larger than the 1024 bytes")
}

func TestScan_WhatIsUnchangedIsNotTakenFromWhatIsToldAsProcessed(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	w.StartListening()
	c := w.Collection(w.Root)
	for i := range 5 {
		d.write(fmt.Sprintf("%d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	d.addSource(w, c, nil)
	d.write("new.txt", "A heron.")
	socket := w.Watch("/ws/operations", w.Token(w.Root))
	socket.Nothing()
	syncNow(t, w, c)
	processed := 0.0
	for _, f := range socket.Until("operation_completed") {
		if n, ok := f.Data["processed"].(float64); ok {
			require.GreaterOrEqual(t, n, processed, f.Text)
			processed = n
		}
	}
	require.InDelta(t, 1, processed, 0)
}
