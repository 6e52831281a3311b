package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"
)

const (
	// settle is how long the server is left alone before it is looked at.
	settle   = 15 * time.Second
	mostIdle = 60
)

// idle measures the memory of the server that nobody asks anything, without its
// PostgreSQL.
func (b *bench) idle(ctx context.Context) (err error) {
	s, err := b.serve(ctx, filepath.Join(b.work, "start"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
	}
	resident, err := memory(ctx, s.command.Process.Pid)
	if err != nil {
		return err
	}
	goal("semantik serve, resident", resident, mostIdle, "MiB")
	return nil
}
