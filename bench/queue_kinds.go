package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"semantik/app"
	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/platform/jobs"
)

// queueing is the state of this part.
type queueing struct {
	*bench

	app    *app.App
	user   int64
	scopes []collections.Scope
	told   teller
	// called counts the jobs and steps that were done in this run.
	called atomic.Int64
}

// queueKind is a kind of work for the queue.
type queueKind struct {
	name  string
	begin func() (queueRun, error)
}

// queueRun is one run of it, with a queue of its own.
type queueRun struct {
	add         func(ctx context.Context, i int) error
	start, stop func(ctx context.Context) error
}

// prepare makes a collection for each operation, since one has no two at a time, and a
// row for each job that updates one.
func (q *queueing) prepare(ctx context.Context) error {
	if _, err := q.app.DB.Querier(ctx).Exec(ctx, `create table bench_rows (id int primary key, done int not null)`); err != nil {
		return fmt.Errorf("making a table: %w", err)
	}
	if _, err := q.app.DB.Querier(ctx).Exec(ctx, `insert into bench_rows select i, 0 from generate_series(0, $1::int - 1) i`, q.jobs); err != nil {
		return fmt.Errorf("filling a table: %w", err)
	}
	ids, err := manyCollections(ctx, q.app, q.user, q.jobs)
	if err != nil {
		return err
	}
	for _, id := range ids {
		scope, err := q.app.Collections.ScopeForWork(ctx, id)
		if err != nil {
			return fmt.Errorf("reading a collection: %w", err)
		}
		q.scopes = append(q.scopes, scope)
	}
	return nil
}

// manyCollections makes empty ones that are ready, beside the program.
func manyCollections(ctx context.Context, a *app.App, user int64, n int) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	_, err := a.DB.Querier(ctx).Exec(ctx, `
insert into collections (id, name, owner_id, vector_store_name, status)
select id, 'one of many ' || n, $1, 'many_' || n, 'ready' from unnest($2::uuid[]) with ordinality as made(id, n)`, user, ids)
	if err == nil {
		_, err = a.DB.Querier(ctx).Exec(ctx, `analyze collections`)
	}
	if err != nil {
		return nil, fmt.Errorf("making collections: %w", err)
	}
	return ids, nil
}

// empty takes out what earlier runs have left.
func (q *queueing) empty(ctx context.Context) error {
	q.called.Store(0)
	for _, sql := range []string{
		`delete from operations`, `update collections set status = 'ready'`, `update bench_rows set done = 0`,
		`truncate ` + jobs.Schema + `.river_job`, `vacuum analyze operations, collections, bench_rows`, `checkpoint`,
	} {
		if _, err := q.app.DB.Querier(ctx).Exec(ctx, sql); err != nil {
			return fmt.Errorf("emptying the queue: %w", err)
		}
	}
	return nil
}

// awaitNone waits until every job is through, by what the queue's own table says: a
// job is done when that is on record.
func (q *queueing) awaitNone(ctx context.Context) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		var left bool
		err := q.app.DB.Querier(ctx).QueryRow(ctx, `
select exists (select from `+jobs.Schema+`.river_job where state in ('available', 'running', 'retryable', 'scheduled', 'pending'))`).Scan(&left)
		if err != nil {
			return fmt.Errorf("looking for jobs: %w", err)
		}
		if !left {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
}

// check makes sure that what was measured was done.
func (q *queueing) check(ctx context.Context, kind queueKind, expected int) error {
	var completed, updated int
	err := q.app.DB.Querier(ctx).QueryRow(ctx, `
select (select count(*) from operations where status = 'completed'), (select count(*) from bench_rows where done = 1)`).Scan(&completed, &updated)
	if err != nil {
		return fmt.Errorf("counting what was done: %w", err)
	}
	if called := int(q.called.Load()); called != expected {
		return fmt.Errorf("%d of %d were done", called, expected)
	}
	if (kind.name == operationsName && completed != expected) || (kind.name == updatingName && updated != expected) {
		return fmt.Errorf("%d operations and %d updates of %d are on record", completed, updated, expected)
	}
	return nil
}

