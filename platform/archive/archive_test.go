package archive_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/archive"
)

func write(t *testing.T, a *archive.Archive, name string, rows ...string) archive.Kept {
	t.Helper()
	file, err := a.Begin()
	require.NoError(t, err)
	defer file.Close()
	for _, row := range rows {
		require.NoError(t, file.Add([]byte(row)))
	}
	kept, err := file.Commit(name)
	require.NoError(t, err)
	return kept
}

// text is what all files of that name say, one after another.
func text(t *testing.T, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	texts := []string{}
	for _, path := range paths {
		packed, err := os.Open(path)
		require.NoError(t, err)
		plain, err := zstd.NewReader(packed)
		require.NoError(t, err)
		all, err := io.ReadAll(plain)
		require.NoError(t, err)
		texts = append(texts, string(all))
		plain.Close()
		require.NoError(t, packed.Close())
	}
	return texts
}

func TestFile_ARowIsALineAndNoneIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := archive.New(dir)
	require.Equal(t, archive.Kept{}, write(t, a, "nothing"))
	kept := write(t, a, "things", `{"id": 1}`, `{"id": 2}`)
	require.EqualValues(t, 2, kept.Rows)
	info, err := os.Stat(filepath.Join(dir, "things.ndjson.zst"))
	require.NoError(t, err)
	require.Equal(t, info.Size(), kept.Bytes)
	require.Equal(t, []string{"{\"id\": 1}\n{\"id\": 2}\n"}, text(t, dir, "*"))
}

func TestFile_WhatIsThereIsNeverWrittenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := archive.New(dir)
	first := write(t, a, "month", `{"id": 1}`)
	require.Equal(t, first, write(t, a, "month", `{"id": 1}`))
	require.Len(t, text(t, dir, "*"), 1, "the same rows are kept once")
	write(t, a, "month", `{"id": 1}`, `{"id": 2}`)
	require.ElementsMatch(t, []string{"{\"id\": 1}\n", "{\"id\": 1}\n{\"id\": 2}\n"}, text(t, dir, "month*.ndjson.zst"))
	require.Len(t, text(t, dir, "*"), 2)
}

func TestFile_WithoutACommitIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, err := archive.New(dir).Begin()
	require.NoError(t, err)
	require.NoError(t, file.Add([]byte("{}")))
	file.Close()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestArchive_RemovesWhatAKilledProcessWasWritingADayAgo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"writing-1.part": 25 * time.Hour, "writing-2.part": 23 * time.Hour, "mine.part": 25 * time.Hour} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	write(t, archive.New(dir), "things", "{}")
	require.NoFileExists(t, filepath.Join(dir, "writing-1.part"))
	require.FileExists(t, filepath.Join(dir, "writing-2.part"))
	require.FileExists(t, filepath.Join(dir, "mine.part"))
}

func TestArchive_AFolderThatCannotBeOneIsAnErrorThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	_, err := archive.New(dir).Begin()
	require.ErrorIs(t, err, archive.ErrUnwritable)
	require.NotContains(t, apperr.From(err).Message, dir)
	require.Contains(t, err.Error(), dir, "the log has it")
}

func TestArchive_AFolderThatIsTakenAwayMeanwhileFailsTheFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	file, err := archive.New(dir).Begin()
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, file.Add([]byte("{}")))
	require.NoError(t, os.RemoveAll(dir))
	kept, err := file.Commit("things")
	require.ErrorIs(t, err, archive.ErrUnwritable)
	require.Zero(t, kept)
}

func TestArchive_WithoutAFolderIsOff(t *testing.T) {
	t.Parallel()
	require.False(t, archive.New("").On())
	require.True(t, archive.New("x").On())
}
