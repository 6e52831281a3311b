package operations_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/platform/database"
	"semantik/testworld"
)

func zipped(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("a.txt")
	require.NoError(t, err)
	_, err = f.Write([]byte("inside"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// together uploads files before the worker starts, so that one operation works on
// all of them, and gives it with the documents as they are when it has ended.
func together(t *testing.T, w *testworld.World, c collections.Collection, files ...testworld.File) (operations.Operation, []documents.Document) {
	t.Helper()
	results, operation := w.Upload(w.Root, c, files...)
	require.NoError(t, w.Worker.Start(t.Context()))
	o := w.AwaitOperation(*operation)
	var docs []documents.Document
	for _, r := range results {
		docs = append(docs, w.Document(c.ID, r.Document.ID))
	}
	return o, docs
}

func TestAppend_EachDocumentHasItsOutcomeAndTheRestIsLoaded(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	cases := []struct {
		name, content string
		status        documents.Status
		chunks        int64
		reason        string
	}{
		{"plain.txt", "The house stands by the river.", documents.StatusCompleted, 1, ""},
		{"page.html", "<html><body><h1>Title</h1><script>bad()</script><p>A paragraph.</p></body></html>", documents.StatusCompleted, 1, ""},
		{"notes.md", "# One\n\nText.\n\n# Two\n\nMore text.\n", documents.StatusCompleted, 1, ""},
		{"wide.txt", "\xff\xfeK\x00\xf6\x00l\x00n\x00", documents.StatusCompleted, 1, ""},
		{"latin1.txt", "Gr\xfc\xdfe aus Bonn, das ist kein UTF-8.", documents.StatusFailed, 0, "utf-8"},
		{"empty.txt", "", documents.StatusFailed, 0, "empty"},
		{"blank.txt", " \n\t\n ", documents.StatusFailed, 0, ""},
		{"archive.zip", zipped(t), documents.StatusFailed, 0, ""},
		{"picture.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", documents.StatusFailed, 0, ""},
		{"program.txt", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00" + strings.Repeat("\x00\x01\x02", 100), documents.StatusFailed, 0, ""},
		{"nul.txt", "text with a \x00 in it", "", 0, ""},
	}
	var files []testworld.File
	for _, f := range cases {
		files = append(files, testworld.File{Path: f.name, Content: f.content})
	}
	o, docs := together(t, w, c, files...)
	failed := 0
	for i, f := range cases {
		d := docs[i]
		if f.status != "" {
			require.Equal(t, f.status, d.Status, "%s: %v", f.name, d.ErrorMessage)
			require.Equal(t, f.chunks, d.ChunkCount, f.name)
		}
		if d.Status != documents.StatusFailed {
			require.Nil(t, d.ErrorMessage)
			continue
		}
		failed++
		require.Regexp(t, `^[A-Z].*\.$`, *d.ErrorMessage, "%s: a sentence for people", f.name)
		require.Contains(t, strings.ToLower(*d.ErrorMessage), f.reason)
		require.Equal(t, documents.CategoryPermanent, *d.ErrorCategory, f.name)
	}
	now := w.Read(c.ID)
	require.Equal(t, collections.StatusReady, now.Status, "some documents that fail leave the collection ready")
	require.EqualValues(t, len(cases), now.DocumentCount)
	require.Equal(t, now.ChunkCount, now.VectorCount)
	require.Equal(t, []string{"wide.txt"}, finds(t, w, c, "Köln"), "an encoding that names itself is read")
	require.Empty(t, finds(t, w, c, "bad"))

	require.Equal(t, operations.StatusCompleted, o.Status)
	require.EqualValues(t, len(cases)-failed, o.Meta.Result["documents_processed"])
	require.EqualValues(t, failed, o.Meta.Result["documents_failed"])
	require.EqualValues(t, now.ChunkCount, o.Meta.Result["chunks_created"])
	require.EqualValues(t, len(cases), o.Meta.Progress.Done)
	percent, known := o.Percent()
	require.True(t, known)
	require.InDelta(t, 100, percent, 0)
}

func TestAppend_WhenNothingCanBeReadTheOperationFails(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	o, docs := together(t, w, c, testworld.File{Path: "a.png", Content: "\x89PNG\r\n\x1a\n"}, testworld.File{Path: "empty.txt"})
	require.Equal(t, []documents.Status{documents.StatusFailed, documents.StatusFailed}, statuses(docs))
	require.Equal(t, operations.StatusFailed, o.Status)
	require.Equal(t, "None of the 2 documents could be read; each says why.", *o.ErrorMessage)
	now := w.Read(c.ID)
	require.Equal(t, collections.StatusError, now.Status)
	require.Equal(t, *o.ErrorMessage, *now.StatusMessage)

	t.Run("and a good document is the way out", func(t *testing.T) {
		w := w.In(t)
		require.Equal(t, documents.StatusCompleted, w.AddDocuments(c, testworld.File{Path: "good.txt", Content: "good"})[0].Status)
		now := w.Read(c.ID)
		require.Equal(t, collections.StatusReady, now.Status)
		require.Nil(t, now.StatusMessage)
	})
	t.Run("beside documents that are there it does not fail", func(t *testing.T) {
		w := w.In(t)
		w.AddDocuments(c, testworld.File{Path: "b.png", Content: "\x89PNG\r\n\x1a\n2"})
		require.Equal(t, collections.StatusReady, w.Read(c.ID).Status)
	})
	t.Run("new content for a document that failed", func(t *testing.T) {
		w := w.In(t)
		d := w.AddDocuments(c, testworld.File{Path: "empty.txt", Content: "not empty any more"})[0]
		require.Equal(t, docs[1].ID, d.ID)
		require.Equal(t, documents.StatusCompleted, d.Status)
		require.Nil(t, d.ErrorMessage)
	})
}

// An operation that has come to nothing gives up nothing that comes in while it ends.
func TestAppend_WhatComesInAtAFruitlessEndIsWorkedOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, fruitless := w.Upload(w.Root, c, testworld.File{Path: "empty.txt"})
	looksForMore := w.Trace.PauseAt("ORDER BY scan_requested_at")
	require.NoError(t, w.Worker.Start(t.Context()))
	reached(t, looksForMore)
	pause := w.Trace.PauseAt(`FROM "collections" WHERE`) // asks, with its lock held, whether it has anything else
	t.Cleanup(pause.Resume)
	looksForMore.Resume()
	reached(t, pause)
	type came struct {
		results   []documents.Result
		operation *uuid.UUID
		err       error
	}
	after := make(chan came, 1)
	go func() {
		var one came
		one.results, one.operation, one.err = w.Documents.Upload(w.As(w.Root), c.ID,
			documents.Upload{Next: testworld.Sequence(testworld.File{Path: "good.txt", Content: "A good text."})})
		after <- one
	}()
	require.Eventually(t, func() bool {
		return w.Int(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 1
	}, 30*time.Second, 10*time.Millisecond)
	pause.Resume()
	one := <-after
	require.NoError(t, one.err)
	require.Equal(t, operations.StatusFailed, w.AwaitOperation(*fruitless).Status)
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*one.operation).Status)
	require.Equal(t, documents.StatusCompleted, w.Document(c.ID, one.results[0].Document.ID).Status)
	require.Equal(t, collections.StatusReady, w.Read(c.ID).Status)
}

func TestAppend_NewContentReplacesTheChunks(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root, testworld.ChunkSize(100))
	first := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: strings.Repeat("The walrus sleeps. ", 50)})[0]
	require.Greater(t, first.ChunkCount, int64(5))
	second := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The heron stands."})[0]
	require.Equal(t, first.ID, second.ID)
	require.EqualValues(t, 1, second.ChunkCount)
	require.EqualValues(t, 1, w.Read(c.ID).ChunkCount)
	require.Empty(t, finds(t, w, c, "walrus"))
	require.Equal(t, []string{"a.txt"}, finds(t, w, c, "heron"))
	third := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "\x89PNG\r\n\x1a\n"})[0]
	require.Equal(t, documents.StatusFailed, third.Status)
	require.Zero(t, w.Read(c.ID).ChunkCount, "a content that cannot be read takes the old chunks out of sight")
}