const (
	bareName       = "River, jobs that do nothing"
	updatingName   = "River, jobs that update a row"
	operationsName = "operations that do nothing"
)

// benchJob is the job of River alone.
type benchJob struct {
	Row int `json:"row"`
}

// Kind names the job.
func (benchJob) Kind() string { return "bench" }

func (q *queueing) bareJobs(s queueSetting) queueKind {
	return q.jobsThat(bareName, s, func(context.Context, benchJob) error { return nil })
}

func (q *queueing) updatingJobs(s queueSetting) queueKind {
	return q.jobsThat(updatingName, s, func(ctx context.Context, job benchJob) error {
		return q.app.DB.InTx(ctx, func(ctx context.Context) error {
			_, err := q.app.DB.Querier(ctx).Exec(ctx, `update bench_rows set done = done + 1 where id = $1`, job.Row)
			return err
		})
	})
}

// jobsThat are jobs without an operation. The queue is the program's, which adds
// nothing to River but its settings, so that both have the same.
func (q *queueing) jobsThat(name string, s queueSetting, do func(context.Context, benchJob) error) queueKind {
	return queueKind{name, func() (queueRun, error) {
		queue, err := jobs.New(q.app.DB, s.config)
		if err != nil {
			return queueRun{}, err
		}
		err = jobs.Handle(queue, func(ctx context.Context, job benchJob) error {
			if err := do(ctx, job); err != nil {
				return err
			}
			q.called.Add(1)
			return nil
		})
		return queueRun{
			add: func(ctx context.Context, i int) error {
				return q.app.DB.InTx(ctx, func(ctx context.Context) error {
					_, err := queue.Insert(ctx, benchJob{i}, jobs.Options{MaxAttempts: 1})
					return err
				})
			},
			start: queue.Start, stop: queue.Stop,
		}, err
	}}
}

// operations are what the program has, with a work that does nothing.
func (q *queueing) operations(s queueSetting) queueKind {
	return queueKind{operationsName, func() (queueRun, error) {
		queue, err := jobs.New(q.app.DB, s.config)
		if err != nil {
			return queueRun{}, err
		}
		rows, repository := collections.NewRepository(q.app.DB), operations.NewRepository(q.app.DB)
		starter := operations.NewStarter(q.app.DB, repository, queue, rows, collections.NewStatusChanger(q.app.DB, rows, q.app.Audit))
		worker, err := operations.NewWorker(q.app.DB, repository, starter, q.app.Collections, rows,
			operations.WorkerConfig{Name: "bench"}, operations.NewWorks(idleWork{&q.called}))
		if err != nil {
			return queueRun{}, err
		}
		return queueRun{
			add: func(ctx context.Context, i int) error {
				_, err := starter.Start(ctx, q.scopes[i], collections.NewOperation{
					Type: string(operations.TypeRetry), UserID: q.user, Config: map[string]any{"bench": true},
				})
				return err
			},
			start: worker.Start, stop: worker.Stop,
		}, nil
	}}
}

// idleWork is a work that does nothing, in one step.
type idleWork struct{ called *atomic.Int64 }

// Type is one that the database knows.
func (idleWork) Type() operations.Type { return operations.TypeRetry }

// Step has nothing to do.
func (w idleWork) Step(context.Context, *operations.Run) (bool, error) {
	w.called.Add(1)
	return true, nil
}

// Result is nothing.
func (idleWork) Result(context.Context, *operations.Run) (map[string]any, error) {
	return map[string]any{}, nil
}

var errNotHere = errors.New("nobody is lost here, and nothing cancelled")

// Abandon is not called.
func (idleWork) Abandon(context.Context, *operations.Run, string) (int64, error) {
	return 0, errNotHere
}

// Withdraw is not called.
func (idleWork) Withdraw(context.Context, collections.Scope, string) (int64, error) {
	return 0, errNotHere
}
