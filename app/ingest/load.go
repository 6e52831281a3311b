package ingest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"semantik/app/client"
)

// DefaultParallel is how many uploads go on at once.
const DefaultParallel = 4

// Options of [Load].
type Options struct {
	Client     *client.Client
	Collection client.Collection
	// FollowLinks is that of the walk.
	FollowLinks bool
	// Parallel is how many uploads go on at once; [DefaultParallel] if zero.
	Parallel int
	// NoWait returns when everything is uploaded.
	NoWait bool
	// Progress hears how far it is; may be nil.
	Progress Progress
}

// Progress hears how far a load is. Phase and Set come from one goroutine, Add
// from several.
type Progress interface {
	// Phase begins: total of something.
	Phase(name string, total int64)
	// Add says that n more are done.
	Add(n int)
	// Set says how many are done, of how many.
	Set(done, total int64)
}

type silent struct{}

func (silent) Phase(string, int64) {}
func (silent) Add(int)             {}
func (silent) Set(int64, int64)    {}

// The phases.
const (
	PhaseUpload = "Uploading"
	PhaseIndex  = "Indexing"
)

// Load uploads what was found into the collection and waits until it can be
// searched. The report is complete as far as it got, also beside an error, which
// means that the rest could not be loaded: the server is gone, or does not let
// us, or the context ended. Loading again goes on from there.
func Load(ctx context.Context, found *Found, o Options) (*Report, error) {
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	began := time.Now()
	t := &tally{here: map[string]string{}, report: Report{
		Folder: found.Root, Collection: o.Collection.Name, CollectionID: o.Collection.ID, Files: len(found.Files),
		Skipped: found.Skipped, Failed: found.Failed,
	}}
	l := &loader{found: found, o: o, tally: t, prefix: prefixOf(found.Root)}
	err := l.upload(ctx)
	t.report.UploadSeconds = time.Since(began).Seconds()
	if err == nil && !o.NoWait {
		err = l.awaitIndex(ctx)
	}
	return t.finish(began), err
}

type loader struct {
	found *Found
	o     Options
	tally *tally
	// prefix stands before the path of each document.
	prefix string
	// known is what the collection has.
	known contents
	// began is when nothing was sent yet, by the server's clock.
	began time.Time
}

// prefixOf is the folder's own name, and nothing for the root of a file system.
func prefixOf(root string) string {
	name := filepath.Base(root)
	if name == string(filepath.Separator) || name == "." {
		return ""
	}
	return strings.ToValidUTF8(name, "\uFFFD") + "/"
}

// clockError is how far the server's clock may be from what is known of it.
const clockError = 2 * time.Second

// maxSource is the longest name of a source, in bytes.
const maxSource = 2048

// sourceOf names the source that the folder's documents belong to: its path, or
// its name where the path cannot be a source's.
func sourceOf(root string) string {
	if len(root) > maxSource || !utf8.ValidString(root) {
		root = strings.ToValidUTF8(filepath.Base(root), "\uFFFD")
	}
	return root
}

func (l *loader) upload(ctx context.Context) error {
	var err error
	if l.known, err = knownContents(ctx, l.o.Client, l.o.Collection, len(l.found.Files)); err != nil {
		return fmt.Errorf("looking at what the collection has: %w", err)
	}
	l.began = l.o.Client.Now().Add(-clockError)
	l.o.Progress.Phase(PhaseUpload, int64(len(l.found.Files)))
	group, ctx := errgroup.WithContext(ctx)
	files := make(chan string)
	group.Go(func() error {
		defer close(files)
		for _, file := range l.found.Files {
			select {
			case files <- file:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range min(l.o.Parallel, max(1, len(l.found.Files))) {
		group.Go(func() error { return l.work(ctx, files) })
	}
	return group.Wait()
}
