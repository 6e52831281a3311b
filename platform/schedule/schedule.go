package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/platform/jobs"
)

const (
	// lookEvery is how often somebody looks for what is due.
	lookEvery = time.Minute
	// DefaultLease is how long a process that was killed keeps a task.
	DefaultLease = time.Minute
)

// bell is the job that says to look for what is due.
type bell struct{}

// Kind names the job.
func (bell) Kind() string { return "scheduled_tasks" }

// Config says how tasks are done in this process.
type Config struct {
	// Manual leaves out the clock: a task runs when somebody asks for it, or calls
	// [Schedule.Work]. It is for tests.
	Manual bool
	// LookEvery is how often it is looked for what is due, in whole seconds; a minute
	// if zero.
	LookEvery time.Duration
	// Lease is how long a process that has gone silent keeps a task; [DefaultLease] if
	// zero.
	Lease time.Duration
	// Logger receives what was done and what goes wrong; nil discards it.
	Logger *slog.Logger
}

// Schedule has the tasks, and does them when they are due.
type Schedule struct {
	db         *database.DB
	repository *repository
	queue      *jobs.Queue
	audit      *audit.Log
	config     Config
	tasks      []Task
	// stopping is closed by [Schedule.Stop].
	stopping chan struct{}
	stop     sync.Once
}

var validName = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// New makes a schedule of the tasks, in the order in which they are listed. They are
// done once the queue is started, which must not have been yet.
func New(db *database.DB, queue *jobs.Queue, log *audit.Log, config Config, tasks ...Task) (*Schedule, error) {
	if config.LookEvery <= 0 {
		config.LookEvery = lookEvery
	}
	if config.Lease <= 0 {
		config.Lease = DefaultLease
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Schedule{
		db: db, repository: &repository{db}, queue: queue, audit: log, config: config, tasks: tasks, stopping: make(chan struct{}),
	}
	for i, t := range tasks {
		if !validName.MatchString(t.Name) || t.Every <= 0 || t.Do == nil || slices.ContainsFunc(tasks[:i], t.sameName) {
			return nil, fmt.Errorf("the scheduled task %q is not whole, or there twice", t.Name)
		}
	}
	if err := jobs.Handle(queue, func(ctx context.Context, _ bell) error { return s.Work(ctx) }); err != nil {
		return nil, err
	}
	if config.Manual {
		return s, nil
	}
	return s, queue.Repeat(config.LookEvery, bell{}, jobs.Options{MaxAttempts: 1, Queue: jobs.Maintenance})
}

func (t Task) sameName(other Task) bool { return t.Name == other.Name }

// Stop ends the task that is running, which goes on in another process, or later. No
// other is begun.
func (s *Schedule) Stop() { s.stop.Do(func() { close(s.stopping) }) }

// List gives every task with what became of it. It is for superusers in person:
// [auth.ErrSuperuserRequired].
func (s *Schedule) List(ctx context.Context) ([]State, error) {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return nil, err
	}
	known, err := s.repository.list(ctx, s.names())
	if err != nil {
		return nil, fmt.Errorf("listing the scheduled tasks: %w", err)
	}
	states := make([]State, len(s.tasks))
	for i, t := range s.tasks {
		states[i] = known[t.Name]
		states[i].Task = t
	}
	return states, nil
}

// Troubled names the tasks whose last run failed, and says when the last run of any ended;
// nil for never. It asks nobody who asks: it is for a probe, which shows names alone.
func (s *Schedule) Troubled(ctx context.Context) (failed []string, last *time.Time, err error) {
	known, err := s.repository.list(ctx, s.names())
	if err != nil {
		return nil, nil, fmt.Errorf("looking at the scheduled tasks: %w", err)
	}
	for _, t := range s.tasks {
		record := known[t.Name]
		if record.LastStatus != nil && *record.LastStatus == statusFailed {
			failed = append(failed, t.Name)
		}
		if at := record.LastCompletedAt; at != nil && (last == nil || at.After(*last)) {
			last = at
		}
	}
	return failed, last, nil
}

// RunNow makes a task due now, and has it done soon. It is for superusers in person.
// It returns [auth.ErrSuperuserRequired], [ErrNotFound], and [ErrRunning] for a task
// that is being done.
func (s *Schedule) RunNow(ctx context.Context, name string) error {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return err
	}
	if _, ok := s.task(name); !ok {
		return ErrNotFound
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.repository.ensure(ctx, s.tasks); err != nil {
			return fmt.Errorf("making a task due: %w", err)
		}
		free, err := s.repository.advance(ctx, name)
		if err != nil {
			return fmt.Errorf("making a task due: %w", err)
		}
		if !free {
			return ErrRunning
		}
		if _, err := s.queue.Insert(ctx, bell{}, jobs.Options{MaxAttempts: 1, Queue: jobs.Maintenance}); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{Action: "task.run", ObjectType: "task", ObjectID: name})
	})
}

// Tasks lists the tasks, for the documentation.
func (s *Schedule) Tasks() []Task { return slices.Clone(s.tasks) }

func (s *Schedule) task(name string) (Task, bool) {
	i := slices.IndexFunc(s.tasks, func(t Task) bool { return t.Name == name })
	if i < 0 {
		return Task{}, false
	}
	return s.tasks[i], true
}

func (s *Schedule) names() []string {
	names := make([]string, len(s.tasks))
	for i, t := range s.tasks {
		names[i] = t.Name
	}
	return names
}

// Work does what is due, one task after another, until nothing is. A task that fails
// is no error of it: that is logged and noted.
func (s *Schedule) Work(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	})
	defer watching.Wait()
	defer cancel()
	if err := s.repository.ensure(ctx, s.tasks); err != nil {
		return s.unless(ctx, fmt.Errorf("looking for what is due: %w", err))
	}
	for {
		select {
		case <-s.stopping:
			return nil
		default:
		}
		c, due, err := s.repository.claim(ctx, s.names(), s.config.Lease)
		if err != nil {
			return s.unless(ctx, fmt.Errorf("looking for what is due: %w", err))
		}
		if !due {
			return nil
		}
		if err := s.run(ctx, c); err != nil {
			return s.unless(ctx, err)
		}
	}
}

// unless leaves out the errors of being told to stop, and logs the others. The next
// ring tries again.
func (s *Schedule) unless(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
	}
	s.config.Logger.WarnContext(ctx, "the scheduled tasks could not be done; it will be tried again", "error", err)
	return err
}
