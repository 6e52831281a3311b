package documents_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

func TestUpload_APathThatTakesTheContentOfAnotherIsGone(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	added := w.AddDocuments(c, testworld.File{Path: "p.txt", Content: "apple orchard"}, testworld.File{Path: "q.txt", Content: "banana grove"})
	results, _ := w.Upload(w.Root, c, testworld.File{Path: "p.txt", Content: "banana grove"})
	require.Equal(t, documents.Duplicate, results[0].Outcome)
	require.Equal(t, "q.txt", results[0].Document.FilePath)
	require.EqualValues(t, 1, w.Read(c.ID).DocumentCount)
	require.Zero(t, w.Int("select count(*) from chunks where document_id = $1", added[0].ID), "its old text is found no more")

	results, operation := w.Upload(w.Root, c, testworld.File{Path: "p.txt", Content: "apple orchard"})
	require.Equal(t, documents.Created, results[0].Outcome, "and its path is free")
	w.AwaitOperation(*operation)
}

func TestUpload_WhatNobodyHasFinishedIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	one, two := testworld.File{Path: "one.txt", Content: "one"}, testworld.File{Path: "two.txt", Content: "two"}
	_, first := w.Upload(w.Root, c, one, two)
	// The operation has failed for good, and left its documents as they were.
	w.Exec("update operations set status = 'failed', error_message = 'lost', completed_at = now() where uuid = $1", *first)
	w.Exec("update collections set status = 'error' where id = $1", c.ID)
	w.Exec("update documents set status = 'failed', error_category = 'unknown', error_message = 'lost' where file_path = 'two.txt'")

	results, second := w.Upload(w.Root, c, one, two)
	require.Equal(t, documents.Duplicate, results[0].Outcome)
	require.Equal(t, documents.Duplicate, results[1].Outcome)
	require.Equal(t, documents.StatusPending, results[1].Document.Status)
	require.NotNil(t, second)
	require.NotEqual(t, *first, *second)
	require.Equal(t, operations.StatusPending, w.Operation(*second).Status)

	w.Exec("update documents set status = 'failed', error_category = 'permanent', error_message = 'binary' where file_path = 'two.txt'")
	results, _ = w.Upload(w.Root, c, two)
	require.Equal(t, documents.StatusFailed, results[0].Document.Status, "what is wrong with the file itself is not tried again")
}

func TestUpload_ANewContentKeepsWhatIsNotSaidAnew(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	send := func(content, metadata string) documents.Document {
		results, _, err := w.Documents.Upload(w.As(w.Root), c.ID, documents.Upload{
			Next: testworld.Sequence(testworld.File{Path: "a.txt", Content: content}), Metadata: []byte(metadata), SourcePath: "folder " + content,
		})
		require.NoError(t, err)
		return results[0].Document
	}
	first := send("one", `{"year": 2024}`)
	second := send("two", "")
	require.Equal(t, first.ID, second.ID)
	require.JSONEq(t, `{"year": 2024}`, string(second.Meta))
	require.NotEqual(t, *first.SourceID, *second.SourceID)
	third := send("three", `{"year": 2025}`)
	require.JSONEq(t, `{"year": 2025}`, string(third.Meta))
}
