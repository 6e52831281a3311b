package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// loaded is what `semantik up --json` says of what it has loaded.
type loaded struct {
	Load struct {
		Files      int               `json:"files"`
		Uploaded   int               `json:"uploaded"`
		Failed     []json.RawMessage `json:"failed"`
		Unreadable []json.RawMessage `json:"unreadable"`
		Bytes      int64             `json:"bytes"`
		Chunks     int64             `json:"searchable_chunks"`
		Seconds    float64           `json:"seconds"`
	} `json:"load"`
}

// ingest loads a folder into a new database and compares with reading and hashing
// its files, which is the least that anybody who loads them must do.
func (b *bench) ingest(ctx context.Context) error {
	began := time.Now()
	files, bytes, err := hashAll(ctx, b.folder)
	if err != nil {
		return err
	}
	bare := time.Since(began)
	result, peak, err := b.up(ctx)
	if err != nil {
		return err
	}
	l := result.Load
	linef("folder", "%s, %d files, %.1f MB", b.folder, files, float64(bytes)/1e6)
	seconds("reading and hashing it", bare)
	linef("semantik up, until all can be searched", "%8.3f s, ratio %.0f", l.Seconds, l.Seconds/bare.Seconds())
	linef("files a second", "%8.1f", float64(l.Files)/l.Seconds)
	linef("MB a second", "%8.2f", float64(l.Bytes)/1e6/l.Seconds)
	linef("passages", "%8d, %.0f a second", l.Chunks, float64(l.Chunks)/l.Seconds)
	linef("documents", "%8d, %d without text, %d not taken", l.Uploaded, len(l.Unreadable), len(l.Failed))
	linef("semantik's memory at its peak", "%8.0f MiB", peak)
	return nil
}

// hashAll reads each file of a folder as ingest does: hidden ones and links are
// left out.
func hashAll(ctx context.Context, folder string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		hidden := path != folder && d.Name()[0] == '.'
		switch {
		case d.IsDir() && hidden:
			return filepath.SkipDir
		case !d.Type().IsRegular() || hidden:
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		n, err := io.Copy(sha256.New(), file)
		files, bytes = files+1, bytes+n
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("reading %s: %w", folder, err)
	}
	return files, bytes, nil
}

// up loads the folder and gives the program's account of it, and the most memory
// that it held.
func (b *bench) up(ctx context.Context) (loaded, float64, error) {
	var result loaded
	addr, err := freeAddress(ctx)
	if err != nil {
		return result, 0, err
	}
	command := exec.CommandContext(ctx, b.program, "up", b.folder, "--json")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGINT) }
	command.WaitDelay = stopPatience
	command.Dir, command.Env = b.work, b.environment(filepath.Join(b.work, "ingest"), addr)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return result, 0, fmt.Errorf("starting the program: %w", err)
	}
	if err := command.Start(); err != nil {
		return result, 0, fmt.Errorf("starting the program: %w", err)
	}
	peak := watchMemory(ctx, command.Process.Pid)
	err = json.NewDecoder(out).Decode(&result)
	most := peak()
	if err != nil {
		err = fmt.Errorf("reading what the program says: %w", err)
	}
	signalled := command.Process.Signal(syscall.SIGINT)
	if waited := command.Wait(); waited != nil && command.ProcessState.ExitCode() != interrupted {
		err = errors.Join(err, signalled, waited)
	}
	return result, most, err
}

// watchMemory looks at a process's memory until the function it gives is called,
// which tells the most.
func watchMemory(ctx context.Context, pid int) func() float64 {
	ctx, cancel := context.WithCancel(ctx)
	most := make(chan float64, 1)
	go func() {
		again := time.NewTicker(200 * time.Millisecond)
		defer again.Stop()
		peak := 0.0
		for {
			if now, err := memory(ctx, pid); err == nil {
				peak = max(peak, now)
			}
			select {
			case <-ctx.Done():
				most <- peak
				return
			case <-again.C:
			}
		}
	}()
	return func() float64 {
		cancel()
		return <-most
	}
}
