package backup_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/schema/backup"
	"semantik/testworld"
)

func TestBackup_ThatIsBrokenOffIsNone(t *testing.T) {
	t.Parallel()
	w := filled(t)
	for _, name := range []string{"folder", "file.tar"} {
		dir := t.TempDir()
		ctx, stop := context.WithCancel(t.Context())
		_, err := backup.Create(ctx, w.URL, backup.CreateOptions{To: filepath.Join(dir, name), Common: backup.Common{Progress: stopAt{"Copying", stop}}})
		require.Error(t, err)
		found, err := backup.List(dir)
		require.NoError(t, err)
		require.Empty(t, found, "nothing of it is left")
	}
}

// Two that are made at the same time under one name would be one that is neither.
func TestBackup_IsAloneUnderItsName(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	for _, name := range []string{"folder/", "file.tar"} {
		to := filepath.Join(t.TempDir(), filepath.Clean(name))
		// What a run that was killed has left is no hindrance.
		copyBackup(t, made(t, filepath.Base(to)).Path, to+".partial")
		reached, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: filepath.Dir(to) + "/" + name, Common: backup.Common{Progress: waitAt{"Copying", reached, goOn}}})
			ended <- err
		}()
		<-reached
		_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: to})
		require.ErrorIs(t, err, backup.ErrBusy)
		old := time.Now().Add(48 * time.Hour)
		pruned, err := backup.Prune(filepath.Dir(to), backup.PruneOptions{Keep: 1, Now: old})
		require.NoError(t, err)
		require.Empty(t, pruned.Removed, "nobody removes what is being written")
		require.Len(t, pruned.Kept, 1)
		close(goOn)
		require.NoError(t, <-ended)
		_, err = backup.VerifyFiles(t.Context(), open(t, to), 2, nil)
		require.NoError(t, err)
		_, err = backup.Create(t.Context(), w.URL, backup.CreateOptions{To: to})
		require.ErrorIs(t, err, backup.ErrExists)

		foreign := filepath.Join(t.TempDir(), "2.tar")
		require.NoError(t, os.WriteFile(foreign+".partial", []byte("a download"), 0o600))
		_, err = backup.Create(t.Context(), w.URL, backup.CreateOptions{To: foreign})
		require.ErrorIs(t, err, backup.ErrExists, "what is somebody else's is not written over")
		_, err = backup.Create(t.Context(), w.URL, backup.CreateOptions{To: foreign + ".partial"})
		require.ErrorContains(t, err, "cannot be the name of a backup")
	}
}

// copyBackup copies a file or a folder.
func copyBackup(t *testing.T, from, to string) {
	t.Helper()
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		require.NoError(t, os.CopyFS(to, os.DirFS(from)))
		return
	}
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o600))
}

