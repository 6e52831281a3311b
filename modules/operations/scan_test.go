package operations_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// disk is a folder that the server may read, with files that are older than the grain
// of their times.
type disk struct {
	t    *testing.T
	root string
}

func newDisk(t *testing.T) disk {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return disk{t, root}
}

func (d disk) setting() testworld.Option { return testworld.Setting("DOCUMENT_ROOTS=" + d.root) }

// firstOfAContent is the statement with which the content of a file is stored.
const firstOfAContent = "delete from document_contents"

// write makes a file, or gives it another content and a later time.
func (d disk) write(name, content string) {
	d.t.Helper()
	path := filepath.Join(d.root, name)
	require.NoError(d.t, os.MkdirAll(filepath.Dir(path), 0o755))
	age := time.Hour
	if was, err := os.Stat(path); err == nil {
		age = time.Since(was.ModTime()) / 2
	}
	require.NoError(d.t, os.WriteFile(path, []byte(content), 0o600))
	then := time.Now().Add(-age)
	require.NoError(d.t, os.Chtimes(path, then, then))
}

func (d disk) rename(from, to string) {
	d.t.Helper()
	require.NoError(d.t, os.MkdirAll(filepath.Dir(filepath.Join(d.root, to)), 0o755))
	require.NoError(d.t, os.Rename(filepath.Join(d.root, from), filepath.Join(d.root, to)))
}

func (d disk) remove(name string) {
	d.t.Helper()
	require.NoError(d.t, os.RemoveAll(filepath.Join(d.root, name)))
}

// addSource adds the folder, and gives the operation once it has ended.
func (d disk) addSource(w *testworld.World, c collections.Collection, config map[string]any) operations.Operation {
	d.t.Helper()
	return w.AwaitOperation(d.startSource(w, c, config))
}

func (d disk) startSource(w *testworld.World, c collections.Collection, config map[string]any) uuid.UUID {
	d.t.Helper()
	all := map[string]any{"path": d.root}
	maps.Copy(all, config)
	text, err := json.Marshal(all)
	require.NoError(d.t, err)
	_, id, err := w.Collections.AddSource(w.As(w.Root), c.ID, collections.AddSourceInput{SourceInput: collections.SourceInput{Type: "directory", Config: text}})
	require.NoError(d.t, err)
	return id
}

// sync runs over all sources once more.
func syncNow(t *testing.T, w *testworld.World, c collections.Collection) operations.Operation {
	t.Helper()
	_, err := w.Collections.SyncNow(w.As(w.Root), c.ID)
	require.NoError(t, err)
	w.AwaitQuiet()
	ops, _, err := operations.NewRepository(w.DB).List(t.Context(), operations.Filter{CollectionID: c.ID}, onePage)
	require.NoError(t, err)
	return ops[0]
}

// requireAsOnDisk compares the collection's documents with the folder, file by file.
// A content that several files have is one document, with the path of one of them.
func (d disk) requireAsOnDisk(w *testworld.World, c collections.Collection) {
	d.t.Helper()
	contents := map[string][]string{}
	require.NoError(d.t, filepath.WalkDir(d.root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		contents[string(content)] = append(contents[string(content)], path)
		return err
	}))
	docs, total, err := documents.NewRepository(w.DB).List(d.t.Context(), w.Scope(c.ID), documents.Filter{}, wholePage)
	require.NoError(d.t, err)
	require.EqualValues(d.t, len(contents), total, "a document for each content")
	for _, doc := range docs {
		require.Contains(d.t, contents[string(w.Content(doc, documents.Original))], doc.FilePath)
		require.Equal(d.t, documents.StatusCompleted, doc.Status, "%s: %v", doc.FilePath, doc.ErrorMessage)
	}
	w.CheckRules()
}

func requireCount(t *testing.T, n int, o operations.Operation, name string) {
	t.Helper()
	require.EqualValues(t, n, o.Meta.Progress.Counts[name], "%s of %v", name, o.Meta.Progress.Counts)
}

