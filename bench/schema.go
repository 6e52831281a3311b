package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
	"semantik/schema"
)

const (
	mostTimesPsql = 2
	mostNoChange  = 0.3
)

// schema measures applying the schema to an empty database, against psql on the
// same declaration and the same migrations of the queue, and finding that there
// is nothing to do.
func (b *bench) schema(ctx context.Context) (err error) {
	server, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("starting a database: %w", err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }() //nolint:contextcheck // it must end when the context has
	files, err := b.declaration()
	if err != nil {
		return err
	}
	psql := findPsql()
	var bare, ours, nothing []time.Duration
	for n := range b.runs {
		target, err := createDatabase(ctx, server.URL, fmt.Sprintf("ours_%d", n))
		if err != nil {
			return err
		}
		first, second, err := apply(ctx, target)
		if err != nil {
			return err
		}
		ours, nothing = append(ours, first), append(nothing, second)
		if psql == "" {
			continue
		}
		if target, err = createDatabase(ctx, server.URL, fmt.Sprintf("bare_%d", n)); err != nil {
			return err
		}
		took, err := runPsql(ctx, psql, target, files)
		if err != nil {
			return err
		}
		bare = append(bare, took)
	}
	seconds("schema apply on an empty database", median(ours))
	if psql == "" {
		linef("psql", "not found, so there is nothing to compare with")
	} else {
		seconds("psql -f on the same declaration", median(bare))
		goal("ratio", median(ours).Seconds()/median(bare).Seconds(), mostTimesPsql, "x")
	}
	goal("schema apply with nothing to do", median(nothing).Seconds(), mostNoChange, "s")
	return nil
}

func createDatabase(ctx context.Context, server, name string) (string, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "create database "+name+" template template0"); err != nil {
		return "", fmt.Errorf("making a database: %w", err)
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("reading the server's URL: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// apply applies the schema and does so again.
func apply(ctx context.Context, target string) (first, second time.Duration, err error) {
	pool, err := pgxpool.New(ctx, target)
	if err != nil {
		return 0, 0, fmt.Errorf("connecting: %w", err)
	}
	defer pool.Close()
	manager := schema.New(pool, schema.Options{})
	for _, took := range []*time.Duration{&first, &second} {
		began := time.Now()
		if _, err := manager.Apply(ctx, schema.ApplyOptions{}); err != nil {
			return 0, 0, fmt.Errorf("applying the schema: %w", err)
		}
		*took = time.Since(began)
	}
	return first, second, nil
}

// declaration writes what psql runs: the queue's migrations, a transaction each,
// because they need that, and the schema's files in one.
func (b *bench) declaration() ([]string, error) {
	migrator, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Schema: schema.DefaultQueueSchema})
	if err != nil {
		return nil, fmt.Errorf("reading the queue's migrations: %w", err)
	}
	var files []string
	write := func(name, sql string) error {
		path := filepath.Join(b.work, name+".sql")
		files = append(files, path)
		if err := os.WriteFile(path, []byte("begin;\n"+sql+"\ncommit;\n"), 0o644); err != nil {
			return fmt.Errorf("writing what psql runs: %w", err)
		}
		return nil
	}
	queue := schema.DefaultQueueSchema
	if err := write("queue", "create schema "+queue+";"); err != nil {
		return nil, err
	}
	for _, m := range migrator.AllVersions() {
		sql := strings.ReplaceAll(m.SQLUp, "/* TEMPLATE: schema */", queue+".")
		if err := write(fmt.Sprintf("queue-%d", m.Version), sql); err != nil {
			return nil, err
		}
	}
	var all strings.Builder
	for _, name := range []string{"extensions", "schema", "functions", "partitions"} {
		sql, err := os.ReadFile(filepath.Join("schema", name+".sql"))
		if err != nil {
			return nil, fmt.Errorf("reading the declaration: %w; run this in the repository's folder", err)
		}
		all.Write(sql)
	}
	return files, write("declaration", all.String())
}

// findPsql gives "" where there is none: the embedded PostgreSQL has none.
func findPsql() string {
	if path, err := exec.LookPath("psql"); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

func runPsql(ctx context.Context, psql, target string, files []string) (time.Duration, error) {
	args := append(make([]string, 0, 7+2*len(files)), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.DevNull)
	for _, file := range files {
		args = append(args, "-f", file)
	}
	command := exec.CommandContext(ctx, psql, append(args, target)...)
	began := time.Now()
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("running psql: %w: %s", err, out)
	}
	return time.Since(began), nil
}
