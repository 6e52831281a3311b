package upkeep_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/testworld"
)

// archived is what stands in the archive of operations, how often each by its id.
func archived(t *testing.T, dir string) (rows map[float64]map[string]any, times map[float64]int) {
	t.Helper()
	rows, times = map[float64]map[string]any{}, map[float64]int{}
	files, err := filepath.Glob(filepath.Join(dir, "operations-*.ndjson.zst"))
	require.NoError(t, err)
	for _, path := range files {
		for _, row := range linesOf(t, path) {
			id := idOf(t, row)
			rows[id] = row
			times[id]++
		}
	}
	return rows, times
}

func idOf(t *testing.T, row map[string]any) float64 {
	t.Helper()
	id, ok := row["id"].(float64)
	require.True(t, ok, "%v", row)
	return id
}

func linesOf(t *testing.T, path string) []map[string]any {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	plain, err := zstd.NewReader(file)
	require.NoError(t, err)
	defer plain.Close()
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	var rows []map[string]any
	for line := range strings.Lines(string(text)) {
		var row map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		rows = append(rows, row)
	}
	return rows
}

// idsOf are the operations that there are.
func idsOf(w *testworld.World) []float64 {
	return testworld.Value[[]float64](w, `select array(select id::float8 from operations order by id)`)
}

func TestArchive_WhatGoesStandsInAFileOfWholeRowsForTheServerAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there")
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("ARCHIVE_DIR="+dir))
	c, deleted := w.Collection(w.Root), w.Collection(w.Root)
	old(w, c, 150, 100)
	w.Exec(`update operations set error_message = E'a line\nand another ☃', meta = '{"result": {"n": 12345678901234567890}}' where created_at < now() - interval '1 day'`)
	purged(w, deleted)
	before := idsOf(w)
	text := testworld.Value[string](w, `select row_to_json(o)::text from operations o order by created_at, id limit 1`)
	require.Equal(t, forgot(1, 55), do(t, w, "operations"))

	rows, times := archived(t, dir)
	gone := slices.DeleteFunc(before, func(id float64) bool { return slices.Contains(idsOf(w), id) })
	require.Len(t, gone, 55)
	require.Len(t, rows, 55)
	for _, id := range gone {
		require.Equal(t, 1, times[id])
	}
	var whole map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &whole))
	require.Equal(t, whole, rows[idOf(t, whole)])

	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), file.Name())
	}
	folder, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
	do(t, w, "operations")
	again, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, again, len(files), "no file without rows")
}

// purged makes a collection one that was deleted and purged long ago.
func purged(w *testworld.World, c collections.Collection) {
	w.Exec(`update collections set deleted_at = now() - interval '1 year', status = 'pending' where id = $1`, c.ID)
	w.Exec(`
insert into operations (collection_id, user_id, type, status, config, attempt, created_at, completed_at)
select $1, $2, t, 'completed', '{"a": 1}', 1, now() - interval '1 year', now() - interval '1 year' from unnest(array['append', 'append', 'delete']) t`, c.ID, w.Root.ID)
}

// breakOff has the task operations done, and ends it at its n-th statement with this
// text, before that is sent.
func breakOff(t *testing.T, w *testworld.World, text string, n int) {
	t.Helper()
	w.Exec(`update scheduled_tasks set next_due_at = case name when 'operations' then now() - interval '1 second' else now() + interval '1 hour' end`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	pause := w.Trace.PauseAt(text)
	go func() { ended <- w.Schedule.Work(ctx) }()
	for range n - 1 {
		<-pause.Reached()
		next := w.Trace.PauseAt(text)
		pause.Resume()
		pause = next
	}
	<-pause.Reached()
	cancel()
	require.NoError(t, <-ended)
}

func TestArchive_BrokenOffAnywhereNoRowIsLostAndAllGoesTheNextTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("ARCHIVE_DIR="+dir), testworld.Setting("PURGE_ROWS=20"), testworld.Setting("PURGE_PAUSE=0"))
	c, deleted := w.Collection(w.Root), w.Collection(w.Root)
	old(w, c, 99+50, 100)
	purged(w, deleted)
	do(t, w, "expired")
	all := idsOf(w)
	check := func(gone int) {
		t.Helper()
		left := idsOf(w)
		rows, _ := archived(t, dir)
		for _, id := range all {
			if !slices.Contains(left, id) {
				require.Contains(t, rows, id, "it went, and is lost")
			}
		}
		require.Len(t, left, len(all)-gone)
		parts, err := filepath.Glob(filepath.Join(dir, "*.part"))
		require.NoError(t, err)
		require.Empty(t, parts)
	}
	breakOff(t, w, "select row_to_json", 1)
	check(0)
	require.Empty(t, second(os.ReadDir(dir)), "a file that is not whole has no name")
	breakOff(t, w, "delete from operations", 1)
	check(0)
	breakOff(t, w, "select row_to_json", 4)
	check(4)
	breakOff(t, w, "delete from operations\nwhere id", 3)
	check(44)
	require.Equal(t, forgot(0, 10), do(t, w, "operations"))
	check(54)
	_, times := archived(t, dir)
	most := 0
	for _, n := range times {
		most = max(most, n)
	}
	require.Greater(t, most, 1, "some stand there twice, and have their id to tell by")
}

func second(entries []os.DirEntry, err error) []os.DirEntry {
	if err != nil {
		panic(err)
	}
	return entries
}

func TestArchive_OneThatCannotBeWrittenKeepsTheRowsAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("ARCHIVE_DIR="+dir))
	c, deleted := w.Collection(w.Root), w.Collection(w.Root)
	purged(w, deleted)
	before := idsOf(w)
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // whoever is root may write into every folder
	status, said := try(t, w, "operations")
	require.Equal(t, "failed", status)
	require.Contains(t, said, "set it to none to archive nothing")
	require.NotContains(t, said, dir)
	require.Equal(t, before, idsOf(w))
	w.Exec(`delete from operations where collection_id = $1`, deleted.ID)
	w.Exec(`delete from collections where id = $1`, deleted.ID)
	old(w, c, 150, 100)
	before = idsOf(w)
	status, _ = try(t, w, "operations")
	require.Equal(t, "failed", status)
	require.Equal(t, before, idsOf(w))
	require.NoError(t, os.Remove(dir))
	require.Equal(t, forgot(0, 51), do(t, w, "operations"))
}

func TestArchive_WhoWantsNoneHasNone(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("ARCHIVE_DIR=none"), testworld.Setting("SEMANTIK_DATA="+data))
	c, deleted := w.Collection(w.Root), w.Collection(w.Root)
	old(w, c, 150, 100)
	purged(w, deleted)
	require.Equal(t, "Deleted collections forgotten: 1; operations removed: 55.", do(t, w, "operations"))
	require.NoFileExists(t, filepath.Join(data, "archive"))
}