func TestScan_AFolderThatChangesEndsInTheCollectionAsItIsOnDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	for i := range 20 {
		d.write(fmt.Sprintf("a/%d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	first := d.addSource(w, c, nil)
	require.Equal(t, operations.StatusCompleted, first.Status)
	requireCount(t, 20, first, "documents_added")
	requireCount(t, 20, first, "files_read")
	d.requireAsOnDisk(w, c)

	d.write("a/0.txt", "A walrus with another text.") // edited
	d.rename("a/1.txt", "b/deep/one.txt")             // moved
	d.remove("a/2.txt")                               // gone
	d.write("a/new.txt", "A heron is new.")           // new
	d.write("a/copy of 3.txt", "Walrus number 3.")    // a copy
	moved := w.Int(`select max(k.id) from chunks k join documents d on d.id = k.document_id where d.file_path like '%/a/1.txt'`)
	second := syncNow(t, w, c)
	require.Equal(t, operations.StatusCompleted, second.Status)
	requireCount(t, 1, second, "documents_updated")
	requireCount(t, 1, second, "documents_moved")
	requireCount(t, 1, second, "documents_removed")
	requireCount(t, 1, second, "documents_added")
	requireCount(t, 1, second, "duplicate_files")
	requireCount(t, 17, second, "unchanged_skipped")
	requireCount(t, 4, second, "files_read")
	require.Equal(t, second.Meta.Progress.Done, second.Meta.Progress.Total, "not fewer than are done")
	d.requireAsOnDisk(w, c)
	require.EqualValues(t, 1, w.Int(`select count(*) from chunks where id = $1`, moved), "what moved keeps its chunks")

	third := syncNow(t, w, c)
	requireCount(t, 0, third, "files_read")
	requireCount(t, 21, third, "unchanged_skipped")
	require.Zero(t, third.Meta.Progress.Done)
	d.requireAsOnDisk(w, c)
}

func TestScan_AFileWhoseTimeChangedAndNotItsContentKeepsItsChunks(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	d.addSource(w, c, nil)
	chunk := w.Int(`select max(id) from chunks`)
	d.write("a.txt", "A walrus.")
	o := syncNow(t, w, c)
	requireCount(t, 1, o, "files_read")
	requireCount(t, 1, o, "unchanged_skipped")
	require.Equal(t, chunk, w.Int(`select max(id) from chunks`))
	requireCount(t, 0, syncNow(t, w, c), "files_read")
}

func TestScan_ACopyTakesThePlaceOfTheFileThatIsGone(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	d.write("z.txt", "A walrus.")
	d.addSource(w, c, nil)
	chunk := w.Int(`select max(id) from chunks`)
	first, second := "a.txt", "z.txt"
	if w.Int(`select count(*) from documents where file_name = 'z.txt'`) == 1 { // whichever was taken first
		first, second = second, first
	}
	d.remove(first)
	o := syncNow(t, w, c)
	requireCount(t, 0, o, "files_read")
	requireCount(t, 1, o, "documents_moved")
	d.requireAsOnDisk(w, c)
	require.Equal(t, chunk, w.Int(`select max(id) from chunks`))
	d.remove(second)
	requireCount(t, 1, syncNow(t, w, c), "documents_removed")
	d.requireAsOnDisk(w, c)
}

func TestScan_TwoFilesThatSwapTheirContentsAreBothThere(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	d.write("b.txt", "A heron.")
	d.addSource(w, c, nil)
	d.write("a.txt", "A heron.")
	d.write("b.txt", "A walrus.")
	requireCount(t, 2, syncNow(t, w, c), "total_files_scanned")
	d.requireAsOnDisk(w, c)
	requireCount(t, 0, syncNow(t, w, c), "files_read")
}

// The first of two that have swapped is a copy when it is seen, and taken at the end of the
// run. Whose worker goes silent there finds it taken by another.
func TestScan_WhatIsLeftOfASwapIsTakenByAnotherWorker(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting(), testworld.Setting("OPERATION_LEASE_SECONDS=3600"))
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	d.write("b.txt", "A heron.")
	d.addSource(w, c, nil)
	d.write("a.txt", "A heron.")
	d.write("b.txt", "A walrus.")
	listed := w.Trace.PauseAt("select c.file_path")
	t.Cleanup(listed.Resume)
	_, err := w.Collections.SyncNow(w.As(w.Root), c.ID)
	require.NoError(t, err)
	reached(t, listed)
	taken := w.Trace.PauseAt("pg_advisory_xact_lock(hashtextextended")
	t.Cleanup(taken.Resume)
	listed.Resume()
	reached(t, taken)
	lapse(w)
	next := testworld.New(t, testworld.On(w), d.setting(), testworld.Setting(quickLease))
	next.AwaitQuiet()
	d.requireAsOnDisk(next, c)
}

func TestScan_AFolderThatIsNotThereRemovesNothing(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("in/a.txt", "A walrus.")
	sub := disk{t, filepath.Join(d.root, "in")}
	sub.addSource(w, c, nil)
	d.rename("in", "elsewhere")
	o := syncNow(t, w, c)
	require.Equal(t, operations.StatusFailed, o.Status)
	require.Contains(t, *o.ErrorMessage, "No source could be looked through")
	now := w.Read(c.ID)
	require.Equal(t, collections.StatusReady, now.Status, "what it has can be used")
	require.EqualValues(t, 1, now.DocumentCount)
	require.Equal(t, collections.RunFailed, *now.SyncLastRunStatus)
	require.NotNil(t, now.SyncLastError)
	require.NotContains(t, w.Log(), "level=ERROR", "it is the user's matter")
	w.CheckRules()
	d.rename("elsewhere", "in")
	require.Equal(t, operations.StatusCompleted, syncNow(t, w, c).Status)
	require.Equal(t, collections.RunSuccess, *w.Read(c.ID).SyncLastRunStatus)
	require.Nil(t, w.Read(c.ID).SyncLastError)
}

func TestScan_AFileThatCannotBeTakenIsNamedAndTheRestIsThere(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting(), testworld.Setting("MAX_UPLOAD_BYTES=1024"))
	c := w.Collection(w.Root)
	d.write("small.txt", "A walrus.")
	d.write("large.txt", strings.Repeat("A large walrus. ", 200))
	o := d.addSource(w, c, nil)
	require.Equal(t, operations.StatusCompleted, o.Status)
	requireCount(t, 1, o, "files_failed")
	requireCount(t, 1, o, "sources_partial")
	sources, _, err := w.Collections.Sources(w.As(w.Root), c.ID, onePage)
	require.NoError(t, err)
	require.Equal(t, collections.RunPartial, *sources[0].LastRunStatus)
	require.Contains(t, *sources[0].LastError, "1 file was not taken: large.txt")
	require.EqualValues(t, 1, sources[0].DocumentCount)
	require.Nil(t, sources[0].ScanRequestedAt)
	// A document whose file has grown beyond what is taken stays as it was.
	d.write("small.txt", strings.Repeat("It has grown. ", 200))
	syncNow(t, w, c)
	require.EqualValues(t, 1, w.Read(c.ID).DocumentCount)
	require.Equal(t, []string{d.root + "/small.txt"}, finds(t, w, c, "walrus"))
}

