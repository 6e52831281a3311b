package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

const (
	// loadedDocuments have loadedEach chunks each, of about a kilobyte.
	loadedDocuments = 4000
	loadedEach      = 100
	loadedChunks    = loadedDocuments * loadedEach
	// loaders load at once, where several do.
	loaders = 4
	// leastOfCopy is how much of what psql's \copy does shall be left over HTTP, and
	// mostGrowth how much the program's memory may grow by a stream, in MiB.
	leastOfCopy = 0.9
	mostGrowth  = 100
	streamed    = 1 << 30
)

// load measures the bulk load over HTTP against psql's \copy of the same rows into the
// same table, with its keys: one alone, several at once into as many collections, and
// several into one; besides, how much memory a stream of a gigabyte takes, and how
// fast search rows follow.
func (b *bench) load(ctx context.Context) (err error) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		linef("psql", "is not on this machine, so there is nothing to compare with: %v", err)
		return nil
	}
	given, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("starting a database: %w", err)
	}
	defer func() { err = errors.Join(err, given.Stop()) }() //nolint:contextcheck // it must end when the context has
	s, err := b.serve(ctx, filepath.Join(b.work, "load"), "DATABASE_URL="+given.URL, "DISABLE_RATE_LIMITING=true")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	l := &loading{bench: b, psql: psql, url: given.URL, server: s}
	return l.measure(ctx)
}

// loading is the state of this part.
type loading struct {
	*bench

	psql, url string
	server    *server
	token     string
	conn      *pgx.Conn
	made      int
}

// cargo is what one loader loads, in the form that psql reads and in the one that the
// program does.
type cargo struct {
	collection  uuid.UUID
	text, lines string
}

func (l *loading) measure(ctx context.Context) (err error) {
	if l.conn, err = pgx.Connect(ctx, l.url); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = l.conn.Close(context.WithoutCancel(ctx)) }()
	if l.token, err = l.server.signIn(ctx); err != nil {
		return err
	}
	if err := l.stream(ctx); err != nil { // first, while the program has grown by nothing else
		return err
	}
	linef("chunks", "%d of about 1 KB, of %d documents", loadedChunks, loadedDocuments)
	if err := l.compare(ctx, "one loader", 1, false); err != nil {
		return err
	}
	if err := l.compare(ctx, fmt.Sprintf("%d loaders, a collection each", loaders), loaders, false); err != nil {
		return err
	}
	if err := l.compare(ctx, fmt.Sprintf("%d loaders, one collection", loaders), loaders, true); err != nil {
		return err
	}
	return l.follow(ctx)
}

// compare loads so many times as often as asked for, in turns.
func (l *loading) compare(ctx context.Context, what string, n int, together bool) error {
	var bare, over []time.Duration
	for range l.runs {
		took, err := l.each(ctx, n, together, l.copyIn)
		if err != nil {
			return err
		}
		bare = append(bare, took)
		if took, err = l.each(ctx, n, together, l.post); err != nil {
			return err
		}
		over = append(over, took)
	}
	rows := float64(loadedChunks)
	linef(what, "%8.0f chunks a second by \\copy, %8.0f over HTTP", rows/median(bare).Seconds(), rows/median(over).Seconds())
	ratio := median(bare).Seconds() / median(over).Seconds()
	if n == 1 {
		least("ratio", ratio, leastOfCopy)
	} else {
		linef("ratio", "%8.2f", ratio)
	}
	return nil
}

// each loads with so many loaders at once, which share the chunks, and gives the time
// until the last of them is done.
func (l *loading) each(ctx context.Context, n int, together bool, how func(context.Context, cargo) error) (time.Duration, error) {
	var loads []cargo
	var in uuid.UUID
	for i := range n {
		if i == 0 || !together {
			var err error
			if in, err = l.collection(ctx); err != nil {
				return 0, err
			}
		}
		c, err := l.pack(ctx, in, i, loadedDocuments/n)
		if err != nil {
			return 0, err
		}
		loads = append(loads, c)
	}
	if _, err := l.conn.Exec(ctx, "checkpoint"); err != nil {
		return 0, fmt.Errorf("writing what is in memory: %w", err)
	}
	began := time.Now()
	group, inner := errgroup.WithContext(ctx)
	for _, c := range loads {
		group.Go(func() error { return how(inner, c) })
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	took := time.Since(began)
	for _, c := range loads {
		if err := errors.Join(os.Remove(c.text), os.Remove(c.lines)); err != nil {
			return 0, fmt.Errorf("tidying up: %w", err)
		}
	}
	return took, l.empty(ctx)
}

// empty takes out what was loaded, so that each load meets a table of the same size,
// and none the making of search rows.
func (l *loading) empty(ctx context.Context) error {
	for _, sql := range []string{
		"delete from chunk_search_backlog", "truncate chunks, chunk_search", "delete from documents",
		"update collections set document_count = 0, chunk_count = 0, vector_count = 0",
	} {
		if _, err := l.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("emptying the tables: %w", err)
		}
	}
	return nil
}