// The offsets of a chunk give its content back out of the text that is stored.
func TestAppend_OffsetsGiveTheExactTextBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root, testworld.ChunkSize(120))
	docs := w.AddDocuments(c,
		testworld.File{Path: "a.md", Content: strings.Repeat("# Überschrift 😀\n\nEin Absatz mit Umlauten: äöüß. Noch ein Satz.\n\n", 20)},
		testworld.File{Path: "b.html", Content: "<body>" + strings.Repeat("<h2>Kapitel</h2><p>Größe &amp; Maß, 漢字 und mehr davon.</p>", 20) + "</body>"},
		testworld.File{Path: "c.txt", Content: "\ufeffGrüße. " + strings.Repeat("Zeile\r\n", 60)},
	)
	for _, d := range docs {
		require.Equal(t, documents.StatusCompleted, d.Status, d.FilePath)
		text := w.Content(d, documents.Text)
		if len(text) == 0 {
			text = w.Content(d, documents.Original)
		}
		runes := []rune(string(text))
		found, _, err := chunks.NewRepository(w.DB).GetChunksByDocument(t.Context(), w.Scope(c.ID), d.ID, chunks.Key{}, 1000)
		require.NoError(t, err)
		require.Len(t, found, int(d.ChunkCount))
		for _, k := range found {
			require.Equal(t, string(runes[*k.StartOffset:*k.EndOffset]), k.Content, "%s, chunk %d", d.FilePath, k.ChunkIndex)
		}
	}
}

