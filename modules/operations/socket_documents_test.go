package operations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// saidOf gives, of the frames of this type, what each says under the key, by its uri.
func saidOf(t *testing.T, frames []testworld.Frame, kind, key string) map[string]any {
	t.Helper()
	said := map[string]any{}
	for _, f := range frames {
		if f.Type == kind {
			uri, _ := f.Data["uri"].(string)
			require.NotContains(t, said, uri, "it is told once")
			require.Len(t, f.Data, 4, f.Text)
			said[uri] = f.Data[key]
		}
	}
	return said
}

func TestSocket_WhatHasBecomeOfEachDocumentIsTold(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		w.StartListening()
		c := w.Collection(w.Root, testworld.ChunkSize(100))
		results, operation := w.Upload(w.Root, c, append(prose(3), testworld.File{Path: "empty.txt"}, testworld.File{Path: "a.png", Content: "\x89PNG\r\n\x1a\n"})...)
		one, own := watchOne(w, w.Root, *operation), watchOwn(w, w.Root)
		own.Nothing()
		require.NoError(t, w.Worker.Start(t.Context()))
		extracted, failed := map[string]any{}, map[string]any{}
		w.AwaitOperation(*operation)
		for _, r := range results {
			d := w.Document(c.ID, r.Document.ID)
			if d.Status == documents.StatusFailed {
				failed[d.FilePath] = *d.ErrorMessage
				continue
			}
			extracted[d.FilePath] = float64(d.ChunkCount)
		}
		require.Len(t, failed, 2)
		for _, s := range []*testworld.Socket{one, own} {
			frames := s.Until("operation_completed")
			require.Equal(t, extracted, saidOf(t, frames, "document_extracted", "chunks_created"))
			require.Equal(t, failed, saidOf(t, frames, "document_failed", "error"), "in the words of its row")
			s.Nothing()
		}
	}, testworld.NoWorker())
}

func TestSocket_EachFailedDocumentIsToldHoweverManyAreExtracted(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	c := w.Collection(w.Root)
	files := several(200)
	for i := range 60 {
		files = append(files, testworld.File{Path: fmt.Sprintf("%d.png", i), Content: fmt.Sprint("\x89PNG\r\n\x1a\n", i)})
	}
	_, operation := w.Upload(w.Root, c, files...)
	s := watchOne(w, w.Root, *operation)
	require.NoError(t, w.Worker.Start(t.Context()))
	frames := s.Until("operation_completed")
	require.Len(t, saidOf(t, frames, "document_failed", "error"), 60)
	require.NotEmpty(t, saidOf(t, frames, "document_extracted", "chunks_created"))
	last := frames[len(frames)-4]
	require.Subset(t, last.Data, map[string]any{"processed": 200.0, "failed": 60.0}, "what was left out is in the sums")
}

func TestSocket_ADocumentThatFailsIsToldBeforeTheOperationThatFailsWithIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, testworld.File{Path: "empty.txt"})
	s := watchOne(w, w.Root, *operation)
	require.NoError(t, w.Worker.Start(t.Context()))
	frames := s.Until("operation_failed")
	require.Len(t, saidOf(t, frames, "document_failed", "error"), 1)
	s.Nothing()
}

func TestSocket_ADocumentThatIsGivenUpWithItsWorkerIsTold(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(quickLease), testworld.Setting("OPERATION_MAX_ATTEMPTS=2"))
	w.StartListening()
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, several(3)...)
	dieOften(t, w, *operation)
	_, err := documents.NewRepository(w.DB).ClaimWaiting(t.Context(), w.Scope(c.ID), 1)
	require.NoError(t, err)
	s := watchOne(w, w.Root, *operation)
	require.NoError(t, w.Worker.Start(t.Context()))
	failed := saidOf(t, s.Until("operation_completed"), "document_failed", "error")
	first := w.Document(c.ID, results[0].Document.ID)
	require.Equal(t, map[string]any{first.FilePath: *first.ErrorMessage}, failed)
}

func TestSocket_AReindexTellsOfADocumentThatItLeavesAsItWas(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	w.StartListening()
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, prose(2)...)
	w.Exec(`update documents set mime_type = 'image/png', file_path = 'a.png', file_name = 'a.png' where id = $1`, docs[0].ID)
	own := watchOwn(w, w.Root)
	o := reindex(t, w, c, collections.ReindexInput{})
	frames := own.Until("operation_completed")
	for frames[len(frames)-1].Data["operation_id"] != o.UUID.String() {
		frames = own.Until("operation_completed")
	}
	failed := saidOf(t, frames, "document_failed", "error")
	require.Len(t, failed, 1)
	require.Equal(t, []any{map[string]any{"document_id": docs[0].ID.String(), "file_path": "a.png", "reason": failed["a.png"]}}, w.Operation(o.UUID).Meta.Result["kept"])
	require.Contains(t, saidOf(t, frames, "document_extracted", "chunks_created"), docs[1].FilePath)
}

func TestSocket_ALongPathIsToldInShort(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "a.png", Content: "\x89PNG\r\n\x1a\n"}, testworld.File{Path: "b.txt", Content: "b"})
	long := strings.Repeat("日本/", 1300) + "end.png"
	w.Exec(`update documents set file_path = $1 where id = $2`, long, results[0].Document.ID)
	s := watchOne(w, w.Root, *operation)
	require.NoError(t, w.Worker.Start(t.Context()))
	frames := s.Until("operation_completed")
	told := saidOf(t, frames, "document_failed", "error")
	require.Len(t, told, 1)
	for uri, reason := range told {
		require.Contains(t, uri, "…")
		require.True(t, strings.HasSuffix(uri, "/end.png"), uri)
		require.NotEmpty(t, reason)
	}
	require.Equal(t, operations.StatusCompleted, w.Operation(*operation).Status)
}
