package app_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	api "semantik/app/client"
	"semantik/app/ingest"
	"semantik/platform/pgtest"
)

// loader is a client of a program that serves, signed in.
func loader(t *testing.T) (c *api.Client, environ []string) {
	t.Helper()
	environ = home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_PASSWORD=correct horse", "MAX_UPLOAD_BYTES=5MB")
	u := up(t, environ, t.TempDir())
	t.Cleanup(func() { u.stop(t) })
	anonymous := api.New(u.result.URL, api.Options{})
	t.Cleanup(anonymous.Close)
	pair, err := anonymous.Login(t.Context(), "admin", "correct horse")
	require.NoError(t, err)
	c = api.New(u.result.URL, api.Options{Token: api.StaticToken(pair.Access)})
	t.Cleanup(c.Close)
	return c, environ
}

func reasons(entries []ingest.Entry) map[string]string {
	byPath := map[string]string{}
	for _, e := range entries {
		byPath[e.Path] = e.Reason
	}
	return byPath
}

func documents(t *testing.T, c *api.Client, collection string) map[string]string {
	t.Helper()
	statuses := map[string]string{}
	for document, err := range c.Documents(t.Context(), collection, "") {
		require.NoError(t, err)
		statuses[document.FilePath] = document.Status
	}
	return statuses
}

// hostileFolder makes a folder with one of everything that can go wrong.
func hostileFolder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "folder")
	line := "Das alte Haus steht am Fluss, und die Pinguine schwimmen im Meer davor.\n"
	writeFiles(t, folder, map[string]string{
		"good.md": "# Penguins\n\nA good text about penguins.\n", "sub/deep/er.txt": "Another good text.\n",
		"empty.txt": "", "blank.txt": " \n\t\n", "binary.dat": "\x7fELF\x00\x01\x02\xff\xfe\x00\x00", "latin1.txt": "Stra\xdfe am Flu\xdf\n",
		"nul.txt":                     "a text with\x00a NUL character, and long enough to be a text otherwise\n",
		"large.txt":                   strings.Repeat(line, 4_900_000/len(line)),
		"huge.txt":                    strings.Repeat(line, 5_500_000/len(line)),
		"new\nline.txt":               "A name with a line break.\n",
		"quote\" and ; semicolon.txt": "A name with a quote.\n",
		"same.txt":                    "A good text twice.\n", "twice.txt": "A good text twice.\n",
		strings.Repeat("n", 250) + ".txt": "A long name.\n",
		".hidden":                         "hidden", ".git/config": "git",
	})
	require.NoError(t, os.WriteFile(filepath.Join(folder, "bad\xffname.txt"), []byte("A name in Latin 1.\n"), 0o600))
	require.NoError(t, os.Symlink("..", filepath.Join(folder, "sub", "circle")))
	require.NoError(t, os.Symlink("good.md", filepath.Join(folder, "link.md")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600))
	return folder
}

