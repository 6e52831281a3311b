package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"semantik/platform/database"
)

// Schema is the PostgreSQL schema that holds River's tables.
const Schema = "river"

// DefaultConcurrency is how many jobs a process works on at once.
const DefaultConcurrency = 2

// Background is the queue of work that nobody waits for and that may be long. Its
// jobs run one at a time in a process, beside the others, so that they never keep
// those waiting.
const Background = "background"

// Maintenance is the queue of what the system does for itself, by the clock. It works
// on one thing at a time in a process, and keeps neither of the others waiting.
const Maintenance = "maintenance"

// Config says how the queue runs in this process.
type Config struct {
	// Concurrency is how many jobs run at once; [DefaultConcurrency] if zero. One
	// of [Background] and one of [Maintenance] run besides.
	Concurrency int
	// StopTimeout is how long [Queue.Stop] lets running jobs go on before it
	// cancels their context; 0 cancels at once.
	StopTimeout time.Duration
	// PollOnly looks for jobs once a second instead of holding a connection that
	// listens, for a database behind PgBouncer.
	PollOnly bool
	// Logger receives what goes wrong in the queue itself; nil discards it.
	Logger *slog.Logger
	// Quick leaves out the random pauses with which several processes spread
	// their maintenance, and most of the one between two looks for jobs, so that
	// tests start, work and stop at once.
	Quick bool
}

// Args is the content of a job: a value that is stored as JSON and whose Kind
// names the function that handles it.
type Args interface {
	Kind() string
}

// Options are about one job.
type Options struct {
	// MaxAttempts is how often the job is tried; River's 25 if zero.
	MaxAttempts int
	// Queue is [Background], [Maintenance], or "" for the ordinary one.
	Queue string
	// Priority is 1 (first) to 4; 1 if zero.
	Priority int
	// At is when the job is due; now if zero.
	At time.Time
}

// Queue inserts jobs and, once started, works on them.
type Queue struct {
	db      *database.DB
	config  Config
	workers *river.Workers
	client  *river.Client[pgx.Tx]
	started bool
}

// New makes a queue on the database's pool. It inserts jobs at once, and works
// on them after [Queue.Start].
func New(db *database.DB, config Config) (*Queue, error) {
	if config.Concurrency <= 0 {
		config.Concurrency = DefaultConcurrency
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	q := &Queue{db: db, config: config, workers: river.NewWorkers()}
	client, err := river.NewClient(driver{riverpgxv5.New(db.Pool())}, &river.Config{
		Schema:  Schema,
		Logger:  slog.New(atLeast{slog.LevelWarn, config.Logger.Handler()}),
		Workers: q.workers,
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: config.Concurrency}, Background: {MaxWorkers: 1}, Maintenance: {MaxWorkers: 1},
		},
		JobTimeout:      -1, // work is as long as it is; it ends in steps
		PollOnly:        config.PollOnly,
		SoftStopTimeout: max(config.StopTimeout, time.Nanosecond),
		TestOnly:        config.Quick,

		FetchCooldown:     fetchCooldown(config),
		FetchPollInterval: fetchPollInterval(config),
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the queue: %w", err)
	}
	q.client = client
	return q, nil
}

// fetchCooldown is the pause between two looks for jobs when a job has ended or has
// come. River's own, a tenth of a second, would be the most that many small jobs take of
// their time: twenty of them a second with two at once. A look costs a quarter of a
// millisecond, and none is made while nothing happens.
func fetchCooldown(config Config) time.Duration {
	if config.Quick {
		return time.Millisecond
	}
	return 10 * time.Millisecond
}

// fetchPollInterval is the time between two looks when nothing is heard of jobs; River's
// own, a second, if 0.
func fetchPollInterval(config Config) time.Duration {
	if config.Quick {
		return 500 * time.Millisecond
	}
	return 0
}

// Handle registers the function that works on jobs with the Kind of T. An error
// from it has the job tried again, as often as its MaxAttempts says. It must be
// called before [Queue.Start], once for each Kind.
func Handle[T Args](q *Queue, fn func(ctx context.Context, args T) error) error {
	err := river.AddWorkerSafely(q.workers, river.WorkFunc(func(ctx context.Context, job *river.Job[T]) error {
		return fn(ctx, job.Args)
	}))
	if err != nil {
		return fmt.Errorf("registering a job's handler: %w", err)
	}
	return nil
}

// Insert adds a job in the unit of work of the context and gives its id. Outside
// of one it is [database.ErrMisuse]: a job that commits by itself may be about
// something that does not exist.
func (q *Queue) Insert(ctx context.Context, args Args, o Options) (int64, error) {
	tx, err := q.db.PgxTx(ctx)
	if err != nil {
		return 0, fmt.Errorf("inserting a job: %w", err)
	}
	result, err := q.client.InsertTx(ctx, tx, args, &river.InsertOpts{
		MaxAttempts: o.MaxAttempts,
		Queue:       o.Queue,
		Priority:    o.Priority,
		ScheduledAt: o.At,
	})
	if err != nil {
		return 0, fmt.Errorf("inserting a job: %w", q.db.Translate(err))
	}
	return result.Job.ID, nil
}

// Start begins to work on jobs, until [Queue.Stop].
func (q *Queue) Start(ctx context.Context) error {
	// The client stops when its context does; ours ends it by Stop, so that what
	// runs may finish although the process was asked to end.
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	q.started = true
	return nil
}

// Stop takes no more jobs, lets the running ones go on for
// [Config.StopTimeout], then cancels their context, and returns when they have
// ended or ctx has. A queue that was not started has nothing to stop.
func (q *Queue) Stop(ctx context.Context) error {
	if !q.started {
		return nil
	}
	if err := q.client.Stop(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopping the queue: %w", err)
	}
	q.started = false
	return nil
}

// atLeast passes on records of a level or above: River tells at lower ones what
// only its own developers want to know.
type atLeast struct {
	level slog.Level
	slog.Handler
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.level, h.Handler.WithAttrs(attrs)}
}

func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.level, h.Handler.WithGroup(name)}
}
