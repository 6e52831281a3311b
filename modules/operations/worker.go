package operations

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/platform/jobs"
)

// Defaults of [WorkerConfig].
const (
	DefaultLease       = 20 * time.Second
	DefaultMaxAttempts = 3
)

// WorkerConfig says how a worker behaves.
type WorkerConfig struct {
	// Name tells this process from others in the operations that it works on.
	Name string
	// Lease is how long a worker may be silent before its operation is given to
	// another; it is renewed four times as often.
	Lease time.Duration
	// MaxAttempts is how often an operation is taken up again without having got
	// any further, before it fails.
	MaxAttempts int
	// Logger receives what goes wrong; nil discards it.
	Logger *slog.Logger
}

// Worker does the work of operations. It answers the queue's bell, and looks for
// operations that nobody attends to.
type Worker struct {
	db          *database.DB
	repository  *Repository
	starter     *Starter
	queue       *jobs.Queue
	collections *collections.Service
	rows        *collections.Repository
	works       Works
	teller      *teller
	config      WorkerConfig

	// stopping is closed when the worker should end after the present step.
	stopping chan struct{}
	stop     sync.Once
	// watching is what looks around, and watched is closed when it has ended.
	watching context.CancelFunc
	watched  chan struct{}
}

// NewWorker makes a worker for the given kinds of work. It begins with
// [Worker.Start].
func NewWorker(db *database.DB, repository *Repository, starter *Starter, access *collections.Service, rows *collections.Repository, config WorkerConfig, works Works) (*Worker, error) {
	if config.Lease <= 0 {
		config.Lease = DefaultLease
	}
	if config.MaxAttempts <= 0 {
		config.MaxAttempts = DefaultMaxAttempts
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Worker{
		db: db, repository: repository, starter: starter, queue: starter.queue, collections: access, rows: rows,
		config: config, works: works, teller: newTeller(db, rows, config.Logger), stopping: make(chan struct{}),
	}
	return w, jobs.Handle(w.queue, func(ctx context.Context, b bell) error { return w.answer(ctx, b.OperationID) })
}

// Start begins to answer the queue and to look for unattended operations.
func (w *Worker) Start(ctx context.Context) error {
	if err := w.queue.Start(ctx); err != nil {
		return err
	}
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.watching, w.watched = cancel, make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { w.lookAround(watch) })
	both.Go(func() { w.teller.run(watch) })
	go func() {
		defer close(w.watched)
		both.Wait()
	}()
	return nil
}

// Stop lets every running operation end its present step and hands it back, for
// another worker or the next start. It returns when all have, or with ctx.
func (w *Worker) Stop(ctx context.Context) error {
	w.stop.Do(func() { close(w.stopping) })
	err := w.queue.Stop(ctx)
	if w.watching == nil {
		return err // it was not started
	}
	w.watching()
	select {
	case <-w.watched:
	case <-ctx.Done(): // the database does not answer, not even to being cancelled
	}
	return err
}

// answer works on the operation that the queue rings for. It returns nil when
// there is nothing to do: rung twice, ended, or another worker's.
func (w *Worker) answer(ctx context.Context, id uuid.UUID) error {
	log := w.config.Logger.With("operation_id", id)
	run, ok, err := w.claim(ctx, id)
	if err != nil || !ok {
		if err != nil {
			log.ErrorContext(ctx, "an operation could not be taken up; it will be tried again", "error", err)
		}
		return err
	}
	defer run.close()
	err = w.holdingLease(ctx, run, func(ctx context.Context) error { return w.carryOut(ctx, run) })
	w.teller.forget(id)
	// A step that was cut short by the stop has failed in whatever way.
	stopped := ctx.Err() != nil || errors.Is(err, errStopping) || (err != nil && w.isStopping())
	// What follows is said although ctx may have ended: it is about the end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	switch {
	case err == nil, errors.Is(err, errLost):
		return nil
	case stopped:
		if err := w.handBack(ctx, run); err != nil && !errors.Is(err, errLost) {
			log.WarnContext(ctx, "an operation could not be handed back; its lease will lapse", "error", err)
		}
		return nil
	case errors.Is(err, collections.ErrNotFound):
		return w.cancel(ctx, run)
	case apperr.KindOf(err) == apperr.Unavailable:
		log.WarnContext(ctx, "an operation was interrupted and will be resumed", "error", err)
		return err
	case !w.ground(run.Operation.Type).givesUp():
		log.ErrorContext(ctx, "an operation was broken off and will be taken up again", "error", err)
		return err
	default:
		log.ErrorContext(ctx, "an operation failed", "error", err)
		return w.fail(ctx, run, err)
	}
}

