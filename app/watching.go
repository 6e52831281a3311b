package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"semantik/modules/chunks/partitions"
	"semantik/modules/operations"
	"semantik/platform/activity"
	"semantik/platform/config"
	"semantik/platform/jobs"
	"semantik/platform/metrics"
	"semantik/platform/statements"
	"semantik/platform/system"
	"semantik/platform/tracing"
	"semantik/platform/web"
)

// beginWatching makes what sees the program from its first statement on.
func (a *App) beginWatching(ctx context.Context, c *config.Config, o Options) (err error) {
	a.Tracer, err = tracing.New(ctx, tracing.Config{Endpoint: c.Watch.TraceEndpoint, Version: o.Version, Logger: saySeldom(o.Logger)})
	if err != nil {
		return err
	}
	a.Metrics = metrics.New(o.Version)
	a.Statements = statements.New(statements.Config{Metrics: a.Metrics, Tracer: a.Tracer, SlowAfter: c.Watch.SlowQuery})
	return nil
}

// watchDatabase declares what is read of the database, once it is there.
func (a *App) watchDatabase(c *config.Config, o Options) {
	metrics.Pool(a.Metrics, a.DB.Pool().Stat)
	system.DiskFigures(a.Metrics, c.Store.DataDir)
	a.figures = metrics.NewFigures(a.Metrics, "semantik_up_database", "1 while the database answers, 0 while it does not and tells no figures.",
		func(ctx context.Context, read func(ctx context.Context) error) error {
			return a.DB.Aside(ctx, "semantik metrics", read)
		}, o.Logger)
	activity.Figures(a.figures, a.DB)
	jobs.Figures(a.figures, a.DB)
	operations.Figures(a.figures, a.DB)
	partitions.Figures(a.figures, a.DB)
}

// checks are what readiness looks at. The database and its schema decide whether requests
// can be served; the others are degraded at worst.
func (a *App) checks(c *config.Config) []web.Check {
	return []web.Check{
		{Name: "database", Probe: a.checkDatabase},
		{Name: "schema", Probe: a.checkSchema},
		{Name: "queue", Optional: true, Probe: remembered(func(ctx context.Context) web.Health { return a.checkQueue(ctx, c.Operations.Concurrency) })},
		system.CheckDisk(c.Store.DataDir),
	}
}

func (a *App) checkDatabase(ctx context.Context) web.Health {
	h := a.DB.Health(ctx)
	answer := web.Health{Status: web.StatusHealthy, Message: "The database answers.", Details: map[string]any{
		"latency_ms": float64(h.Latency.Microseconds()) / 1000,
		"pool":       map[string]any{"in_use": h.InUse, "idle": h.Idle, "max": h.Max, "waited": h.Waited},
	}}
	switch {
	case h.PoolExhausted:
		answer.Status, answer.Message = web.StatusUnhealthy, "The connections to the database are used up: none became free in time."
	case h.Err != nil:
		answer.Status, answer.Message = web.StatusUnhealthy, "The database does not answer."
	case h.ReadOnly && a.DB.WritingStopped() == nil: // else it is the schema, which says so
		answer.Status, answer.Message = web.StatusUnhealthy, "The database takes no writes: it is a standby, or set to read only."
	}
	return answer
}

func (a *App) checkSchema(context.Context) web.Health {
	if reason := a.DB.WritingStopped(); reason != nil {
		return web.Health{Status: web.StatusUnhealthy, Message: reason.Message}
	}
	return web.Health{Status: web.StatusHealthy, Message: "The schema goes with this program."}
}

// waitsTooLong is how long an operation may wait to be begun until the queue counts as
// degraded: longer than a queue that is only busy keeps one waiting.
const waitsTooLong = 15 * time.Minute

func (a *App) checkQueue(ctx context.Context, concurrency int) web.Health {
	healthy := web.Health{Status: web.StatusHealthy, Message: "Operations are being worked on here."}
	if concurrency == 0 {
		healthy.Message = "Operations are left to other processes."
	} else if !a.Worker.Working() {
		return web.Health{Status: web.StatusDegraded, Message: "The worker of this process does not run: operations wait, unless another process works on them."}
	}
	waiting, err := operations.NewRepository(a.DB).Waiting(ctx)
	if err != nil {
		return web.Health{Status: web.StatusDegraded, Message: "It cannot be told how the queue is: the database does not answer."}
	}
	if waiting.Oldest >= waitsTooLong {
		return web.Health{Status: web.StatusDegraded, Message: fmt.Sprintf(
			"An operation has waited for %s and nobody has begun it: start a worker, or look whether those that run are at something.", waiting.Oldest.Round(time.Minute))}
	}
	return healthy
}

// cleanup tells how the tasks go that are done by the clock.
func (a *App) cleanup(ctx context.Context) web.Health {
	if a.Schedule == nil {
		return web.Health{Status: web.StatusHealthy, Message: "Nothing is done by the clock."}
	}
	failed, last, err := a.Schedule.Troubled(ctx)
	if err != nil {
		return web.Health{Status: web.StatusDegraded, Message: "It cannot be told: the database does not answer."}
	}
	h := web.Health{Status: web.StatusHealthy, Message: "What is done by the clock is done.", Details: map[string]any{
		"failed_tasks": append([]string{}, failed...), "last_completed_at": web.NewTimePointer(last),
	}}
	if len(failed) > 0 {
		h.Status, h.Message = web.StatusDegraded, "The last run failed of: "+strings.Join(failed, ", ")+"."
	}
	return h
}

// probeWithin bounds a probe whose answer is remembered.
const probeWithin = 1500 * time.Millisecond

// remembered asks at most once a second, however many probes come.
func remembered(probe func(ctx context.Context) web.Health) func(ctx context.Context) web.Health {
	var keep system.Kept[web.Health]
	return func(ctx context.Context) web.Health {
		return keep.Get(time.Second, func() web.Health {
			// Whoever asks first asks for all, and may go away.
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeWithin)
			defer cancel()
			return probe(bounded)
		})
	}
}
