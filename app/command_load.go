package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/app/load"
)

// loadFlags are those of the command.
type loadFlags struct {
	collection string
	onConflict string
	streams    int
	json       *bool
}

var onConflicts = []string{load.OnConflictError, load.OnConflictSkip, load.OnConflictReplace}

const maxStreams = 16

func newLoad(s *shell) *cobra.Command {
	f := &loadFlags{}
	cmd := &cobra.Command{
		Use:   "load FILE --collection NAME",
		Short: "Load chunks that were cut elsewhere",
		Long: "Load a file of chunks, a chunk a line as JSON, into a collection of a running server. The file may\n" +
			"be packed with gzip or zstd; - reads standard input. Each line has a chunk_index, a content and,\n" +
			"for a chunk of a document, a document_id; docs/loading.md has the rest.\n\n" +
			"The file is sent in parts, several at once, each of which is stored as a whole or not at all.\n" +
			"Broken off at any moment, by whatever it is, the command goes on where it was when it is run again,\n" +
			"and doubles nothing; of standard input it remembers nothing. When a line is refused, parts before\n" +
			"it are loaded: correct the file and load it with --on-conflict skip.\n\n" + signInRules,
		Example: "  semantik load chunks.ndjson.zst --collection manual\n" +
			"  zcat chunks.gz | semantik load - --collection manual --on-conflict skip --json",
		Args: oneArgument,
	}
	cmd.Flags().StringVarP(&f.collection, "collection", "c", "", "name or id of the collection (required)")
	cmd.Flags().StringVar(&f.onConflict, "on-conflict", load.OnConflictError, "what becomes of a chunk that is there already: error refuses it, skip leaves it, replace replaces it")
	cmd.Flags().IntVar(&f.streams, "streams", load.DefaultStreams, fmt.Sprintf("parts that are on their way at once, 1 to %d", maxStreams))
	f.json = addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return s.loadChunks(cmd, args[0], f) }
	return withExitCodes(cmd)
}

func (s *shell) loadChunks(cmd *cobra.Command, name string, f *loadFlags) error {
	switch {
	case f.collection == "":
		return usagef("name the collection with --collection NAME")
	case !slices.Contains(onConflicts, f.onConflict):
		return usagef("--on-conflict must be one of %s", strings.Join(onConflicts, ", "))
	case f.streams < 1 || f.streams > maxStreams:
		return usagef("--streams must be 1 to %d", maxStreams)
	}
	ctx := cmd.Context()
	source, err := s.openChunks(name)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	c, err := s.client(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	collection, err := namedCollection(ctx, c, f.collection)
	if err != nil {
		return err
	}
	s.noteOwner(ctx, c, collection.Value)
	folder, err := s.configDir()
	if err != nil && source.Identity != "" {
		s.notef("There is no home directory to note in how far the load is: broken off, it begins anew.\n")
		source.Identity = ""
	}
	record, err := load.NewRecord(filepath.Join(folder, "loads"), c.Server()+" "+collection.Value.ID, source)
	if err != nil {
		return err
	}
	bar := s.loadBar(source)
	report, err := load.Load(ctx, source, load.Options{
		Client: c, CollectionID: collection.Value.ID, OnConflict: f.onConflict, Streams: f.streams, Record: record, Progress: bar.set,
	})
	bar.close()
	if *f.json {
		err = errors.Join(err, s.json(loadReport{report, collection.Value.Name, collection.Value.ID}))
	} else {
		s.showLoad(report, collection.Value, err == nil)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		if source.Identity != "" {
			s.notef("Broken off; run it again to go on.\n")
		}
		return err
	default:
		return explainLoad(name, err)
	}
}

// loadReport is the report with the collection.
type loadReport struct {
	load.Report

	Collection   string `json:"collection"`
	CollectionID string `json:"collection_id"`
}

func (s *shell) openChunks(name string) (*load.Source, error) {
	if name == "-" {
		return load.OpenStream("standard input", s.stdin)
	}
	source, err := load.OpenFile(name)
	if err != nil {
		return nil, fmt.Errorf("opening the file of chunks: %w", err)
	}
	return source, nil
}

// explainLoad says what to do about a load that could not be done.
func explainLoad(name string, err error) error {
	problem, refused := errors.AsType[*client.Problem](err)
	switch {
	case refused && problem.Code == "chunk_exists":
		return fmt.Errorf("loading %s: %w\nUse --on-conflict skip to leave such chunks as they are, or replace to replace them", name, err)
	case refused && problem.Line > 0:
		return fmt.Errorf("loading %s: %w\nOther parts of the file are loaded. Correct the line, and load the file with --on-conflict skip", name, err)
	default:
		return fmt.Errorf("loading %s: %w", name, err)
	}
}

// showLoad says what became of a load.
func (s *shell) showLoad(r load.Report, c client.Collection, whole bool) {
	look := s.styleFor(s.stdout)
	var parts []string
	add := func(n int64, what string) {
		if n > 0 {
			parts = append(parts, grouped(n)+" "+what)
		}
	}
	add(r.Inserted, "new")
	add(r.Replaced, "replaced")
	add(r.Skipped, "there already")
	if len(parts) == 0 {
		parts = []string{"nothing loaded"}
	}
	s.printf("%s in %s: %s. %s\n", look.bold(counted(r.Chunks(), "chunk", "chunks")), plain(r.File), strings.Join(parts, ", "),
		look.dim(fmt.Sprintf("(%s, %s chunks/s)", seconds(r.Seconds), grouped(int64(float64(r.Sent.Chunks())/max(r.Seconds, 0.001))))))
	if r.Resumed > 0 {
		s.printf("%s of %d were there from an earlier run.\n", counted(r.Resumed, "part", "parts"), r.Parts)
	}
	if whole && r.Inserted+r.Replaced > 0 {
		s.printf("A search in %q finds them as they are indexed, and says how far that is.\n", c.Name)
	}
}

// loadBar draws how far a file is, where a person looks at it.
type loadBar struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func (s *shell) loadBar(source *load.Source) *loadBar {
	if !s.interactive() {
		s.notef("Loading %s\n", plain(source.Name))
		return &loadBar{}
	}
	size := source.Size
	if size == 0 {
		size = -1
	}
	return &loadBar{bar: progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(s.stderr),
		progressbar.OptionSetDescription("Loading"),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)}
}

// set places the bar.
func (b *loadBar) set(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Set64(bytes)
	}
}

// close takes the bar away.
func (b *loadBar) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
