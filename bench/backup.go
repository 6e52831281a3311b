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

// fillBackedUp fills a database with $1 chunks, beside the program: those of forty
// collections, whose documents have 25 each. Texts are of random
// hexadecimal words, which compress no better than natural ones; the search rows have
// forty words each.
var fillBackedUp = []string{`
insert into collections (name, owner_id, vector_store_name, status)
select 'c' || i, id, 'store' || i, 'ready' from users, generate_series(1, 40) i where username = 'bench' and $1::int > 0`, `
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count)
select c.id, c.partition_key, i || '.md', i || '.md', 12544, encode(sha256((c.id::text || i)::bytea), 'hex'), 'completed', 25
from collections c, generate_series(1, $1::int / 1000) i`, `
insert into document_contents (document_id, collection_id, partition_key, kind, slice, data)
select id, collection_id, partition_key, 'original', 0, string_agg(sha512((id::text || n)::bytea), '')
from documents, generate_series(1, 196) n where $1::int > 0 group by id, collection_id, partition_key`, `
insert into chunks (collection_id, partition_key, document_id, chunk_index, content)
select d.collection_id, d.partition_key, d.id, i, w.words
from documents d
cross join generate_series(0, 24) i
cross join lateral (select string_agg(encode(sha256((d.id::text || i || n)::bytea), 'hex'), ' ') as words from generate_series(1, 16) n) w
where $1::int > 0
order by d.partition_key, d.collection_id, d.id, i`, `
insert into chunk_search (partition_key, collection_id, document_id, chunk_id, search)
select partition_key, collection_id, document_id, id, array_to_tsvector(array(
  select distinct substr(content, 1 + n * 24, 4 + n % 6) from generate_series(0, 39) n where substr(content, 1 + n * 24, 4) !~ ' '))
from chunks where $1::int > 0
order by partition_key, id`, `
update collections c
set document_count = d.n, total_size_bytes = d.n * 12544, chunk_count = d.n * 25, vector_count = d.n * 25
from (select collection_id, count(*) as n from documents group by 1) d
where d.collection_id = c.id and $1::int > 0`,
}

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

// fillForBackup makes the database.
func (b *bench) fillForBackup(ctx context.Context, server string) error {
	a, _, err := b.inside(ctx, server)
	if err != nil {
		return err
	}
	a.Close()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "set jit = off"); err != nil {
		return fmt.Errorf("preparing the session: %w", err)
	}
	began := time.Now()
	for _, statement := range fillBackedUp {
		if _, err := conn.Exec(ctx, statement, b.chunks); err != nil {
			return fmt.Errorf("filling the database: %w", err)
		}
	}
	if _, err := conn.Exec(ctx, "vacuum (analyze)"); err != nil {
		return fmt.Errorf("filling the database: %w", err)
	}
	var size int64
	if err := conn.QueryRow(ctx, "select pg_database_size(current_database())").Scan(&size); err != nil {
		return fmt.Errorf("measuring the database: %w", err)
	}
	linef("database", "%d chunks, %.0f MB, filled in %.0f s", b.chunks, float64(size)/1e6, time.Since(began).Seconds())
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
