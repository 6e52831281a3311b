package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"semantik/platform/jobs"
)

const (
	// leastOfRiver is how much of River's rate operations shall have.
	leastOfRiver = 0.7
	// queuePatience bounds one run of one kind.
	queuePatience = 10 * time.Minute
	// wideWorkers work at once where the machine is to be the bound, and not the pauses
	// of the queue.
	wideWorkers = 8
)

// queue measures operations of a type that does nothing against River alone, which has
// the same settings, by the same means: the jobs are added, each in a transaction of its
// own, and then worked on until none is left. River's job does nothing, or one
// transaction with one update, which is the least that a job does whose work is to be
// there afterwards.
func (b *bench) queue(ctx context.Context) error {
	for _, on := range []struct {
		what  string
		start func() (string, func() error, error)
	}{
		{"commits wait for the disk", func() (string, func() error, error) { return b.durable(ctx, "queue") }},
		{"commits do not wait", func() (string, func() error, error) { return forgetful(ctx) }},
	} {
		if err := b.queueOn(ctx, on.what, on.start); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) queueOn(ctx context.Context, what string, start func() (string, func() error, error)) (err error) {
	url, stop, err := start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	a, id, err := b.inside(ctx, url)
	if err != nil {
		return err
	}
	defer a.Close()
	q := &queueing{bench: b, app: a, user: id, told: teller{part: "queue"}}
	if err := q.prepare(ctx); err != nil {
		return err
	}
	paused := queueSetting{name: fmt.Sprintf("%s, a server's own settings, %d workers", what, jobs.DefaultConcurrency), jobs: b.jobs}
	wide := queueSetting{name: fmt.Sprintf("%s, no pauses, %d workers", what, wideWorkers), jobs: b.jobs}
	wide.config = jobs.Config{Concurrency: wideWorkers, Quick: true}
	for _, setting := range []queueSetting{paused, wide} {
		if err := q.compare(ctx, setting); err != nil {
			return err
		}
	}
	return nil
}

// queueSetting is how the queue runs.
type queueSetting struct {
	name   string
	jobs   int
	config jobs.Config
}

// queueRate is how many a second were added, and worked on.
type queueRate struct{ added, worked float64 }

// compare does each kind so many times, in turns.
func (q *queueing) compare(ctx context.Context, s queueSetting) error {
	kinds := []queueKind{q.bareJobs(s), q.updatingJobs(s), q.operations(s)}
	rates := make([][]queueRate, len(kinds))
	for n := range q.runs {
		for i, kind := range kinds {
			q.told.tellf("%s: run %d of %d, %s", s.name, n+1, q.runs, kind.name)
			r, err := q.rate(ctx, s, kind)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			rates[i] = append(rates[i], r)
		}
	}
	linef(s.name, "%d of each, %d times", s.jobs, q.runs)
	var middles []queueRate
	for i, kind := range kinds {
		m := queueRate{}
		m.added, m.worked = middleOf(rates[i], func(r queueRate) float64 { return r.added }), middleOf(rates[i], func(r queueRate) float64 { return r.worked })
		middles = append(middles, m)
		linef(kind.name, "%8.1f a second worked on, %8.1f added", m.worked, m.added)
	}
	ours := middles[2]
	least("worked on, against a job that does nothing", ratio(ours.worked, middles[0].worked), leastOfRiver)
	least("worked on, against a job that updates", ratio(ours.worked, middles[1].worked), leastOfRiver)
	linef("added, against jobs", "%8.2f", ratio(ours.added, middles[0].added))
	return nil
}

func middleOf(all []queueRate, of func(queueRate) float64) float64 {
	rates := make([]float64, len(all))
	for i, r := range all {
		rates[i] = of(r)
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// rate does one kind once.
func (q *queueing) rate(ctx context.Context, s queueSetting, kind queueKind) (rate queueRate, err error) {
	ctx, cancel := context.WithTimeout(ctx, queuePatience)
	defer cancel()
	if err := q.empty(ctx); err != nil {
		return rate, err
	}
	run, err := kind.begin()
	if err != nil {
		return rate, err
	}
	began := time.Now()
	for i := range s.jobs {
		if err := run.add(ctx, i); err != nil {
			return rate, err
		}
	}
	rate.added = float64(s.jobs) / time.Since(began).Seconds()
	began = time.Now()
	if err := run.start(ctx); err != nil {
		return rate, err
	}
	defer func() { err = errors.Join(err, run.stop(context.WithoutCancel(ctx))) }()
	if err := q.awaitNone(ctx); err != nil {
		return rate, err
	}
	rate.worked = float64(s.jobs) / time.Since(began).Seconds()
	return rate, q.check(ctx, kind, s.jobs)
}
