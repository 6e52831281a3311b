package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

const (
	// searchClients search at once.
	searchClients = 8
	// leastOfStatement is how much of what PostgreSQL alone does shall be left over
	// HTTP, and mostWhenFull how much longer a search may take beside others.
	leastOfStatement = 0.7
	mostWhenFull     = 1.1
)

// asked are the kinds of query that are measured: ranks of words by how frequent
// they are, of which the first ones are in nearly every chunk.
var asked = []struct {
	kind  string
	ranks []int
}{
	{"a rare word", []int{9000}},
	{"two words", []int{60, 900}},
	{"a frequent word", []int{5}},
	{"a question of eight words", []int{3, 12, 40, 110, 300, 900, 2500, 8000}},
}

// search measures text search over HTTP against pgbench running the very statements
// that a search sends, and again when other collections, some of them in the same
// partition, have been filled.
func (b *bench) search(ctx context.Context) (err error) {
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
	s, err := b.serve(ctx, filepath.Join(b.work, "search"), "DATABASE_URL="+given.URL, "DISABLE_RATE_LIMITING=true")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	v := &searching{bench: b, url: given.URL, server: s, pgbench: pgbench}
	return v.measure(ctx)
}

// searching is the state of this part.
type searching struct {
	*bench

	url, pgbench string
	server       *server
	token        string
	collection   uuid.UUID
}

func (v *searching) measure(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, v.url)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if v.token, err = v.server.signIn(ctx); err != nil {
		return err
	}
	began := time.Now()
	if v.collection, err = fillSearched(ctx, conn, v.url, "searched", searchedChunks, nil); err != nil {
		return err
	}
	if err := tidy(ctx, conn); err != nil {
		return err
	}
	linef("collection", "%d chunks of %d words, filled in %.0f s", searchedChunks, searchedWords, time.Since(began).Seconds())
	scripts, err := v.record(ctx)
	if err != nil {
		return err
	}
	alone := make([]float64, len(asked))
	for i, a := range asked {
		bare, over, err := v.compare(ctx, scripts[i], words(a.ranks))
		if err != nil {
			return err
		}
		alone[i] = over
		linef(a.kind, "%8.1f a second by pgbench, %8.1f over HTTP", bare, over)
		least("ratio", over/bare, leastOfStatement)
	}
	began = time.Now()
	if err := fillOthers(ctx, conn, v.url, v.collection); err != nil {
		return err
	}
	linef("other collections", "%d of %d chunks, %d in the same partition, filled in %.0f s", others, otherChunks, othersBeside, time.Since(began).Seconds())
	for i, a := range asked {
		again, err := v.over(ctx, words(a.ranks))
		if err != nil {
			return err
		}
		goal(a.kind+", time against alone", alone[i]/again, mostWhenFull, "x")
	}
	return nil
}

// compare measures both ways in turn, so that what else the machine does weighs on
// both.
func (v *searching) compare(ctx context.Context, script pgbenchScript, query string) (bare, over float64, err error) {
	var bares, overs []float64
	for range v.runs {
		rate, err := script.run(ctx, v.pgbench, v.url, searchClients, readSettings+" -c enable_seqscan=off")
		if err != nil {
			return 0, 0, err
		}
		bares = append(bares, rate)
		if rate, err = v.rate(ctx, query); err != nil {
			return 0, 0, err
		}
		overs = append(overs, rate)
	}
	return middle(bares), middle(overs), nil
}

// over measures searches over HTTP.
func (v *searching) over(ctx context.Context, query string) (float64, error) {
	var rates []float64
	for range v.runs {
		rate, err := v.rate(ctx, query)
		if err != nil {
			return 0, err
		}
		rates = append(rates, rate)
	}
	return middle(rates), nil
}

func (v *searching) rate(ctx context.Context, query string) (float64, error) {
	body := fmt.Sprintf(`{"collection_uuids": [%q], "query": %q}`, v.collection, query)
	return v.server.repeat(ctx, searchClients, v.token, http.MethodPost, "/api/v2/search", body)
}

func middle(rates []float64) float64 {
	return slices.Sorted(slices.Values(rates))[len(rates)/2]
}

// words are those of the ranks, as a query.
func words(ranks []int) string {
	all := make([]string, len(ranks))
	for i, rank := range ranks {
		all[i] = wordOf(rank)
	}
	return strings.Join(all, " ")
}
