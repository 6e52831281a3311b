package directory_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"semantik/modules/collections/connectors"
	"semantik/modules/collections/connectors/directory"
	"semantik/platform/apperr"
)

func TestList_IsInTheOrderOfTheNamesFolderByFolder(t *testing.T) {
	t.Parallel()
	root := tree(t, "b/2.txt", "b/10.txt", "a.txt", "a/z/1.md", "a-b.txt", "Z.txt", "c/", "ä.txt")
	c := directory.New([]string{root})
	want := []string{"Z.txt", "a/z/1.md", "a-b.txt", "a.txt", "b/10.txt", "b/2.txt", "ä.txt"}
	found, report := list(t, c, root, nil)
	require.Equal(t, want, found)
	require.True(t, report.Complete())
	require.EqualValues(t, len(strings.Join(want, ""))+len(want)*len("content of "), report.Bytes)
	for _, few := range []int{1, 2, 3} {
		c.NamesAtOnce(few)
		again, _ := list(t, c, root, nil)
		require.Equal(t, want, again, "with %d names in memory", few)
	}
	found, _ = list(t, c, root, map[string]any{"recursive": false})
	require.Equal(t, []string{"Z.txt", "a-b.txt", "a.txt", "ä.txt"}, found)
}

func TestList_WhatAPatternSays(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.md", "a.txt", "docs/b.md", "docs/deep/c.md", "docs/deep/d.png", "build/e.md", "x/build/f.md", ".env", ".git/config", ".github/w.yml", "docs/.hidden.md")
	c := directory.New([]string{root})
	for name, pattern := range map[string]struct {
		include, exclude, want []string
	}{
		"all but what is hidden":            {nil, nil, []string{"a.md", "a.txt", "build/e.md", "docs/b.md", "docs/deep/c.md", "docs/deep/d.png", "x/build/f.md"}},
		"a name at any depth":               {[]string{"*.md"}, nil, []string{"a.md", "build/e.md", "docs/b.md", "docs/deep/c.md", "x/build/f.md"}},
		"a path from the top":               {[]string{"docs/*.md"}, nil, []string{"docs/b.md"}},
		"a path from the top, with a slash": {[]string{"/a.md"}, nil, []string{"a.md"}},
		"a folder stands for what is in it": {[]string{"docs"}, nil, []string{"docs/b.md", "docs/deep/c.md", "docs/deep/d.png"}},
		"any depth between":                 {[]string{"docs/**/*.{md,png}"}, nil, []string{"docs/b.md", "docs/deep/c.md", "docs/deep/d.png"}},
		"a folder left out at any depth":    {[]string{"*.md"}, []string{"build/"}, []string{"a.md", "docs/b.md", "docs/deep/c.md"}},
		"a folder left out at the top":      {[]string{"*.md"}, []string{"/build"}, []string{"a.md", "docs/b.md", "docs/deep/c.md", "x/build/f.md"}},
		"everything in a folder left out":   {[]string{"*.md"}, []string{"docs/**"}, []string{"a.md", "build/e.md", "x/build/f.md"}},
		"a folder's pattern is for no file": {nil, []string{"a.md/", "docs", "build", "*.txt"}, []string{"a.md"}},
		"a hidden file by its name":         {[]string{".env"}, nil, []string{".env"}},
		"hidden files":                      {[]string{".*.md", "a.*"}, nil, []string{"a.md", "a.txt", "docs/.hidden.md"}},
		"what is in a hidden folder":        {[]string{".github/**"}, nil, []string{".github/w.yml"}},
		"what is hidden and left out":       {[]string{".env", ".github"}, []string{".e*"}, []string{".github/w.yml"}},
	} {
		found, _ := list(t, c, root, map[string]any{"include_patterns": pattern.include, "exclude_patterns": pattern.exclude})
		require.Equal(t, pattern.want, found, name)
	}
}