// collection makes an empty one.
func (l *loading) collection(ctx context.Context) (uuid.UUID, error) {
	l.made++
	var id uuid.UUID
	err := l.conn.QueryRow(ctx, `
insert into collections (name, owner_id, vector_store_name, status) select $1, min(id), $1, 'ready' from users
returning id`, fmt.Sprintf("loaded %d", l.made)).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("making a collection: %w", err)
	}
	return id, nil
}

// loadedWords are what contents are made of.
const loadedWords = "search document chunk index partition vector recall token query answer sentence paragraph walrus heading table figure of the and to in a is that for it with as was on be by at from this which are have not or an"

// contentOf is a text of about a kilobyte, with a line end and a quote in it.
func contentOf(document, index int) string {
	words := strings.Fields(loadedWords)
	var b strings.Builder
	fmt.Fprintf(&b, "Chunk %d of document %d says \"so\".\n", index, document)
	for i := uint(document*31 + index*7); b.Len() < 1000; i = i*1103515245 + 12345 {
		b.WriteString(words[(i>>8)%uint(len(words))])
		b.WriteByte(' ')
	}
	return b.String()
}

// pack makes documents of a collection and writes their chunks into two files.
func (l *loading) pack(ctx context.Context, collection uuid.UUID, part, documents int) (cargo, error) {
	rows, err := l.conn.Query(ctx, `
with made as (
  insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status)
  select id, partition_key, ($3::int) || '/' || i || '.txt', i || '.txt', 0, lpad(to_hex($3::int * 1000000 + i), 64, '0'), 'completed'
  from collections, generate_series(1, $2::int) i where id = $1
  returning id, partition_key
), counted as (
  update collections set document_count = document_count + $2 where id = $1
)
select id, partition_key from made`, collection, documents, part)
	if err != nil {
		return cargo{}, fmt.Errorf("making documents: %w", err)
	}
	type document struct {
		ID  uuid.UUID
		Key int
	}
	made, err := pgx.CollectRows(rows, pgx.RowToStructByPos[document])
	if err != nil {
		return cargo{}, fmt.Errorf("making documents: %w", err)
	}
	c := cargo{collection: collection, text: filepath.Join(l.work, fmt.Sprintf("%d.copy", part)), lines: filepath.Join(l.work, fmt.Sprintf("%d.ndjson", part))}
	escape := strings.NewReplacer("\\", `\\`, "\n", `\n`, "\t", `\t`)
	return c, errors.Join(
		writeRows(c.text, func(w io.Writer) error {
			for d, doc := range made {
				for i := range loadedEach {
					_, err := fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%d\n", collection, doc.Key, doc.ID, i, escape.Replace(contentOf(d, i)), 250)
					if err != nil {
						return err
					}
				}
			}
			return nil
		}),
		writeRows(c.lines, func(w io.Writer) error {
			for d, doc := range made {
				for i := range loadedEach {
					if err := writeLine(w, doc.ID, i, contentOf(d, i)); err != nil {
						return err
					}
				}
			}
			return nil
		}))
}

func writeLine(w io.Writer, document uuid.UUID, index int, content string) error {
	_, err := fmt.Fprintf(w, `{"document_id":"%s","chunk_index":%d,"content":%s,"token_count":250}`+"\n", document, index, strconv.Quote(content))
	return err
}

// copyIn is what somebody does who has psql and the rights to the table.
func (l *loading) copyIn(ctx context.Context, c cargo) error {
	command := exec.CommandContext(ctx, l.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", l.url, "-c",
		`\copy chunks (collection_id, partition_key, document_id, chunk_index, content, token_count) from '`+c.text+`'`)
	// As the program's sessions have it: without it the foreign keys' checks read all of
	// a small table of collections.
	command.Env = append(os.Environ(), "PGOPTIONS=-c random_page_cost=1.1 -c jit=off")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w: %s", err, out)
	}
	return nil
}

// post loads a file over HTTP.
func (l *loading) post(ctx context.Context, c cargo) error {
	file, err := os.Open(c.lines)
	if err != nil {
		return fmt.Errorf("opening what is to be loaded: %w", err)
	}
	defer func() { _ = file.Close() }()
	return l.server.load(ctx, l.token, c.collection, file)
}

// load sends lines to be loaded.
func (s *server) load(ctx context.Context, token string, collection uuid.UUID, lines io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v2/chunking/collections/"+collection.String()+"/chunks", lines)
	if err != nil {
		return fmt.Errorf("loading: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("loading: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("loading: %w", err)
	}
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("loading answered %d: %s", response.StatusCode, answer)
	}
	return nil
}