func TestScan_BrokenOffItGoesOnAndCountsEachFileOnce(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting(), testworld.NoWorker())
	c := w.Collection(w.Root)
	for i := range 30 {
		d.write(fmt.Sprintf("%02d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	operation := d.startSource(w, c, nil)
	pause := w.Trace.PauseAt(firstOfAContent)
	t.Cleanup(pause.Resume)
	require.NoError(t, w.Worker.Start(t.Context()))
	reached(t, pause)
	stopInTheMiddle(t, w, pause)
	require.Equal(t, operations.StatusPending, w.Operation(operation).Status)
	next := testworld.New(t, testworld.On(w), d.setting())
	o := next.AwaitOperation(operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	requireCount(t, 30, o, "total_files_scanned")
	requireCount(t, 30, o, "documents_added")
	requireCount(t, 30, o, "files_read")
	d.requireAsOnDisk(next, c)
}

func TestScan_CancelledItSaysSoAndTheNextOneGoesOn(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	for i := range 30 {
		d.write(fmt.Sprintf("%02d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	pause := w.Trace.PauseAt(firstOfAContent)
	t.Cleanup(pause.Resume)
	operation := d.startSource(w, c, nil)
	reached(t, pause)
	o, err := w.Operations.Cancel(w.As(w.Root), operation)
	require.NoError(t, err)
	pause.Resume()
	requireCancelled(t, w, c, o)
	sources, _, err := w.Collections.Sources(w.As(w.Root), c.ID, onePage)
	require.NoError(t, err)
	require.Equal(t, collections.RunFailed, *sources[0].LastRunStatus)
	require.Contains(t, *sources[0].LastError, "cancelled")
	require.Nil(t, sources[0].ScanRequestedAt)
	require.Equal(t, operations.StatusCompleted, syncNow(t, w, c).Status)
	d.requireAsOnDisk(w, c)
}

func TestScan_ASourceThatIsAddedMeanwhileIsTakenIn(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("one/a.txt", "A walrus.")
	d.write("two/b.txt", "A heron.")
	one, two := disk{t, d.root + "/one"}, disk{t, d.root + "/two"}
	pause := w.Trace.PauseAt(firstOfAContent)
	t.Cleanup(pause.Resume)
	operation := one.startSource(w, c, nil)
	reached(t, pause)
	require.Equal(t, operation, two.startSource(w, c, nil))
	_, joined := w.Upload(w.Root, c, testworld.File{Path: "c.txt", Content: "A gull."})
	require.Equal(t, operation, *joined)
	pause.Resume()
	o := w.AwaitOperation(operation)
	require.Equal(t, operations.StatusCompleted, o.Status)
	require.EqualValues(t, 3, w.Read(c.ID).DocumentCount)
	requireCount(t, 2, o, "sources_completed")
	w.CheckRules()
}

func TestScan_ADocumentThatWasDeletedComesBackWithItsFile(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	d.write("a.txt", "A walrus.")
	d.addSource(w, c, nil)
	docs, _, err := documents.NewRepository(w.DB).List(t.Context(), w.Scope(c.ID), documents.Filter{}, onePage)
	require.NoError(t, err)
	require.NoError(t, w.Documents.Delete(w.As(w.Root), c.ID, docs[0].ID))
	syncNow(t, w, c)
	d.requireAsOnDisk(w, c)
}

func TestScan_ADeletedCollectionEndsIt(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	w := testworld.New(t, d.setting())
	c := w.Collection(w.Root)
	for i := range 10 {
		d.write(fmt.Sprintf("%02d.txt", i), fmt.Sprintf("Walrus number %d.", i))
	}
	d.write("copy.txt", "Walrus number 1.")
	d.addSource(w, c, nil)
	d.write("more.txt", "A heron.")
	pause := w.Trace.PauseAt(firstOfAContent)
	t.Cleanup(pause.Resume)
	_, err := w.Collections.SyncNow(w.As(w.Root), c.ID)
	require.NoError(t, err)
	reached(t, pause)
	purge := w.Delete(c)
	pause.Resume()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(purge).Status)
	require.Empty(t, w.Left(c.ID))
	require.Zero(t, w.Int(`select count(*) from source_copies`))
}
