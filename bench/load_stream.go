package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// writeRows writes a file through a buffer.
func writeRows(path string, rows func(w io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing what is to be loaded: %w", err)
	}
	w := bufio.NewWriterSize(file, 1<<20)
	return errors.Join(rows(w), w.Flush(), os.Chmod(path, 0o644), file.Close())
}

// stream loads a gigabyte of lines and tells by how much the program's memory grew at
// the most, against what it holds while it does nothing.
func (l *loading) stream(ctx context.Context) error {
	collection, err := l.collection(ctx)
	if err != nil {
		return err
	}
	idle, err := memory(ctx, l.server.command.Process.Pid)
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(writer, 1<<20)
		var err error
		for sent, i := 0, 0; sent < streamed && err == nil; i++ {
			content := contentOf(i, i)
			sent += len(content)
			_, err = fmt.Fprintf(w, `{"chunk_index":%d,"content":%s}`+"\n", i, strconv.Quote(content))
		}
		_ = writer.CloseWithError(errors.Join(err, w.Flush()))
	}()
	most := make(chan float64, 1)
	watched, stop := context.WithCancel(ctx)
	defer stop()
	go func() { most <- l.watch(watched) }()
	began := time.Now()
	if err := l.server.load(ctx, l.token, collection, reader); err != nil {
		return err
	}
	took := time.Since(began)
	stop()
	linef("a stream of 1 GiB", "%8.1f s, %.0f MiB a second", took.Seconds(), (streamed>>20)/took.Seconds())
	goal("memory that it took", <-most-idle, mostGrowth, "MiB")
	return l.empty(ctx)
}

// watch gives the most memory that the program held until the context ended.
func (l *loading) watch(ctx context.Context) (most float64) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return most
		case <-again.C:
			if now, err := memory(ctx, l.server.command.Process.Pid); err == nil {
				most = max(most, now)
			}
		}
	}
}

// followed is how many chunks are loaded to see how fast their search rows come.
const followed = 50_000

// follow tells how fast search rows follow a load.
func (l *loading) follow(ctx context.Context) error {
	collection, err := l.collection(ctx)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for i := range followed {
		fmt.Fprintf(&lines, `{"chunk_index":%d,"content":%s}`+"\n", i, strconv.Quote(contentOf(i, i)))
	}
	if err := l.server.load(ctx, l.token, collection, strings.NewReader(lines.String())); err != nil {
		return err
	}
	began := time.Now()
	if err := l.awaitFound(ctx, collection); err != nil {
		return err
	}
	linef("search rows after a load", "%8.0f a second", followed/time.Since(began).Seconds())
	return nil
}

func (l *loading) awaitFound(ctx context.Context, collection uuid.UUID) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		var found int
		if err := l.conn.QueryRow(ctx, `select vector_count from collections where id = $1`, collection).Scan(&found); err != nil {
			return fmt.Errorf("looking how many can be found: %w", err)
		}
		if found == followed {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
}