// endTimeout bounds the statements that end or hand back an operation.
const endTimeout = 5 * time.Second

// errStopping means that the worker should end.
var errStopping = errors.New("the worker is stopping")

// carryOut runs the steps of an operation to its end.
func (w *Worker) carryOut(ctx context.Context, run *Run) error {
	work, ok := w.works[run.Operation.Type]
	if !ok {
		return fmt.Errorf("no worker here knows operations of the type %q", run.Operation.Type)
	}
	for {
		if w.isStopping() {
			return errStopping
		}
		if err := w.repository.Holds(ctx, run.Operation); err != nil {
			return err
		}
		done, err := work.Step(ctx, run)
		if err != nil {
			return err
		}
		if !done {
			continue
		}
		if err := w.complete(ctx, run, work); !errors.Is(err, errMore) {
			return err
		}
	}
}

// isStopping reports whether the worker should end.
func (w *Worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// claim takes the operation, and its collection into processing, in one
// transaction. An operation that was taken up too often without getting any
// further fails here, and one whose collection is gone is cancelled.
func (w *Worker) claim(ctx context.Context, id uuid.UUID) (*Run, bool, error) {
	var run *Run
	err := w.db.InTx(ctx, func(ctx context.Context) error {
		run = nil
		o, err := w.repository.Get(ctx, id)
		if err != nil || !o.Status.Active() {
			return ignoreNotFound(err)
		}
		ground := w.ground(o.Type)
		scope, err := ground.scope(ctx, o.CollectionID)
		gone := apperr.KindOf(err) == apperr.NotFound
		if err != nil && !gone {
			return err
		}
		if !gone {
			if err := ground.lock(ctx, scope); err != nil {
				return err
			}
		}
		claimed, ok, err := w.repository.Claim(ctx, id, w.config.Name, w.config.Lease)
		if err != nil || !ok {
			return err
		}
		if gone {
			return w.repository.Finish(ctx, claimed, StatusCancelled, nil, nil)
		}
		// Another worker's claim that was neither ended nor handed back. This process's
		// own was broken off by the database, with nobody lost.
		lost := o.Status == StatusProcessing && o.Worker != nil && *o.Worker != w.config.Name
		claimedRun := &Run{Operation: claimed, Scope: scope, worker: w, lost: lost}
		if p := claimed.Meta.Progress; p != nil {
			claimedRun.progress = *p
		}
		if claimed.Meta.Stalled > w.config.MaxAttempts && ground.givesUp() {
			if goesOn, err := w.unblock(ctx, claimedRun); err != nil || !goesOn {
				return err
			}
		}
		run = claimedRun
		return ground.begin(ctx, scope)
	})
	return run, run != nil && err == nil, err
}

// unblock deals with an operation whose worker was lost time and again without
// getting any further. What it was lost over fails, and the operation goes on with
// the rest; without such a thing it is the operation that fails.
func (w *Worker) unblock(ctx context.Context, run *Run) (goesOn bool, err error) {
	reason := fmt.Sprintf("The worker was lost %d times in a row at this point.", w.config.MaxAttempts)
	if work, ok := w.works[run.Operation.Type]; ok {
		failed, err := work.Abandon(ctx, run, reason)
		if err != nil {
			return false, err
		}
		if failed > 0 {
			run.Operation.Meta.Stalled = 0
			sum, err := run.Advance(ctx, Progress{Done: failed, Failed: failed}, true)
			w.db.AfterCommit(ctx, func(context.Context) { run.committed(sum) })
			return true, err
		}
	}
	return false, w.end(ctx, run, reason)
}

func ignoreNotFound(err error) error {
	if apperr.KindOf(err) == apperr.NotFound {
		return nil
	}
	return err
}
