package events_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/database"
	"semantik/platform/events"
	"semantik/platform/pgtest"
)

// What an event in a transaction costs its commit: as many commits as four workers
// can make, and 500 a second, each a row.
func BenchmarkPublish(b *testing.B) {
	for name, publish := range map[string]bool{"without": false, "with": true} {
		for pace, perSecond := range map[string]int{"as fast as can be": 0, "500 a second": 500} {
			b.Run(name+"/"+pace, func(b *testing.B) { commits(b, publish, perSecond) })
		}
	}
}

func commits(b *testing.B, publish bool, perSecond int) {
	const workers = 4
	url := pgtest.Empty(b)
	db, err := database.Open(b.Context(), database.Config{URL: url, MaxConns: workers})
	require.NoError(b, err)
	defer db.Close()
	_, err = db.Querier(b.Context()).Exec(b.Context(), "create table step (id bigint generated always as identity, content text)")
	require.NoError(b, err)
	bus := events.NewBus(db, events.Config{})
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go bus.Run(ctx)

	var left atomic.Int64
	left.Store(int64(b.N))
	var mu sync.Mutex
	var took []time.Duration
	var running sync.WaitGroup
	began := time.Now()
	b.ResetTimer()
	for range workers {
		running.Go(func() {
			for {
				n := left.Add(-1)
				if n < 0 {
					return
				}
				if perSecond > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(int64(b.N)-n) * time.Second / time.Duration(perSecond))))
				}
				start := time.Now()
				err := db.InTx(ctx, func(ctx context.Context) error {
					_, err := db.Querier(ctx).Exec(ctx, "insert into step (content) values ('a step')")
					if err == nil && publish {
						err = events.Publish(ctx, db, numbered(int(n), "operation", "user"))
					}
					return err
				})
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	running.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/time.Since(began).Seconds(), "commits/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
}
