package upkeep_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

func TestBin_RemovesWhatWasDeletedLongAgoAndNothingElse(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, files(4)...)
	bin(w, c, 30*day+time.Minute, docs[0])
	bin(w, c, 30*day-time.Minute, docs[1])
	before := w.Read(c.ID)
	require.Equal(t, emptied(1), do(t, w, "bin"))
	rows, contents := there(w, docs)
	require.Equal(t, []bool{false, true, true, true}, rows)
	require.Equal(t, []bool{false, true, true, true}, contents)
	require.Equal(t, before, w.Read(c.ID), "no counter has changed")
	require.Equal(t, emptied(0), do(t, w, "bin"))
}

func TestBin_WithoutDaysIsEmptiedAtTheNextLook(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("TRASH_DAYS=0"))
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, files(2)...)
	bin(w, c, 0, docs[0])
	require.Equal(t, emptied(1), do(t, w, "bin"))
	rows, _ := there(w, docs)
	require.Equal(t, []bool{false, true}, rows)
}

func TestBin_GoesInSlicesThroughManyCollectionsAndLongContents(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting(smallSlices), testworld.Setting("PURGE_PAUSE=0"))
	for range 3 {
		c := w.Collection(w.Root)
		docs := w.AddDocuments(c, files(5)...)
		w.Exec(`
insert into document_contents (document_id, collection_id, partition_key, kind, slice, data)
select $1, collection_id, partition_key, 'original', i, 'x' from documents d, generate_series(100, 104) i where d.id = $1`, docs[0].ID)
		bin(w, c, 31*day, docs...)
	}
	commits := 0
	statements := w.Trace.Record(func() { require.Contains(t, do(t, w, "bin"), "Documents removed: 15;") })
	for _, s := range statements {
		if s.SQL == "commit" {
			commits++
		}
	}
	require.Greater(t, commits, 10, "a slice has two documents, or two slices of a content")
	require.Zero(t, w.Int(`select (select count(*) from documents) + (select count(*) from document_contents)`))
}

// A document that somebody restores meanwhile is theirs.
func TestBin_LeavesWhatSomebodyIsAt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	docs := w.AddDocuments(c, files(3)...)
	bin(w, c, 31*day, docs...)
	conn, err := pgx.Connect(t.Context(), w.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `update documents set status = 'failed', error_message = 'once', error_category = 'unknown', deleted_at = null where id = $1`, docs[1].ID)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `update collections set document_count = 1, total_size_bytes = $2 where id = $1`, c.ID, docs[1].FileSize)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `update collection_sources set document_count = 1, size_bytes = $2 where collection_id = $1`, c.ID, docs[1].FileSize)
	require.NoError(t, err)
	require.Equal(t, emptied(2), do(t, w, "bin"), "and it waits for nobody")
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, emptied(0), do(t, w, "bin"))
	rows, contents := there(w, docs)
	require.Equal(t, []bool{false, true, false}, rows)
	require.Equal(t, []bool{false, true, false}, contents)
}

func TestBin_LeavesADeletedCollectionToItsPurge(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	w.Exec(`
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, deleted_at)
select id, partition_key, 'a', 'a', 1, repeat('0', 64), 'deleted', now() - interval '1 year' from collections`)
	w.Delete(c)
	require.Equal(t, emptied(0), do(t, w, "bin"))
	require.EqualValues(t, 1, w.Int(`select count(*) from documents`))
}

func TestBin_TwoAtOnceRemoveEachDocumentOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting(smallSlices))
	c := w.Collection(w.Root)
	bin(w, c, 31*day, w.AddDocuments(c, files(12)...)...)
	other := testworld.New(t, testworld.On(w), testworld.NoWorker(), testworld.Setting(smallSlices))
	do(t, w, "expired")
	w.Exec(`update scheduled_tasks set next_due_at = now() where name = 'bin'`)
	for _, err := range w.Race(4, func(i int) error { return []*testworld.World{w, other}[i%2].Schedule.Work(t.Context()) }) {
		require.NoError(t, err)
	}
	require.Contains(t, testworld.Value[string](w, `select last_summary from scheduled_tasks where name = 'bin'`), "Documents removed: 12;")
}

func TestBin_WhatAKilledServerHasLeftOfUploadsGoesOnceNobodyCanBeAtIt(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("SEMANTIK_DATA="+data))
	spool := filepath.Join(data, "uploads")
	for _, name := range []string{"upload-1", "upload-2", "upload-now", "mine.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(spool, name), []byte("x"), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(spool, "upload-folder"), 0o700))
	before := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"upload-1", "upload-2", "mine.txt", "upload-folder"} {
		require.NoError(t, os.Chtimes(filepath.Join(spool, name), before, before))
	}
	require.Equal(t, "Documents removed: 0; bytes of their contents: 0; files of broken uploads: 2.", do(t, w, "bin"))
	for _, name := range []string{"upload-now", "mine.txt"} {
		require.FileExists(t, filepath.Join(spool, name))
	}
}
