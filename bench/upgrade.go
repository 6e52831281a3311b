package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

const (
	// upgradedCollections have upgradedDocuments of fifty chunks each.
	upgradedCollections = 20
	upgradedDocuments   = 400
	upgradedChunks      = 50 * upgradedCollections * upgradedDocuments
	// upgradeIdle is how long the clients are measured before.
	upgradeIdle = 30 * time.Second
	// mostUpgrading is how much longer the slowest hundredth may take meanwhile.
	mostUpgrading = 2.0
)

// upgrade measures what clients notice of an upgrade of the schema: they load small
// batches of chunks, read pages and search throughout an apply that adds a column and an
// index over it to the chunks, at a server of the version before.
func (b *bench) upgrade(ctx context.Context) (err error) {
	next, err := b.buildNext(ctx)
	if err != nil {
		return err
	}
	given, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("starting a database: %w", err)
	}
	defer func() { err = errors.Join(err, given.Stop()) }() //nolint:contextcheck // it must end when the context has
	s, err := b.serve(ctx, filepath.Join(b.work, "upgrade"), "DATABASE_URL="+given.URL, "DISABLE_RATE_LIMITING=true")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	u := &upgrading{bench: b, server: s, url: given.URL, next: next}
	return u.measure(ctx)
}

// buildNext compiles the program that follows this one: the same source, but for a column
// and an index more on the chunks and the number of the revision.
func (b *bench) buildNext(ctx context.Context) (string, error) {
	overlay := filepath.Join(b.work, "overlay.json")
	replaced := map[string]string{}
	for file, change := range map[string][2]string{
		"schema/schema.sql": {
			"\n    constraint chunks_pkey primary key",
			"    language            text,\n\n    constraint chunks_pkey primary key",
		},
		"schema/declaration.go": {"const Revision = ", "const Revision = 1 + "},
	} {
		path, err := filepath.Abs(file)
		if err != nil {
			return "", fmt.Errorf("looking for the source: %w", err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("reading the source: %w; run this in the repository's folder", err)
		}
		if strings.Count(string(text), change[0]) != 1 {
			return "", fmt.Errorf("%s does not hold %q once", file, change[0])
		}
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if file == "schema/schema.sql" {
			changed += "\ncreate index idx_chunks_part_language on chunks (collection_id, language, id);\n"
		}
		replaced[path] = filepath.Join(b.work, filepath.Base(file))
		if err := os.WriteFile(replaced[path], []byte(changed), 0o644); err != nil {
			return "", fmt.Errorf("writing the next version: %w", err)
		}
	}
	if err := writeJSON(overlay, map[string]any{"Replace": replaced}); err != nil {
		return "", err
	}
	next := filepath.Join(b.work, "semantik-next")
	out, err := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", next, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the next version: %w: %s", err, out)
	}
	return next, nil
}

// upgrading is the state of this part.
type upgrading struct {
	*bench

	server      *server
	url, next   string
	token       string
	collections []uuid.UUID
}

func (u *upgrading) measure(ctx context.Context) (err error) {
	if u.token, err = u.server.signIn(ctx); err != nil {
		return err
	}
	if err := u.fill(ctx); err != nil {
		return err
	}
	clients := u.clients()
	idle, err := duringStretch(ctx, clients, func(ctx context.Context) error { return sleep(ctx, upgradeIdle) })
	if err != nil {
		return err
	}
	var plan, said string
	var took time.Duration
	busy, err := duringStretch(ctx, clients, func(ctx context.Context) error {
		if plan, err = u.schema(ctx, "plan"); err != nil {
			return err
		}
		began := time.Now()
		said, err = u.schema(ctx, "apply")
		took = time.Since(began)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println(indented(plan))
	linef("chunks", "%d in %d collections, %.0f MiB with indexes", upgradedChunks, upgradedCollections, u.mebibytes(ctx))
	seconds("schema apply", took)
	fmt.Println(indented(said))
	for i, c := range clients {
		linef(c.name, "99 of 100 within %.1f ms idle (%d), %.1f ms meanwhile (%d), longest %.0f ms",
			milliseconds(within(idle[i], 99)), len(idle[i]), milliseconds(within(busy[i], 99)), len(busy[i]), milliseconds(within(busy[i], 100)))
		goal("ratio", ratio(within(busy[i], 99).Seconds(), within(idle[i], 99).Seconds()), mostUpgrading, "x")
	}
	linef("errors", "none, or this would not be printed")
	_, err = u.schema(ctx, "check")
	return err
}

// schema runs a command on the schema of the next version, and gives what it printed.
func (u *upgrading) schema(ctx context.Context, verb string) (string, error) {
	command := exec.CommandContext(ctx, u.next, "schema", verb)
	command.Dir, command.Env = u.work, u.environment(filepath.Join(u.work, "next"), "127.0.0.1:0", "DATABASE_URL="+u.url)
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("schema %s: %w: %s", verb, err, out)
	}
	return string(out), nil
}

func (u *upgrading) mebibytes(ctx context.Context) float64 {
	conn, err := pgx.Connect(ctx, u.url)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close(ctx) }()
	var bytes int64
	if err := conn.QueryRow(ctx, "select sum(pg_total_relation_size(relid)) from pg_partition_tree('chunks')").Scan(&bytes); err != nil {
		return 0
	}
	return float64(bytes) / (1 << 20)
}

// fill makes the collections with everything in them, beside the program.
func (u *upgrading) fill(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, u.url)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "set session_replication_role = replica"); err != nil {
		return fmt.Errorf("filling collections: %w", err)
	}
	told := teller{part: "upgrade"}
	for n := range upgradedCollections {
		var id uuid.UUID
		err := conn.QueryRow(ctx, `
insert into collections (name, owner_id, vector_store_name, status) select $1, min(id), $1, 'ready' from users
returning id`, fmt.Sprintf("upgraded %d", n)).Scan(&id)
		if err != nil {
			return fmt.Errorf("making a collection: %w", err)
		}
		u.collections = append(u.collections, id)
		for _, sql := range fillPurged {
			if _, err := conn.Exec(ctx, sql, id, upgradedDocuments); err != nil {
				return fmt.Errorf("filling a collection: %w", err)
			}
		}
		told.tellf("%d of %d collections filled", n+1, upgradedCollections)
	}
	for _, sql := range []string{"analyze", "checkpoint"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("filling collections: %w", err)
		}
	}
	return nil
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
