package operations

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/platform/jobs"
	"semantik/platform/tracing"
)

// Defaults of [WorkerConfig].
const (
	DefaultLease       = 20 * time.Second
	DefaultMaxAttempts = 3
	DefaultSlice       = 3 * time.Second
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
	// Slice is how long an operation is worked on before others that wait have their
	// turn; [DefaultSlice] if zero.
	Slice time.Duration
	// Limits bound how many operations are worked on at once, by all processes.
	Limits Limits
	// Metrics counts the work; nil counts none.
	Metrics *Metrics
	// Tracer makes a span of each step; nil makes none.
	Tracer *tracing.Tracer
	// Now tells the time; [time.Now] if nil.
	Now func() time.Time
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
	// working is set from the start until the stop.
	working atomic.Bool
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
	if config.Slice <= 0 {
		config.Slice = DefaultSlice
	}
	if config.Now == nil {
		config.Now = time.Now
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

// Name tells this process from others in the operations that it works on.
func (w *Worker) Name() string { return w.config.Name }

// Working reports whether the worker was started and not told to stop.
func (w *Worker) Working() bool { return w.working.Load() }

// Start begins to answer the queue and to look for unattended operations.
func (w *Worker) Start(ctx context.Context) error {
	if err := w.queue.Start(ctx); err != nil {
		return err
	}
	w.working.Store(true)
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
	w.working.Store(false)
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
	outcome, ended := attemptEnded, w.config.Metrics.begun(run.Operation.Type)
	defer func() { ended(outcome) }()
	if run.doomed != "" {
		err = w.failFor(ctx, run, run.doomed)
		w.letNext(ctx, run.Operation)
		return err
	}
	err = w.holdingLease(ctx, run, func(ctx context.Context) error { return w.carryOut(ctx, run) })
	if err != nil && !errors.Is(err, errLost) { // else its end has told it, or nobody hears of it
		run.settle(context.WithoutCancel(ctx))
		run.tellUntold(context.WithoutCancel(ctx))
	}
	w.teller.forget(id)
	// A step that was cut short by the stop has failed in whatever way.
	stopped := ctx.Err() != nil || errors.Is(err, errStopping) || (err != nil && w.isStopping())
	// What follows is said although ctx may have ended: it is about the end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	switch {
	case err == nil:
	case errors.Is(err, errLost):
		outcome, err = attemptLost, nil
	case stopped:
		outcome = attemptReturned
		err = letGo(ctx, log, w.handBack(ctx, run))
	case errors.Is(err, errTurnOver):
		outcome = attemptTurn
		err = letGo(ctx, log, w.yield(ctx, run))
	case errors.Is(err, collections.ErrNotFound):
		err = w.cancel(ctx, run)
	default:
		outcome = attemptError
		err = w.broken(ctx, log, run, err)
	}
	w.letNext(ctx, run.Operation)
	return err
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
		done, err := w.step(ctx, run, work)
		if err != nil {
			return err
		}
		if done {
			run.settle(ctx)
			if err := w.complete(ctx, run, work); !errors.Is(err, errMore) {
				return err
			}
			run.tellUntold(ctx)
		} else if err := run.mustEnd(ctx); err != nil {
			return err
		}
		// It was ours at the first step, by the claim.
		if err := w.repository.Holds(ctx, run.Operation); err != nil {
			return err
		}
	}
}

// step does the next piece of the work.
func (w *Worker) step(ctx context.Context, run *Run, work Work) (done bool, err error) {
	if w.config.Tracer.On() {
		var span *tracing.Span
		ctx, span = w.config.Tracer.Start(ctx, trace.SpanKindConsumer, "operation "+string(run.Operation.Type),
			attribute.String("semantik.operation_id", run.Operation.UUID.String()), attribute.Int("semantik.attempt", run.Operation.Attempt))
		defer func() { span.End(err != nil) }()
	}
	return work.Step(ctx, run)
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
// further is doomed here, and one whose collection is gone is cancelled.
func (w *Worker) claim(ctx context.Context, id uuid.UUID) (*Run, bool, error) {
	var run *Run
	err := w.db.InTx(ctx, func(ctx context.Context) error {
		run = nil
		o, err := w.repository.GetOrigin(ctx, id)
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
			err := ground.lock(ctx, scope)
			if gone = apperr.KindOf(err) == apperr.NotFound; err != nil && !gone {
				return err
			}
		}
		if room, err := w.admit(ctx, id, o); err != nil || !room {
			return err
		}
		claimed, ok, err := w.repository.Claim(ctx, id, w.config.Name, w.config.Lease)
		if err != nil || !ok {
			return err
		}
		if gone {
			return w.finish(ctx, claimed, StatusCancelled, nil, nil)
		}
		claimedRun := &Run{Operation: claimed, Scope: scope, worker: w, lost: claimed.found.lost}
		if p := claimed.Meta.Progress; p != nil {
			claimedRun.progress = *p
		}
		if ground.givesUp() && (claimed.Meta.Stalled > w.config.MaxAttempts || claimed.Meta.Interrupted >= maxInterrupted) {
			if err := w.unblock(ctx, claimedRun); err != nil {
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
// the rest; without such a thing it is the operation that is doomed.
func (w *Worker) unblock(ctx context.Context, run *Run) error {
	reason := fmt.Sprintf("The worker was lost %d times in a row at this point.", w.config.MaxAttempts)
	if n := run.Operation.Meta.Interrupted; n >= maxInterrupted {
		reason = fmt.Sprintf("The work was interrupted %d times in a row at this point; the server's log has the reasons.", n)
	}
	if work, ok := w.works[run.Operation.Type]; ok {
		failed, err := work.Abandon(ctx, run, reason)
		if err != nil {
			return err
		}
		if failed > 0 {
			run.Operation.Meta.Stalled, run.Operation.Meta.Interrupted = 0, 0
			sum, err := run.Advance(ctx, Progress{Done: failed, Failed: failed}, true)
			w.db.AfterCommit(ctx, func(context.Context) { run.committed(sum) })
			return err
		}
	}
	run.doomed = reason
	return nil
}

func ignoreNotFound(err error) error {
	if apperr.KindOf(err) == apperr.NotFound {
		return nil
	}
	return err
}
