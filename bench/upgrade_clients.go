package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

const (
	// upgradeEvery is the time between two requests of a client. A rate, so that a
	// standstill counts for all that would have come in it.
	upgradeEvery = 100 * time.Millisecond
	// upgradeLoad is how many chunks a load brings.
	upgradeLoad = 20
)

// paced is a client that does something at a steady rate.
type paced struct {
	name string
	do   func(ctx context.Context, n int) error
	// done counts over several stretches, so that nothing is done twice.
	done int
}

func (u *upgrading) clients() []*paced {
	at := func(n int) uuid.UUID { return u.collections[n%len(u.collections)] }
	return []*paced{
		{name: "loading 20 chunks", do: func(ctx context.Context, n int) error {
			var lines strings.Builder
			for i := range upgradeLoad {
				fmt.Fprintf(&lines, `{"chunk_index":%d,"content":"word%d and what a client has to say at load %d"}`+"\n", n*upgradeLoad+i, i, n)
			}
			return u.server.load(ctx, u.token, at(n), strings.NewReader(lines.String()))
		}},
		{name: "reading a page of 100", do: func(ctx context.Context, n int) error {
			_, err := u.server.ask(ctx, u.token, http.MethodGet, "/api/v2/chunking/collections/"+at(n).String()+"/chunks?page_size=100", "")
			return err
		}},
		{name: "searching for two words", do: func(ctx context.Context, n int) error {
			body := fmt.Sprintf(`{"query": "word%d word%d", "k": 10, "collection_uuids": ["%s"]}`, n%5000, (n*7)%5000, at(n))
			_, err := u.server.ask(ctx, u.token, http.MethodPost, "/api/v2/search", body)
			return err
		}},
	}
}

// duringStretch has all clients at work while fn runs, and gives how long each of their
// requests took, from when it was due.
func duringStretch(ctx context.Context, clients []*paced, fn func(ctx context.Context) error) ([][]time.Duration, error) {
	took := make([][]time.Duration, len(clients))
	group, inner := errgroup.WithContext(ctx)
	over := make(chan struct{})
	for i, c := range clients {
		group.Go(func() error {
			var err error
			took[i], err = c.work(inner, over)
			return err
		})
	}
	group.Go(func() error {
		defer close(over)
		return fn(inner)
	})
	return took, group.Wait()
}

func (c *paced) work(ctx context.Context, over <-chan struct{}) ([]time.Duration, error) {
	var took []time.Duration
	for due := time.Now(); ; due = due.Add(upgradeEvery) {
		select {
		case <-over:
			return took, nil
		case <-ctx.Done():
			return took, ctx.Err()
		case <-time.After(time.Until(due)):
		}
		if err := c.do(ctx, c.done); err != nil {
			return took, fmt.Errorf("%s: %w", c.name, err)
		}
		c.done++
		took = append(took, time.Since(due))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
