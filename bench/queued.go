package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"semantik/modules/collections"
)

const (
	// queuedPatience bounds the making of what waits.
	queuedPatience = 30 * time.Minute
	// queuedMakers make it.
	queuedMakers = 8
	// queuedWatch is how long a server is watched: time enough for it to look, more than
	// once, for operations that nobody attends to.
	queuedWatch = 40 * time.Second
)

// queued measures the memory of a server that has very many operations before it,
// each on a collection of its own, against the same server with none, after as long.
// They are the ones that make new collections ready, added while no server runs.
func (b *bench) queued(ctx context.Context) (err error) {
	url, stop, err := b.durable(ctx, "queued")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	idle, err := b.weighed(ctx, url)
	if err != nil {
		return err
	}
	took, err := b.fillQueue(ctx, url)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	before, err := pendingOf(ctx, conn)
	if err != nil {
		return err
	}
	busy, err := b.weighed(ctx, url)
	if err != nil {
		return err
	}
	after, err := pendingOf(ctx, conn)
	if err != nil {
		return err
	}
	linef("collections made, each with an operation", "%8d, %.0f a second by %d at once", b.operations, float64(b.operations)/took.Seconds(), queuedMakers)
	linef("operations that wait", "%8d at first, %d after %.0f s", before, after, queuedWatch.Seconds())
	_, last, most := firstLastMost(idle)
	linef("the server's memory when idle", "%8.1f MiB at the end, %.1f at the most", last, most)
	_, lastBusy, mostBusy := firstLastMost(busy)
	linef("with the queue before it", "%8.1f MiB at the end, %.1f at the most", lastBusy, mostBusy)
	linef("ratio", "%8.2f at the end, %.2f at the most", ratio(lastBusy, last), ratio(mostBusy, most))
	linef("more", "%8.1f MiB at the most, for %d that waited and %d that were done meanwhile", mostBusy-most, after, before-after)
	return nil
}

// weighed is the memory of a server, second by second.
func (b *bench) weighed(ctx context.Context, url string) (all []float64, err error) {
	s, err := b.serve(ctx, filepath.Join(b.work, "queued-server"), "DATABASE_URL="+url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	told := teller{part: "queued"}
	again := time.NewTicker(weighEvery)
	defer again.Stop()
	for began := time.Now(); time.Since(began) < queuedWatch; {
		now, err := memory(ctx, s.command.Process.Pid)
		if err != nil {
			return nil, err
		}
		all = append(all, now)
		told.tellf("the server holds %.1f MiB after %.0f s", now, time.Since(began).Seconds())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-again.C:
		}
	}
	return all, nil
}

// fillQueue makes collections while nobody works, and gives how long it took.
func (b *bench) fillQueue(ctx context.Context, url string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, queuedPatience)
	defer cancel()
	a, id, err := b.inside(ctx, url)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	began := time.Now()
	var made atomic.Int64
	group, inner := errgroup.WithContext(as(ctx, id))
	for range queuedMakers {
		group.Go(func() error {
			told := teller{part: "queued", last: time.Now()}
			for {
				n := made.Add(1)
				if n > int64(b.operations) {
					return nil
				}
				if _, err := a.Collections.Create(inner, collections.CreateInput{Name: fmt.Sprintf("queued %d", n)}); err != nil {
					return fmt.Errorf("making a collection: %w", err)
				}
				if n%queuedMakers == 0 {
					told.tellf("%d of %d operations wait", n, b.operations)
				}
			}
		})
	}
	err = group.Wait()
	return time.Since(began), err
}

func pendingOf(ctx context.Context, conn *pgx.Conn) (int, error) {
	var n int
	if err := conn.QueryRow(ctx, `select count(*) from operations where status = 'pending'`).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting what waits: %w", err)
	}
	return n, nil
}