// Looking at what was left out could find something that is wrong with it.
func TestList_AFolderThatIsLeftOutIsNotLookedInto(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.txt", "out/x->/etc", ".hidden/x->/etc", "in/x->/etc")
	c := directory.New([]string{root})
	_, report := list(t, c, root, map[string]any{"exclude_patterns": []string{"out"}})
	require.Equal(t, []string{"in/x: is a link that leads out of the source"}, warnings(report))
}

func TestList_OnlyLinksToFilesOfTheSourceAreFollowed(t *testing.T) {
	t.Parallel()
	outside := tree(t, "secret.txt")
	root := tree(t, "src/a.txt", "src/link->a.txt", "src/deep/up->../a.txt", "src/folder->deep", "src/out->"+outside+"/secret.txt",
		"src/beside->../beside.txt", "beside.txt", "src/nothing->nowhere", "src/round->square", "src/square->round", "src/again->link", "src/self->.")
	plant(t, root, "src/absolute->"+root+"/src/a.txt")
	c := directory.New([]string{root})
	found, report := list(t, c, root+"/src", nil)
	require.Equal(t, []string{"a.txt", "absolute", "again", "deep/up", "link"}, found)
	require.Equal(t, []string{
		"beside: is a link that leads out of the source", "folder: is a link to a folder", "nothing: is a link to nothing",
		"out: is a link that leads out of the source", "round: is a link that leads in a circle, or through too many others", "self: is a link to a folder", "square: is a link that leads in a circle, or through too many others",
	}, warnings(report))
	require.EqualValues(t, 7, report.LeftOut)
	require.True(t, report.Complete(), "none of these could have been a document")
}

func TestList_WhatIsNoFileIsLeftOutAndTold(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.txt", "bad\xff.txt", "z.txt")
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600))
	listener, err := net.Listen("unix", filepath.Join(root, "sock"))
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	c := directory.New([]string{root})
	found, report := list(t, c, root, nil)
	require.Equal(t, []string{"a.txt", "z.txt"}, found)
	require.Equal(t, []string{"bad�.txt: has a name that is not UTF-8", "pipe: is a named pipe", "sock: is a socket"}, warnings(report))
	require.True(t, report.Complete())
}

// A folder that the server may not read cannot be made by root, who may read all; one
// that is too deep is as unread.
func TestList_WhatIsNotLookedIntoMakesTheListIncomplete(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.txt", strings.Repeat("d/", directory.MaxDepth+1)+"deep.txt", "z.txt")
	c := directory.New([]string{root})
	found, report := list(t, c, root, nil)
	require.Equal(t, []string{"a.txt", "z.txt"}, found)
	require.EqualValues(t, 1, report.Unread)
	require.False(t, report.Complete())
	require.Contains(t, warnings(report)[0], "too many folders")
}

func TestList_AFolderThatMayNotBeReadIsToldAndDoesNotEndIt(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.txt", "locked/b.txt", "z.txt")
	for _, open := range []string{filepath.Dir(root), root} { // for an account that owns nothing
		require.NoError(t, os.Chmod(open, 0o755))
	}
	require.NoError(t, os.Chmod(filepath.Join(root, "locked"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "locked"), 0o700) })
	c := directory.New([]string{root})
	withoutPrivilege(t, func() {
		found, report := list(t, c, root, nil)
		require.Equal(t, []string{"a.txt", "z.txt"}, found)
		require.EqualValues(t, 1, report.Unread)
		_, err := c.Check(t.Context(), root+"/locked", nil)
		require.ErrorIs(t, err, directory.ErrUnreadable)
	})
}

// The end of the list must not look like an empty folder.
func TestList_AFolderThatHasGoneIsAnError(t *testing.T) {
	t.Parallel()
	root := tree(t, "src/a.txt")
	c := directory.New([]string{root})
	config, err := c.Check(t.Context(), root+"/src", nil)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(root+"/src"))
	_, err = c.List(t.Context(), config, func(connectors.Entry) error { return nil })
	require.ErrorIs(t, err, directory.ErrNotFound)
	require.Equal(t, apperr.NotFound, apperr.KindOf(err))
	require.NoError(t, os.Symlink("/etc", root+"/src"))
	_, err = c.List(t.Context(), config, func(connectors.Entry) error { return nil })
	require.ErrorIs(t, err, directory.ErrOutside)
	require.NoError(t, os.RemoveAll(root))
	_, err = c.List(t.Context(), config, func(connectors.Entry) error { return nil })
	require.ErrorIs(t, err, directory.ErrNotFound, "the root itself has gone")
}

