package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

const (
	// readClients read at once.
	readClients = 8
	// readChunks is the size of the collection that is read, and readBytes that of a
	// chunk's content.
	readChunks = 100_000
	readBytes  = 1000
	// leastOfRead is how much of what PostgreSQL alone does shall be left over HTTP, and
	// mostWhenLarge how much longer a read may take in the large collection.
	leastOfRead   = 0.5
	mostWhenLarge = 1.2
)

// readSettings are those of the program's connections.
const readSettings = "-c jit=off -c plan_cache_mode=force_custom_plan -c random_page_cost=1.1"

// read measures a page of a hundred chunks and one chunk over HTTP against pgbench
// running the statements that such a request sends, and both in a collection that is
// many times as large.
func (b *bench) read(ctx context.Context) (err error) {
	pgbench, err := findPgbench()
	if err != nil {
		linef("pgbench", "is not on this machine, so there is nothing to compare with: %v", err)
		return nil
	}
	given, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("starting a database: %w", err)
	}
	defer func() { err = errors.Join(err, given.Stop()) }() //nolint:contextcheck // it must end when the context has
	s, err := b.serve(ctx, filepath.Join(b.work, "read"), "DATABASE_URL="+given.URL, "DISABLE_RATE_LIMITING=true")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	r := &reading{bench: b, url: given.URL, server: s, pgbench: pgbench}
	return r.measure(ctx)
}

// reading is the state of this part.
type reading struct {
	*bench

	url, pgbench string
	server       *server
	token        string
}

// readKind is a kind of request, of which pgbench runs the statements that match.
type readKind struct {
	name string
	path string
	// statements tells which of the request's statements are compared with.
	statements func(sql string) bool
}

func (r *reading) measure(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, r.url)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if r.token, err = r.server.signIn(ctx); err != nil {
		return err
	}
	small, err := r.fill(ctx, conn, "small", readChunks, 0)
	if err != nil {
		return err
	}
	for _, kind := range kindsOf(small) {
		script, err := r.record(ctx, kind)
		if err != nil {
			return err
		}
		for _, clients := range []int{1, readClients} {
			bare, over, err := r.compare(ctx, script, kind.path, clients)
			if err != nil {
				return err
			}
			linef(fmt.Sprintf("%s, %d at once", kind.name, clients), "%8.1f a second by pgbench, %8.1f over HTTP", bare, over)
			least("ratio", over/bare, leastOfRead)
		}
	}
	large, err := r.fill(ctx, conn, "large", r.chunks, 1)
	if err != nil {
		return err
	}
	return r.compareSizes(ctx, small, large)
}

// compareSizes reads both collections in turn, one client at a time, so that what is
// compared is the time of one read.
func (r *reading) compareSizes(ctx context.Context, small, large place) error {
	smalls, larges := kindsOf(small), kindsOf(large)
	for i := range smalls {
		var before, after []float64
		for range r.runs {
			rate, err := r.rate(ctx, smalls[i].path, 1)
			if err != nil {
				return err
			}
			before = append(before, rate)
			if rate, err = r.rate(ctx, larges[i].path, 1); err != nil {
				return err
			}
			after = append(after, rate)
		}
		goal(fmt.Sprintf("%s, %d chunks against %d", smalls[i].name, large.chunks, small.chunks), middle(before)/middle(after), mostWhenLarge, "x")
	}
	return nil
}

// place is a filled collection with something in its middle to read.
type place struct {
	collection uuid.UUID
	chunks     int
	chunk      int64
	// after is a position in its middle.
	after string
}

func kindsOf(p place) []readKind {
	chunks := "/api/v2/chunking/collections/" + p.collection.String() + "/chunks"
	return []readKind{
		{"a page of 100", chunks + "?page_size=100&after=" + p.after, onChunks.MatchString},
		{"one chunk by id", fmt.Sprintf("%s/%d", chunks, p.chunk), func(string) bool { return true }},
	}
}

// fill makes a collection in a partition of its own. The foreign keys are not looked at
// while it is filled: what is filled in keeps to them.
func (r *reading) fill(ctx context.Context, conn *pgx.Conn, name string, chunks, key int) (place, error) {
	began := time.Now()
	p := place{chunks: chunks}
	var partition int
	var err error
	if p.collection, partition, err = insertCollection(ctx, conn, name, chunks, &key); err != nil {
		return p, err
	}
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`set session_replication_role = replica`, nil},
		{`
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status, chunk_count)
select $1, $2, n || '.txt', n || '.txt', 1000, lpad(to_hex(n), 64, '0'), 'completed', $4
from generate_series(1, $3::int / $4::int) n`, []any{p.collection, partition, chunks, chunksOfDocument}},
		{`
insert into chunks (collection_id, partition_key, document_id, chunk_index, content, token_count)
select d.collection_id, d.partition_key, d.id, i, left(repeat(md5(d.id::text || i), $3::int / 32 + 1), $3::int), $3::int / 4
from documents d, generate_series(0, $4::int - 1) i
where d.collection_id = $1 and d.partition_key = $2`, []any{p.collection, partition, readBytes, chunksOfDocument}},
		{`set session_replication_role = origin`, nil},
	} {
		if _, err := conn.Exec(ctx, step.sql, step.args...); err != nil {
			return p, fmt.Errorf("filling %s: %w", name, err)
		}
	}
	if err := tidy(ctx, conn); err != nil {
		return p, err
	}
	var index int
	err = conn.QueryRow(ctx, `
select id, chunk_index from chunks
where partition_key = $1 and collection_id = $2 and chunk_index = $3
order by chunk_index, id offset $4 limit 1`, partition, p.collection, chunksOfDocument/2, chunks/chunksOfDocument/2).Scan(&p.chunk, &index)
	if err != nil {
		return p, fmt.Errorf("looking for the middle of %s: %w", name, err)
	}
	p.after = cursor(index, p.chunk)
	linef("collection "+name, "%d chunks of %d bytes, filled in %.0f s", chunks, readBytes, time.Since(began).Seconds())
	return p, nil
}

func (r *reading) compare(ctx context.Context, script pgbenchScript, path string, clients int) (bare, over float64, err error) {
	var bares, overs []float64
	for range r.runs {
		rate, err := script.run(ctx, r.pgbench, r.url, clients, readSettings)
		if err != nil {
			return 0, 0, err
		}
		bares = append(bares, rate)
		if rate, err = r.rate(ctx, path, clients); err != nil {
			return 0, 0, err
		}
		overs = append(overs, rate)
	}
	return middle(bares), middle(overs), nil
}

func (r *reading) rate(ctx context.Context, path string, clients int) (float64, error) {
	return r.server.repeat(ctx, clients, r.token, http.MethodGet, path, "")
}
