package directory_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections/connectors/directory"
	"semantik/platform/apperr"
)

func TestOpen_GivesTheFileAsItIsNow(t *testing.T) {
	t.Parallel()
	root := tree(t, "a/b.txt", "a/link->b.txt")
	c := directory.New([]string{root})
	for _, path := range []string{"a/b.txt", "a/link"} {
		content, entry, err := c.Open(t.Context(), folder(root), path)
		require.NoError(t, err)
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		require.NoError(t, content.Close())
		require.Equal(t, "content of a/b.txt", string(text))
		require.Equal(t, path, entry.Path)
		require.EqualValues(t, len(text), entry.Size)
		require.False(t, entry.ModifiedAt.IsZero())
	}
}

func TestOpen_WhatIsNoFileOfTheSourceIsRefused(t *testing.T) {
	t.Parallel()
	outside := tree(t, "secret.txt")
	root := tree(t, "src/a.txt", "beside.txt", "src/out->"+outside+"/secret.txt", "src/up->../beside.txt", "src/folder/")
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "src/pipe"), 0o600))
	plant(t, root, "src/topipe->pipe")
	c := directory.New([]string{root})
	for _, path := range []string{
		"", ".", "..", "../beside.txt", "folder/../../beside.txt", "/etc/passwd", root + "/src/a.txt", "out", "up", "folder", "pipe", "topipe", "nothing", "a.txt/x",
		"a.txt\x00", "\xff", strings.Repeat("x", 300), strings.Repeat("x/", 3000),
	} {
		_, _, err := c.Open(t.Context(), folder(root+"/src"), path)
		require.ErrorIs(t, err, directory.ErrNoFile, "%q", path)
		require.NotContains(t, apperr.From(err).Message, outside)
	}
	_, _, err := c.Open(t.Context(), folder(outside), "secret.txt")
	require.ErrorIs(t, err, directory.ErrOutside)
}

// Somebody replaces a file by a link and the other way round while it is opened.
func TestOpen_ALinkThatBecomesAFileWhileItIsFollowedIsNoTroubleOfTheDisk(t *testing.T) { //nolint:paralleltest // another test measures memory
	root := tree(t, "src/a.txt", "src/b.txt")
	c := directory.New([]string{root})
	done := make(chan struct{})
	swapped := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				swapped <- nil
				return
			default:
			}
			made := os.WriteFile(root+"/new", []byte("x"), 0o600)
			if i%2 == 0 {
				_ = os.Remove(root + "/new")
				made = os.Symlink("b.txt", root+"/new")
			}
			if err := errors.Join(made, os.Rename(root+"/new", root+"/src/a.txt")); err != nil {
				swapped <- err
				return
			}
		}
	}()
	defer func() {
		close(done)
		require.NoError(t, <-swapped)
	}()
	for range 10_000 {
		content, _, err := c.Open(t.Context(), folder(root+"/src"), "a.txt")
		if err == nil {
			err = content.Close()
		}
		require.NotErrorIs(t, err, syscall.EINVAL, "that it is none any more")
	}
}

// Whatever takes a file's place between the look and the opening.
func TestOpen_AFileThatIsExchangedLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	outside := tree(t, "secret.txt", "folder/a.txt")
	for name, swap := range map[string]func(t *testing.T, root string){
		"by a link to the secret": func(t *testing.T, root string) {
			t.Helper()
			require.NoError(t, os.Remove(root+"/src/dir/a.txt"))
			require.NoError(t, os.Symlink(outside+"/secret.txt", root+"/src/dir/a.txt"))
		},
		"by a relative link out": func(t *testing.T, root string) {
			t.Helper()
			require.NoError(t, os.Remove(root+"/src/dir/a.txt"))
			require.NoError(t, os.Symlink("../../beside.txt", root+"/src/dir/a.txt"))
		},
		"its folder by a link": func(t *testing.T, root string) {
			t.Helper()
			require.NoError(t, os.Rename(root+"/src/dir", root+"/moved"))
			require.NoError(t, os.Symlink(outside+"/folder", root+"/src/dir"))
		},
		"by a pipe that nobody writes to": func(t *testing.T, root string) {
			t.Helper()
			require.NoError(t, os.Remove(root+"/src/dir/a.txt"))
			require.NoError(t, syscall.Mkfifo(root+"/src/dir/a.txt", 0o600))
		},
		"by a folder": func(t *testing.T, root string) {
			t.Helper()
			require.NoError(t, os.Remove(root+"/src/dir/a.txt"))
			require.NoError(t, os.Mkdir(root+"/src/dir/a.txt", 0o700))
		},
		"by nothing": func(t *testing.T, root string) {
			t.Helper()
			require.NoError(t, os.Remove(root+"/src/dir/a.txt"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, "src/dir/a.txt", "beside.txt")
			c := directory.New([]string{root})
			c.BeforeOpening(func() { swap(t, root) })
			_, _, err := c.Open(t.Context(), folder(root+"/src"), "dir/a.txt")
			require.ErrorIs(t, err, directory.ErrNoFile)
		})
	}
	t.Run("by another file of the source", func(t *testing.T) {
		t.Parallel()
		root := tree(t, "src/a.txt", "src/longer.txt")
		c := directory.New([]string{root})
		c.BeforeOpening(func() { require.NoError(t, os.Rename(root+"/src/longer.txt", root+"/src/a.txt")) })
		content, entry, err := c.Open(t.Context(), folder(root+"/src"), "a.txt")
		require.NoError(t, err)
		defer func() { _ = content.Close() }()
		require.EqualValues(t, len("content of src/longer.txt"), entry.Size, "what is told is what was opened")
	})
}