// A document with more chunks than a slice of search rows: loaded in one
// transaction, made findable in several.
func TestAppend_ALargeDocumentIsMadeFindableInSlices(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root, testworld.ChunkSize(100))
	var text strings.Builder
	for i := range 2*chunks.SearchSlice + 500 {
		fmt.Fprintf(&text, "Line %06d is as long as it takes to make a chunk of its own, with a word or two to spare.\n\n", i)
	}
	_, operation := w.Upload(w.Root, c, testworld.File{Path: "large.txt", Content: text.String()})
	require.NoError(t, w.Worker.Start(t.Context()))

	// After the first slice it can be found in part, and the counters say so.
	w.Await("a slice is done", func() bool { return w.Read(c.ID).VectorCount > 0 })
	w.CheckRules()
	o := w.AwaitOperation(*operation)
	require.Equal(t, operations.StatusCompleted, o.Status, "%v", o.ErrorMessage)
	now := w.Read(c.ID)
	require.Greater(t, now.ChunkCount, int64(2*chunks.SearchSlice))
	require.Equal(t, now.ChunkCount, now.VectorCount)
	require.EqualValues(t, 1, o.Meta.Progress.Done)
	require.Equal(t, now.ChunkCount, o.Meta.Progress.Chunks)
	require.Equal(t, []string{"large.txt"}, finds(t, w, c, "000000"))
}

func TestAppend_ADocumentThatMakesTheProgramPanicFailsAlone(t *testing.T) {
	t.Parallel()
	var panics atomic.Bool
	w := testworld.New(t, testworld.NoWorker(), testworld.Database(func(c *database.Config) {
		c.BeforeCommit = func(context.Context) error {
			// Not the look-out for unattended operations, which commits too.
			if strings.Contains(string(debug.Stack()), "appendWork") && panics.CompareAndSwap(true, false) {
				panic("a fault that nobody thought of")
			}
			return nil
		}
	}))
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, several(3)...)
	pause := w.Trace.PauseAt(firstOfAStep)
	t.Cleanup(pause.Resume)
	require.NoError(t, w.Worker.Start(t.Context()))
	reached(t, pause)
	panics.Store(true)
	pause.Resume()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(*operation).Status)
	failed := 0
	for _, r := range results {
		if d := w.Document(c.ID, r.Document.ID); d.Status == documents.StatusFailed {
			failed++
			require.Equal(t, documents.CategoryUnknown, *d.ErrorCategory)
			require.NotContains(t, *d.ErrorMessage, "fault")
		}
	}
	require.Equal(t, 1, failed)
	require.EqualValues(t, 2, w.Read(c.ID).ChunkCount)
	require.Contains(t, w.Log(), "a fault that nobody thought of")
}

func TestAppend_ADocumentOfMegabytes(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root, testworld.ChunkSize(10_000))
	line := strings.Repeat("0123456789", 9) + " river\n" // few words, so that they are soon indexed
	content := strings.Repeat(line, 5<<20/len(line))
	d := w.AddDocuments(c, testworld.File{Path: "huge.txt", Content: content})[0]
	require.Equal(t, documents.StatusCompleted, d.Status, "%v", d.ErrorMessage)
	require.EqualValues(t, len(content), d.FileSize)
	require.Greater(t, d.ChunkCount, int64(500))
	require.Equal(t, content, string(w.Content(d, documents.Original)))
}
