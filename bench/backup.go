package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// backup measures a backup and its return against pg_dump and pg_restore of the same
// database on the same server, and what doctor and a verification take on it.
func (b *bench) backup(ctx context.Context) (err error) {
	tools := os.Getenv("SEMANTIK_POSTGRES_BIN")
	if _, err := os.Stat(filepath.Join(tools, "pg_dump")); err != nil {
		return errors.New("the baseline is pg_dump, which the embedded binaries lack: name a folder with a whole PostgreSQL in SEMANTIK_POSTGRES_BIN")
	}
	server, stop, err := b.durable(ctx, "backed-up")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := b.fillForBackup(ctx, server); err != nil {
		return err
	}
	own := filepath.Join(b.work, "own.tar")
	dump := filepath.Join(b.work, "dump")
	var ours, theirs []time.Duration
	for range b.runs {
		if err := errors.Join(os.RemoveAll(own), os.RemoveAll(dump)); err != nil {
			return fmt.Errorf("making room: %w", err)
		}
		took, err := b.timed(ctx, server, b.program, "backup", "create", "--to", own)
		if err != nil {
			return err
		}
		ours = append(ours, took)
		if took, err = b.timed(ctx, server, filepath.Join(tools, "pg_dump"), "-Fd", "-j2", "-f", dump, server); err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	linef("stored", "%.0f MB, by pg_dump %.0f MB", megabytes(own), megabytes(dump))
	seconds("pg_dump -Fd -j2", median(theirs))
	seconds("backup create", median(ours))
	goal("ratio", median(ours).Seconds()/median(theirs).Seconds(), 1, "x")
	return b.restores(ctx, server, tools, own, dump)
}

// restores is the way back. Each time into a new database, which is dropped afterwards:
// two are too much for many a disk.
func (b *bench) restores(ctx context.Context, server, tools, own, dump string) error {
	var ours, theirs []time.Duration
	for range b.runs {
		took, err := b.intoNew(ctx, server, func(target string) (time.Duration, error) {
			return b.timed(ctx, target, b.program, "restore", own)
		})
		if err != nil {
			return err
		}
		ours = append(ours, took)
		took, err = b.intoNew(ctx, server, func(target string) (time.Duration, error) {
			return b.timed(ctx, target, filepath.Join(tools, "pg_restore"), "-j2", "--no-owner", "-d", target, dump)
		})
		if err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	seconds("pg_restore -j2", median(theirs))
	seconds("restore, statistics and comparison included", median(ours))
	goal("ratio", median(ours).Seconds()/median(theirs).Seconds(), 1, "x")
	quick, err := b.timed(ctx, server, b.program, "backup", "verify", "--quick", own)
	if err != nil {
		return err
	}
	seconds("backup verify --quick", quick)
	return nil
}

// timed runs a command to its end.
func (b *bench) timed(ctx context.Context, database, program string, args ...string) (time.Duration, error) {
	command := exec.CommandContext(ctx, program, args...) //nolint:gosec // the programs that are measured
	command.Dir = b.work
	command.Env = b.environment(filepath.Join(b.work, "data"), "127.0.0.1:0", "DATABASE_URL="+database)
	began := time.Now()
	if out, err := command.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("running %s %s: %w\n%s", filepath.Base(program), args[0], err, out)
	}
	return time.Since(began), nil
}

// intoNew does something with a new database on the server.
func (b *bench) intoNew(ctx context.Context, server string, do func(target string) (time.Duration, error)) (time.Duration, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return 0, fmt.Errorf("connecting to the server: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "create database returned template template0 encoding 'UTF8'"); err != nil {
		return 0, fmt.Errorf("making a database: %w", err)
	}
	u, err := url.Parse(server)
	if err != nil {
		return 0, fmt.Errorf("reading the database's address: %w", err)
	}
	u.Path = "/returned"
	took, err := do(u.String())
	_, dropErr := conn.Exec(context.WithoutCancel(ctx), "drop database returned with (force)")
	return took, errors.Join(err, dropErr)
}

// megabytes is the size of a file, or of all files in a folder.
func megabytes(path string) float64 {
	var n int64
	_ = filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil {
			if info, err := entry.Info(); err == nil && !info.IsDir() {
				n += info.Size()
			}
		}
		return nil
	})
	return float64(n) / 1e6
}