// Whatever lies in a folder has its outcome, and the rest is loaded.
func TestIngest_AHostileFolder(t *testing.T) {
	t.Parallel()
	c, environ := loader(t)
	folder := hostileFolder(t)

	first := command(t, environ, "", "ingest", folder, "-c", "hostile", "--json")
	require.Equal(t, 3, first.code, first.stderr)
	report := decode[ingest.Report](t, first)
	require.True(t, report.Made)
	require.Equal(t, map[string]string{
		".hidden": ingest.ReasonHidden, ".git": ingest.ReasonHidden, "sub/circle": ingest.ReasonLink, "link.md": ingest.ReasonLink, "pipe": ingest.ReasonPipe,
	}, reasons(report.Skipped))
	failed := reasons(report.Failed)
	require.Len(t, failed, 2)
	require.Contains(t, failed["huge.txt"], "larger than")
	require.Contains(t, failed["bad\ufffdname.txt"], "UTF-8")
	unreadable := reasons(report.Unreadable)
	require.Len(t, unreadable, 5)
	require.Contains(t, unreadable["empty.txt"], "empty")
	require.Contains(t, unreadable["blank.txt"], "empty")
	require.Contains(t, unreadable["binary.dat"], "not read")
	require.Contains(t, unreadable["latin1.txt"], "UTF-8")
	require.Contains(t, unreadable, "nul.txt")
	require.Equal(t, 1, report.Present, "of two files with the same content one is there already")

	there := documents(t, c, report.CollectionID)
	for _, path := range []string{"good.md", "sub/deep/er.txt", "large.txt", "new\nline.txt", "quote\" and ; semicolon.txt", strings.Repeat("n", 250) + ".txt"} {
		require.Equal(t, "completed", there["folder/"+path], path)
	}
	require.Equal(t, "failed", there["folder/empty.txt"])

	second := command(t, environ, "", "ingest", folder, "-c", "hostile", "--json")
	require.Equal(t, 3, second.code, "what failed is still not there")
	report = decode[ingest.Report](t, second)
	require.Zero(t, report.Uploaded)
	require.Equal(t, unreadable, reasons(report.Unreadable))
	require.Equal(t, there, documents(t, c, report.CollectionID), "a second time adds nothing")

	shown := command(t, environ, "", "ingest", folder, "-c", "hostile")
	require.Contains(t, shown.stdout, "Not taken: 2 entries")
	require.NotContains(t, shown.stdout, "\xff")
}

// Between the look into the folder and the reading of a file it may have become
// anything.
func TestIngest_FilesThatChangeUnderItsHands(t *testing.T) {
	t.Parallel()
	c, _ := loader(t)
	folder := filepath.Join(t.TempDir(), "moving")
	writeFiles(t, folder, map[string]string{
		"stays.txt": "This stays.", "vanishes.txt": "v", "pipes.txt": "p", "links.txt": "l", "folders.txt": "f", "grows.txt": "g", "sub/gone.txt": "s",
	})
	found, err := ingest.Walk(t.Context(), folder, ingest.WalkOptions{})
	require.NoError(t, err)
	at := func(name string) string { return filepath.Join(folder, name) }
	for _, name := range []string{"vanishes.txt", "pipes.txt", "links.txt", "folders.txt"} {
		require.NoError(t, os.Remove(at(name)))
	}
	require.NoError(t, os.RemoveAll(at("sub")))
	require.NoError(t, syscall.Mkfifo(at("pipes.txt"), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", at("links.txt")))
	require.NoError(t, os.Mkdir(at("folders.txt"), 0o700))
	require.NoError(t, os.WriteFile(at("grows.txt"), []byte(strings.Repeat("It has grown. ", 200_000)), 0o600))

	made, err := c.CreateCollection(t.Context(), api.NewCollection{Name: "moving"})
	require.NoError(t, err)
	collection := made.Value
	report, err := ingest.Load(t.Context(), found, ingest.Options{Client: c, Collection: collection})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"vanishes.txt": ingest.ReasonVanished, "sub/gone.txt": ingest.ReasonVanished,
		"pipes.txt": ingest.ReasonSpecial, "links.txt": ingest.ReasonSpecial, "folders.txt": ingest.ReasonSpecial,
	}, reasons(report.Skipped))
	require.Empty(t, report.Failed)
	require.Equal(t, map[string]string{"moving/stays.txt": "completed", "moving/grows.txt": "completed"}, documents(t, c, collection.ID))
}

// A file whose disk is broken has failed; the others in its request are loaded.
func TestIngest_AFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const unreadable = "/proc/self/mem" // opens, and gives an input/output error when it is read
	if _, err := os.Stat(unreadable); err != nil {
		t.Skip("only Linux has a file that everybody can open and nobody can read")
	}
	c, _ := loader(t)
	folder := filepath.Join(t.TempDir(), "broken")
	writeFiles(t, folder, map[string]string{"a.txt": "Before it.", "z.txt": "After it."})
	require.NoError(t, os.Symlink(unreadable, filepath.Join(folder, "m.txt")))
	found, err := ingest.Walk(t.Context(), folder, ingest.WalkOptions{FollowLinks: true})
	require.NoError(t, err)
	made, err := c.CreateCollection(t.Context(), api.NewCollection{Name: "broken"})
	require.NoError(t, err)
	collection := made.Value
	report, err := ingest.Load(t.Context(), found, ingest.Options{Client: c, Collection: collection, FollowLinks: true})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"m.txt": "cannot be read: input/output error"}, reasons(report.Failed))
	require.Len(t, documents(t, c, collection.ID), 2)
}

