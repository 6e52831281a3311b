package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"semantik/app"
	"semantik/modules/chunks"
	"semantik/modules/collections"
)

const (
	// leastPurged is how many rows a second shall be purged, longestStep how long a
	// transaction may be meanwhile, and mostBeside how much longer the slowest hundredth
	// of the reads of another collection may take.
	leastPurged = 80_000
	longestStep = 2.0
	mostBeside  = 2.0
	// idleReads is how long reads are measured before.
	idleReads = 10 * time.Second
)

// purgeBeside deletes a large collection with the settings that a server has by itself,
// while others read another collection.
func (b *bench) purgeBeside(ctx context.Context, url string) (err error) {
	a, asOwner, err := b.purger(ctx, url)
	if err != nil {
		return err
	}
	defer a.Close()
	defer func() { err = errors.Join(err, a.Worker.Stop(context.WithoutCancel(ctx))) }()
	beside, err := filled(asOwner, a, "read beside", purgedDocuments)
	if err != nil {
		return err
	}
	large, err := filled(asOwner, a, "large", b.chunks/50)
	if err != nil {
		return err
	}
	until := time.Now().Add(idleReads)
	idle, err := readUntil(asOwner, a, beside.ID, func() bool { return time.Now().After(until) })
	if err != nil {
		return err
	}
	began := time.Now()
	if err := a.Collections.Delete(asOwner, large.ID); err != nil {
		return fmt.Errorf("deleting a collection: %w", err)
	}
	if _, err := a.Chunks.List(asOwner, large.ID, chunks.PageQuery{PageSize: 1, After: &chunks.Key{}}); !errors.Is(err, collections.ErrNotFound) {
		return fmt.Errorf("it can be read after its deletion was acknowledged: %w", err)
	}
	p := &purging{app: a, collection: large.ID}
	var longest time.Duration
	var purge time.Duration
	var watched sync.WaitGroup
	watched.Go(func() { longest, purge = p.watch(asOwner, began) })
	busy, err := readUntil(asOwner, a, beside.ID, p.hasEnded)
	watched.Wait()
	if err = errors.Join(err, p.err); err != nil {
		return err
	}
	linef("collection, beside readers", "%d chunks with search rows, %d documents", b.chunks, b.chunks/50)
	// Each chunk goes with its search row.
	least("rows a second, in thousands", 2*float64(b.chunks)/purge.Seconds()/1000, leastPurged/1000)
	goal("longest transaction", longest.Seconds(), longestStep, "s")
	linef("99 of 100 reads of another one", "within %.2f ms when idle, %.2f ms meanwhile", milliseconds(idle), milliseconds(busy))
	goal("ratio", busy.Seconds()/idle.Seconds(), mostBeside, "x")
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// readUntil reads pages, one after another, until something has ended, and gives the
// time within which 99 of 100 were there.
func readUntil(ctx context.Context, a *app.App, id uuid.UUID, ended func() bool) (time.Duration, error) {
	var took []time.Duration
	for len(took) == 0 || !ended() {
		one := time.Now()
		if _, err := a.Chunks.List(ctx, id, chunks.PageQuery{PageSize: 100, After: &chunks.Key{ChunkIndex: len(took) % 50, ID: 1}}); err != nil {
			return 0, fmt.Errorf("reading beside a purge: %w", err)
		}
		took = append(took, time.Since(one))
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}

// purging is a purge on its way.
type purging struct {
	app        *app.App
	collection uuid.UUID

	mu    sync.Mutex
	ended bool
	err   error
}

func (p *purging) hasEnded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// watch waits for the end of the purge, and gives how long it took and how long the
// longest of the program's transactions was.
func (p *purging) watch(ctx context.Context, began time.Time) (longest, took time.Duration) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		var status string
		var seconds float64
		err := p.app.DB.Querier(ctx).QueryRow(ctx, `
select (select status from operations where collection_id = $1 and type = 'delete'),
       coalesce((select max(extract(epoch from now() - xact_start)) from pg_stat_activity
                 where application_name = 'semantik' and pid <> pg_backend_pid() and backend_type = 'client backend'), 0)::float8`, p.collection).Scan(&status, &seconds)
		longest = max(longest, time.Duration(seconds*float64(time.Second)))
		if err != nil || status != "pending" && status != "processing" {
			took = time.Since(began)
			if err == nil && status != "completed" {
				err = fmt.Errorf("the purge is %s", status)
			}
			p.mu.Lock()
			p.ended, p.err = true, err
			p.mu.Unlock()
			return longest, took
		}
		select {
		case <-ctx.Done():
			p.mu.Lock()
			p.ended, p.err = true, ctx.Err()
			p.mu.Unlock()
			return longest, time.Since(began)
		case <-again.C:
		}
	}
}
