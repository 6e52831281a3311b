package chaos_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// remembered bounds how many contents that a folder has no more are looked for, and
	// searched, how many that it has.
	remembered = 20
	searched   = 60
)

// folder is one on the disk that a client has made a source of a collection. The client
// alone changes it, so that it knows what is in it.
type folder struct {
	t    *testing.T
	path string
	// files are the contents by the names below path, with slashes.
	files map[string]content
	// past are contents of which no file is left.
	past []content
	// beside is a name on the same disk that is in no source.
	beside string
	stamp  time.Time
	made   int

	// source is what is known of the collection's source.
	source presence
	// gone means that it was removed in the end.
	gone bool
}

// presence is what a client knows of a source's being there.
type presence int

const (
	unknown presence = iota
	// added means that its addition was acknowledged, and no removal sent since.
	added
)

// newFolder makes one with so many files.
func newFolder(t *testing.T, path, beside string, n int, next func(extension string) content, random *rand.Rand) *folder {
	t.Helper()
	require.NoError(t, os.MkdirAll(path, 0o750))
	f := &folder{t: t, path: path, beside: beside, files: map[string]content{}}
	for range n {
		f.add(random, next)
	}
	return f
}

// change does a few things to the files, as people and their programs do.
func (f *folder) change(random *rand.Rand, next func(extension string) content) {
	for range 1 + random.IntN(8) {
		name := f.some(random)
		switch n := random.IntN(20); {
		case name == "" || n < 5:
			f.add(random, next)
		case n < 9:
			f.write(random, name, next(filepath.Ext(name)))
		case n < 11:
			f.rename(name, f.newName(random, filepath.Ext(name)))
		case n < 14:
			f.swap(name, f.some(random))
		case n < 16:
			f.remove(name)
		case n < 17:
			f.write(random, f.newName(random, filepath.Ext(name)), f.files[name])
		case n < 18:
			f.touch(name)
		case n < 19:
			f.renameFolder(name)
		default:
			f.removeFolder(name)
		}
	}
}

// some is the name of a file, "" when there is none.
func (f *folder) some(random *rand.Rand) string {
	if len(f.files) == 0 {
		return ""
	}
	return slices.Sorted(maps.Keys(f.files))[random.IntN(len(f.files))]
}

// newName is one that no file has had, before others in the order of the names or behind.
func (f *folder) newName(random *rand.Rand, extension string) string {
	f.made++
	name := fmt.Sprintf("%c%d%s", 'a'+rune(random.IntN(26)), f.made, extension)
	for range random.IntN(3) {
		name = fmt.Sprintf("%c", 'k'+rune(random.IntN(4))) + "/" + name
	}
	return name
}

func (f *folder) on(name string) string { return filepath.Join(f.path, filepath.FromSlash(name)) }

func (f *folder) add(random *rand.Rand, next func(extension string) content) {
	extension := []string{".txt", ".txt", ".md", ".md", ".html", ".png"}[random.IntN(6)]
	f.write(random, f.newName(random, extension), next(extension))
}

// write gives a file its content: in its place, where a reader may see the half of it, or
// made beside it and put there; with the time of now or with an old one. No two files have
// the same time: by its size and its time a file is known.
func (f *folder) write(random *rand.Rand, name string, c content) {
	path, at := f.on(name), f.on(name)
	require.NoError(f.t, os.MkdirAll(filepath.Dir(path), 0o750))
	if random.IntN(2) == 0 {
		at = f.beside
	}
	require.NoError(f.t, os.WriteFile(at, []byte(c.text), 0o600))
	f.stampIt(at, time.Duration(random.IntN(2))*time.Hour)
	if at != path {
		require.NoError(f.t, os.Rename(at, path))
	}
	f.leave(name)
	f.files[name] = c
}

// stampIt gives a file a time that none has had.
func (f *folder) stampIt(path string, age time.Duration) {
	f.stamp = f.stamp.Add(time.Microsecond)
	if now := time.Now().Truncate(time.Microsecond); now.After(f.stamp) {
		f.stamp = now
	}
	require.NoError(f.t, os.Chtimes(path, f.stamp.Add(-age), f.stamp.Add(-age)))
}

func (f *folder) touch(name string) { f.stampIt(f.on(name), 0) }

func (f *folder) rename(from, to string) {
	require.NoError(f.t, os.MkdirAll(filepath.Dir(f.on(to)), 0o750))
	require.NoError(f.t, os.Rename(f.on(from), f.on(to)))
	f.files[to] = f.files[from]
	delete(f.files, from)
}

// swap exchanges two files of one kind.
func (f *folder) swap(one, other string) {
	if filepath.Ext(one) != filepath.Ext(other) || one == other {
		return
	}
	require.NoError(f.t, os.Rename(f.on(one), f.beside))
	require.NoError(f.t, os.Rename(f.on(other), f.on(one)))
	require.NoError(f.t, os.Rename(f.beside, f.on(other)))
	f.files[one], f.files[other] = f.files[other], f.files[one]
}

func (f *folder) remove(name string) {
	require.NoError(f.t, os.Remove(f.on(name)))
	f.leave(name)
}

// leave forgets a file, and remembers its content if it was the last that had it.
func (f *folder) leave(name string) {
	was, had := f.files[name]
	delete(f.files, name)
	if !had || len(f.having(was)) > 0 {
		return
	}
	f.past = append(f.past, was)
	f.past = f.past[max(0, len(f.past)-remembered):]
}

// having are the names of the files with a content.
func (f *folder) having(c content) (names []string) {
	for name, there := range f.files {
		if there.hash == c.hash {
			names = append(names, name)
		}
	}
	return names
}

// has reports whether a path is that of a file with the content.
func (f *folder) has(path string, c content) bool {
	name, below := strings.CutPrefix(path, f.path+"/")
	return below && slices.Contains(f.having(c), name)
}

// renameFolder gives the folder that the file is in a new name, if it is in one.
func (f *folder) renameFolder(name string) {
	from, _, within := strings.Cut(name, "/")
	if !within {
		return
	}
	f.made++
	to := fmt.Sprintf("%s%d", from[:1], f.made)
	require.NoError(f.t, os.Rename(f.on(from), f.on(to)))
	for name, c := range maps.Clone(f.files) {
		if rest, in := strings.CutPrefix(name, from+"/"); in {
			delete(f.files, name)
			f.files[to+"/"+rest] = c
		}
	}
}

// removeFolder removes the folder that the file is in, if it is in one.
func (f *folder) removeFolder(name string) {
	of, _, within := strings.Cut(name, "/")
	if !within {
		return
	}
	require.NoError(f.t, os.RemoveAll(f.on(of)))
	for _, name := range slices.Collect(maps.Keys(f.files)) {
		if strings.HasPrefix(name, of+"/") {
			f.leave(name)
		}
	}
}