func TestIngest_AFileWithANewContentTakesTheOldOnesPlace(t *testing.T) {
	t.Parallel()
	_, environ := loader(t)
	folder := filepath.Join(t.TempDir(), "notes")
	writeFiles(t, folder, map[string]string{"a.txt": "About penguins."})
	require.Equal(t, 0, command(t, environ, "", "ingest", folder, "-c", "notes").code)
	writeFiles(t, folder, map[string]string{"a.txt": "About elephants."})
	r := command(t, environ, "", "ingest", folder, "-c", "notes", "--json")
	require.Equal(t, 0, r.code, r.stderr)
	require.Equal(t, 1, decode[ingest.Report](t, r).Replaced)
	require.Contains(t, command(t, environ, "", "search", "elephants", "-c", "notes").stdout, "notes/a.txt")
	require.Contains(t, command(t, environ, "", "search", "penguins", "-c", "notes").stdout, "Nothing was found")
}

// Files that took each other's contents end as they are on disk, by the second run
// at the latest.
func TestIngest_FilesThatWereSwapped(t *testing.T) {
	t.Parallel()
	c, environ := loader(t)
	folder := filepath.Join(t.TempDir(), "notes")
	writeFiles(t, folder, map[string]string{"a.txt": "About penguins.", "b.txt": "About elephants."})
	require.Equal(t, 0, command(t, environ, "", "ingest", folder, "-c", "notes").code)
	writeFiles(t, folder, map[string]string{"a.txt": "About elephants.", "b.txt": "About penguins."})
	var r ran
	for range 2 {
		r = command(t, environ, "", "ingest", folder, "-c", "notes", "--json")
		require.Equal(t, 0, r.code, r.stderr)
	}
	require.Equal(t, map[string]string{"notes/a.txt": "completed", "notes/b.txt": "completed"}, documents(t, c, decode[ingest.Report](t, r).CollectionID))
	require.Contains(t, command(t, environ, "", "search", "elephants", "-c", "notes").stdout, "notes/a.txt")
	require.Contains(t, command(t, environ, "", "search", "penguins", "-c", "notes").stdout, "notes/b.txt")
}

func TestIngest_TwoFoldersWithTheSameFilesKeepTheirOwn(t *testing.T) {
	t.Parallel()
	c, environ := loader(t)
	parent := t.TempDir()
	writeFiles(t, parent, map[string]string{"one/README.md": "The first one.", "two/README.md": "The second one."})
	require.Equal(t, 0, command(t, environ, "", "ingest", filepath.Join(parent, "one"), "-c", "both").code)
	r := command(t, environ, "", "ingest", filepath.Join(parent, "two"), "-c", "both", "--json")
	require.Equal(t, 0, r.code, r.stderr)
	require.Equal(t, map[string]string{"one/README.md": "completed", "two/README.md": "completed"}, documents(t, c, decode[ingest.Report](t, r).CollectionID))
}

func TestIngest_ACollectionIsNotMadeAgainstOnesWill(t *testing.T) {
	t.Parallel()
	_, environ := loader(t)
	r := command(t, environ, "", "ingest", t.TempDir(), "-c", "none", "--no-create")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, `"none"`)
}

func TestIngest_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, _ := loader(t)
	folder := t.TempDir()
	writeFiles(t, folder, map[string]string{"a.txt": "a"})
	found, err := ingest.Walk(t.Context(), folder, ingest.WalkOptions{})
	require.NoError(t, err)
	made, err := c.CreateCollection(t.Context(), api.NewCollection{Name: "cut off"})
	require.NoError(t, err)
	collection := made.Value
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report, err := ingest.Load(ctx, found, ingest.Options{Client: c, Collection: collection})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, report.Files)
	require.Zero(t, report.Uploaded)
}
