package ingest_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"semantik/app/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes files in a folder, by their paths.
func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
}

// hostile makes a folder with one of everything that is no file.
func hostile(t *testing.T) string {
	t.Helper()
	// A socket's path is short, and that of a test's own folder is not.
	folder, err := os.MkdirTemp("/tmp", "walk")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	write(t, folder, map[string]string{"a.txt": "a", "sub/b.txt": "b", ".hidden": "h", ".git/config": "g", "sub/.env": "e"})
	for link, target := range map[string]string{
		"circle": ".", "sub/up": "..", "self": "self", "nowhere": "/does/not/exist", "linked.txt": "a.txt", "outside": "/etc/hostname",
		"device": "/dev/null",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(folder, link)))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600))
	socket, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(folder, "socket"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	return folder
}

func reasons(entries []ingest.Entry) map[string]string {
	byPath := map[string]string{}
	for _, e := range entries {
		byPath[e.Path] = e.Reason
	}
	return byPath
}

func TestWalk_NamesWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	found, err := ingest.Walk(t.Context(), hostile(t), ingest.WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt", "sub/b.txt"}, found.Files)
	require.Equal(t, map[string]string{
		".hidden": ingest.ReasonHidden, ".git": ingest.ReasonHidden, "sub/.env": ingest.ReasonHidden,
		"circle": ingest.ReasonLink, "sub/up": ingest.ReasonLink, "self": ingest.ReasonLink, "nowhere": ingest.ReasonLink,
		"linked.txt": ingest.ReasonLink, "outside": ingest.ReasonLink, "device": ingest.ReasonLink,
		"pipe": ingest.ReasonPipe, "socket": ingest.ReasonSocket,
	}, reasons(found.Skipped))
	require.Empty(t, found.Failed)
}

func TestWalk_TakesHiddenFilesAndLinkedOnesWhenAsked(t *testing.T) {
	t.Parallel()
	found, err := ingest.Walk(t.Context(), hostile(t), ingest.WalkOptions{Hidden: true, FollowLinks: true})
	require.NoError(t, err)
	require.Equal(t, []string{".git/config", ".hidden", "a.txt", "linked.txt", "outside", "sub/.env", "sub/b.txt"}, found.Files)
	require.Equal(t, map[string]string{
		"circle": ingest.ReasonFolder, "sub/up": ingest.ReasonFolder, "self": ingest.ReasonDangling, "nowhere": ingest.ReasonDangling,
		"device": ingest.ReasonDevice, "pipe": ingest.ReasonPipe, "socket": ingest.ReasonSocket,
	}, reasons(found.Skipped))
}

func TestWalk_FollowsTheLinkThatIsNamed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, map[string]string{"real/a.txt": "a"})
	require.NoError(t, os.Symlink("real", filepath.Join(folder, "link")))
	found, err := ingest.Walk(t.Context(), filepath.Join(folder, "link"), ingest.WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt"}, found.Files)
	require.True(t, strings.HasSuffix(found.Root, "/real"), found.Root)
}

func TestWalk_AHiddenFolderThatIsNamedIsTaken(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), ".notes")
	write(t, folder, map[string]string{"a.txt": "a"})
	found, err := ingest.Walk(t.Context(), folder, ingest.WalkOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt"}, found.Files)
}

func TestWalk_RefusesWhatIsNoFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, map[string]string{"file": "f"})
	for _, path := range []string{filepath.Join(folder, "file"), filepath.Join(folder, "missing")} {
		_, err := ingest.Walk(t.Context(), path, ingest.WalkOptions{})
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(err.Error(), folder), "the path is named once: %v", err)
	}
}

func TestWalk_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ingest.Walk(ctx, t.TempDir(), ingest.WalkOptions{})
	require.ErrorIs(t, err, context.Canceled)
}