func TestList_TellsWhatIsWholeAndPruneKeepsTheNewest(t *testing.T) {
	t.Parallel()
	w := filled(t)
	dir := t.TempDir()
	for _, name := range []string{"1.tar", "2", "3.tar"} {
		_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: filepath.Join(dir, name)})
		require.NoError(t, err)
	}
	_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: filepath.Join(dir, "notes.tar"), Collections: []string{"notes"}})
	require.NoError(t, err)
	litter(t, dir)

	found, err := backup.List(dir)
	require.NoError(t, err)
	states := map[string]string{}
	for _, f := range found {
		states[f.Name] = f.State
	}
	require.Equal(t, map[string]string{
		"1.tar": "complete", "2": "complete", "3.tar": "complete", "notes.tar": "complete",
		"old.tar.partial": "incomplete", "old.partial": "incomplete", "semantik-20260101-000000Z.tar.partial": "incomplete",
		"half.tar": "unreadable", "flipped.tar": "unreadable", "semantik-20260101-000001Z.tar": "unreadable",
		"first.tar": "unreadable", "headless": "unreadable", "gap": "unreadable",
	}, states)
	latest, err := backup.Latest(dir)
	require.NoError(t, err)
	require.Equal(t, "3.tar", latest.Name)

	broken := []string{"old.partial", "old.tar.partial", "semantik-20260101-000000Z.tar.partial"}
	require.ElementsMatch(t, broken, pruned(t, dir, backup.PruneOptions{Keep: 3, Within: time.Hour, Now: time.Now(), DryRun: true}))
	require.ElementsMatch(t, broken, pruned(t, dir, backup.PruneOptions{Keep: 3, Within: time.Hour, Now: time.Now()}))
	require.Equal(t, []string{"1.tar"}, pruned(t, dir, backup.PruneOptions{Keep: 2, Now: time.Now(), DryRun: true}))
	require.Equal(t, []string{"1.tar"}, pruned(t, dir, backup.PruneOptions{Keep: 2, Now: time.Now()}))
	letter := filepath.Join(dir, "2", "letter.txt")
	require.NoError(t, os.WriteFile(letter, nil, 0o600))
	require.Empty(t, pruned(t, dir, backup.PruneOptions{Keep: 1, Now: time.Now()}), "nor what is among its files")
	require.NoError(t, os.Remove(letter))
	require.Equal(t, []string{"2"}, pruned(t, dir, backup.PruneOptions{Keep: 1, Now: time.Now()}))
	require.NoDirExists(t, filepath.Join(dir, "2.partial"))
	_, err = backup.Prune(dir, backup.PruneOptions{Now: time.Now()})
	require.Error(t, err, "one is kept at least")
	for _, name := range []string{"half.tar", "flipped.tar", "headless/schema/schema.sql", "checkout/schema/schema.sql", "film.partial", "letter.txt"} {
		require.FileExists(t, filepath.Join(dir, name), "what cannot be read, or is no backup, stays")
	}
}

// litter puts into a folder with the backups 1.tar and 2 what is left of some, what is
// damaged, and what is somebody else's, all of it old.
func litter(t *testing.T, dir string) {
	t.Helper()
	whole, err := os.ReadFile(filepath.Join(dir, "1.tar"))
	require.NoError(t, err)
	flipped := func(at int) []byte {
		data := bytes.Clone(whole)
		data[at] ^= 1
		return data
	}
	third := bytes.Index(whole, []byte("schema/"))
	third += 512 + bytes.Index(whole[third+512:], []byte("schema/"))
	for name, data := range map[string][]byte{
		"half.tar": whole[:len(whole)/2], "flipped.tar": flipped(third), "first.tar": flipped(0),
		"semantik-20260101-000001Z.tar": make([]byte, 4096), "old.tar.partial": whole[:len(whole)/3],
		"semantik-20260101-000000Z.tar.partial": nil, "empty.tar.partial": nil,
		"film.partial": []byte("a film"), "letter.txt": []byte("no backup"), "foreign.tar": make([]byte, 1024),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "checkout", "schema"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout", "schema", "schema.sql"), []byte("create table"), 0o600))
	for _, name := range []string{"headless", "gap", "old.partial", "checkout.partial"} {
		from := "2"
		if name == "checkout.partial" {
			from = "checkout"
		}
		copyBackup(t, filepath.Join(dir, from), filepath.Join(dir, name))
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "headless", "manifest.json")))
	require.NoError(t, os.Remove(filepath.Join(dir, "gap", "data", "public.chunks_p3")))
	old := time.Now().Add(-25 * time.Hour)
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, time.Time{}, old))
	}))
}

// pruned gives the names of what was removed.
func pruned(t *testing.T, dir string, o backup.PruneOptions) []string {
	t.Helper()
	pruned, err := backup.Prune(dir, o)
	require.NoError(t, err)
	for _, f := range pruned.Kept {
		require.NotEmpty(t, f.Problem)
	}
	var names []string
	for _, f := range pruned.Removed {
		names = append(names, f.Name)
	}
	return names
}