// What changes while it is read is seen as it is, or was, and ends nothing.
func TestList_ATreeMayChangeWhileItIsListed(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.txt", "b/1.txt", "b/2.txt", "c/3.txt", "d.txt")
	c := directory.New([]string{root})
	config, err := c.Check(t.Context(), root, nil)
	require.NoError(t, err)
	var found []string
	report, err := c.List(t.Context(), config, func(e connectors.Entry) error {
		found = append(found, e.Path)
		switch e.Path {
		case "a.txt": // a folder becomes a link out of the source
			require.NoError(t, os.Rename(root+"/c", root+"/moved"))
			require.NoError(t, os.Symlink("/etc", root+"/c"))
		case "b/1.txt":
			require.NoError(t, os.RemoveAll(root+"/b"))
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt", "b/1.txt", "d.txt"}, found)
	require.Equal(t, []string{"c: is a link that leads out of the source"}, warnings(report))
}

func TestList_EndsWithItsContextAndWithWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.txt", "b.txt", "c.txt")
	c := directory.New([]string{root})
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	_, err := c.List(ctx, folder(root), func(connectors.Entry) error {
		seen++
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, seen)
	enough := errors.New("enough")
	report, err := c.List(t.Context(), folder(root), func(connectors.Entry) error { return enough })
	require.ErrorIs(t, err, enough)
	require.Zero(t, report.Files)
}

// Warnings are bounded, their counts are true.
func TestList_KeepsTheFirstWarnings(t *testing.T) {
	t.Parallel()
	root := tree(t)
	for i := range connectors.MaxWarnings + 50 {
		plant(t, root, fmt.Sprintf("%03d->/etc", i))
	}
	_, report := list(t, directory.New([]string{root}), root, nil)
	require.Len(t, report.Warnings, connectors.MaxWarnings)
	require.EqualValues(t, connectors.MaxWarnings+50, report.LeftOut)
}

// A folder with many names is read in parts: what is in memory does not grow with it.
func TestList_AHugeFolderIsNotInMemoryAsAWhole(t *testing.T) {
	t.Parallel()
	const files, few = 10_000, 500
	root := tree(t)
	name := strings.Repeat("x", 200)
	require.NoError(t, os.WriteFile(filepath.Join(root, "first"), nil, 0o600))
	for i := range files { // links are made faster than files are
		require.NoError(t, os.Link(filepath.Join(root, "first"), filepath.Join(root, fmt.Sprintf("%s%06d", name, (i*7919)%files))))
	}
	c := directory.New([]string{root})
	c.NamesAtOnce(few)
	config, err := c.Check(t.Context(), root, nil)
	require.NoError(t, err)
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	seen, last := 0, ""
	_, err = c.List(t.Context(), config, func(e connectors.Entry) error {
		require.Less(t, last, e.Path)
		last = e.Path
		if seen++; seen%2000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, files+1, seen)
	require.Less(t, int64(most)-int64(before.HeapAlloc), int64(files*len(name)/4), "all names would be four times as much")
}

func TestList_ManyMayListAtTheSameTime(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.txt", "b/c.txt", "b/d->c.txt")
	c := directory.New([]string{root})
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			var found []string
			_, err := c.List(t.Context(), folder(root), func(e connectors.Entry) error {
				found = append(found, e.Path)
				return nil
			})
			if err == nil && !slices.Equal(found, []string{"a.txt", "b/c.txt", "b/d"}) {
				err = fmt.Errorf("found %q", found)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
}
