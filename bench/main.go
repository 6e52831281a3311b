package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
)

// bench is one run with what its parts need.
type bench struct {
	program string
	runs    int
	folder  string
	// chunks is how many a large collection has.
	chunks int
	// files is how many steady loads, jobs how many queue has done in each run,
	// operations how many are queued, and sockets how many are open.
	files, jobs, operations, sockets int
	// work holds what the run makes; everybody may pass through it, since root's
	// PostgreSQL runs as another account.
	work string
}

// part is one thing to measure.
type part struct {
	name string
	run  func(b *bench, ctx context.Context) error
}

func parts() []part {
	return []part{
		{"start", (*bench).start},
		{"idle", (*bench).idle},
		{"schema", (*bench).schema},
		{"upgrade", (*bench).upgrade},
		{"ingest", (*bench).ingest},
		{"login", (*bench).login},
		{"load", (*bench).load},
		{"read", (*bench).read},
		{"purge", (*bench).purge},
		{"search", (*bench).search},
		{"backup", (*bench).backup},
		{"steady", (*bench).steady},
		{"queue", (*bench).queue},
		{"queued", (*bench).queued},
		{"sockets", (*bench).watched},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop only gives the signals back
	}
}

func run(ctx context.Context, args []string) (err error) {
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.program, "program", "bin/semantik", "the program to measure")
	flags.IntVar(&b.runs, "runs", 5, "how often each thing is done; the median counts")
	flags.StringVar(&b.folder, "dir", "/usr/share/doc", "the folder that ingest loads")
	flags.IntVar(&b.chunks, "chunks", 1_000_000, "how many chunks the large collections of read and purge have")
	flags.IntVar(&b.files, "files", 50_000, "how many files steady loads")
	flags.IntVar(&b.jobs, "jobs", 2000, "how many jobs and operations queue has done in each run")
	flags.IntVar(&b.operations, "operations", 10_000, "how many operations wait for the server of queued")
	flags.IntVar(&b.sockets, "sockets", 1000, "how many sockets are open in sockets, 10000 at the most")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("reading the command line: %w", err)
	}
	if min(b.runs, b.chunks, b.files, b.jobs, b.operations, b.sockets) < 1 {
		return errors.New("reading the command line: a number of things must be 1 at least")
	}
	if b.program, err = filepath.Abs(b.program); err != nil {
		return fmt.Errorf("looking for the program: %w", err)
	}
	if _, err := os.Stat(b.program); err != nil {
		return fmt.Errorf("looking for the program: %w; make build makes it", err)
	}
	if b.work, err = os.MkdirTemp("", "semantik-bench-"); err != nil {
		return fmt.Errorf("making a folder to work in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	if err := os.Chmod(b.work, 0o755); err != nil {
		return fmt.Errorf("opening the folder to work in: %w", err)
	}
	for _, p := range parts() {
		if flags.NArg() > 0 && !slices.Contains(flags.Args(), p.name) {
			continue
		}
		fmt.Printf("%s\n", p.name)
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("measuring %s: %w", p.name, err)
		}
	}
	return nil
}
