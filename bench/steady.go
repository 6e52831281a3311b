package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// steadyPatience bounds the whole load.
	steadyPatience = 2 * time.Hour
	// steadyParts is into how many parts the sending is divided, each of which has its rate;
	// what is left to be done after it is divided into half as many.
	steadyParts = 10
	// steadyBytes is the size of a file: one chunk.
	steadyBytes = 900
	// inFolder is how many files stand in one folder.
	inFolder = 1000
	// steadyName is the collection's.
	steadyName = "steady"
)

// steady loads very many small files with `semantik ingest` into a server with a
// PostgreSQL of its own, and compares its end with its beginning: the rate, the
// server's memory, and how long somebody else waits for an answer, who is compared
// with the same before the load too.
func (b *bench) steady(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, steadyPatience)
	defer cancel()
	folder := filepath.Join(b.work, "steady-files")
	if err := makeFiles(ctx, folder, b.files); err != nil {
		return err
	}
	s, err := b.serve(ctx, filepath.Join(b.work, "steady"), "DISABLE_RATE_LIMITING=true", "ACCESS_TOKEN_EXPIRE_MINUTES=1440")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	token, err := s.signIn(ctx)
	if err != nil {
		return err
	}
	idle := newWatch(s, token, 0)
	if err := idle.during(ctx, func(ctx context.Context) error { return pause(ctx, idleReads) }); err != nil {
		return err
	}
	load := newWatch(s, token, b.files)
	var report steadyReport
	err = load.during(ctx, func(ctx context.Context) (err error) {
		report, err = b.ingestInto(ctx, s, token, folder)
		return err
	})
	if err != nil {
		return err
	}
	if report.Chunks != int64(b.files) || len(report.Failed) > 0 {
		return fmt.Errorf("of %d files %d can be searched, %d failed", b.files, report.Chunks, len(report.Failed))
	}
	linef("semantik ingest, until all can be searched", "%8.1f s, %d files of %d bytes", report.Seconds, b.files, steadyBytes)
	linef("files a second", "%8.1f, %.1f while they were sent", float64(b.files)/report.Seconds, float64(b.files)/report.UploadSeconds)
	load.print(idle)
	return nil
}

// steadyReport is what `semantik ingest --json` says.
type steadyReport struct {
	Chunks        int64             `json:"searchable_chunks"`
	Failed        []json.RawMessage `json:"failed"`
	Seconds       float64           `json:"seconds"`
	UploadSeconds float64           `json:"upload_seconds"`
}

// makeFiles writes so many files, no two of which are the same.
func makeFiles(ctx context.Context, folder string, files int) error {
	told := teller{part: "steady"}
	for i := range files {
		in := filepath.Join(folder, fmt.Sprintf("%03d", i/inFolder))
		if i%inFolder == 0 {
			if err := os.MkdirAll(in, 0o755); err != nil {
				return fmt.Errorf("making a folder for files: %w", err)
			}
			told.tellf("%d of %d files written", i, files)
		}
		if err := os.WriteFile(filepath.Join(in, fmt.Sprintf("%06d.txt", i)), []byte(contentOf(i, i)[:steadyBytes]), 0o644); err != nil {
			return fmt.Errorf("writing a file: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// ingestInto runs the program's own command against the server.
func (b *bench) ingestInto(ctx context.Context, s *server, token, folder string) (steadyReport, error) {
	var report steadyReport
	command := exec.CommandContext(ctx, b.program, "ingest", folder, "--collection", steadyName, "--json")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGINT) }
	command.WaitDelay = stopPatience
	command.Dir = b.work
	command.Env = b.environment(filepath.Join(b.work, "nobody"), "127.0.0.1:0", "SEMANTIK_SERVER="+s.url, "SEMANTIK_TOKEN="+token)
	out, err := command.Output()
	if err != nil {
		said := ""
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			said = string(exit.Stderr)
		}
		return report, fmt.Errorf("running semantik ingest: %w: %s", err, said)
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return report, fmt.Errorf("reading what the program says: %w", err)
	}
	return report, nil
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
