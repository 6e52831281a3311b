package operations

import (
	"context"
	"sync"
	"time"

	"semantik/modules/collections"
	"semantik/platform/database"
	"semantik/platform/events"
)

// Work is what an operation of one type does. The worker runs its steps until
// one of them says that nothing is left, and then ends the operation.
type Work interface {
	// Type is the type of operation.
	Type() Type
	// Step does the next piece of the operation, in transactions that end with
	// [Run.Advance], and reports whether nothing was left to do. It may be run
	// again after it was broken off anywhere, so it finds out from the database
	// what is left. After an error of the kind Unavailable, which passes, the
	// operation is tried again after a while, and after one of the kind Internal some
	// times; any other ends it.
	Step(ctx context.Context, run *Run) (done bool, err error)
	// Result tells, in the transaction that ends the operation, what came of it.
	// An error ends the operation as failed, with the error's message as the
	// reason; in this transaction, if the work was done and has come to nothing.
	// errMore means that there is work again, and the operation goes on.
	Result(ctx context.Context, run *Run) (map[string]any, error)
	// Abandon puts away what was left in the middle by a worker that was lost over
	// it again and again, and tells how many pieces of work that were. It runs in
	// the transaction that ends the operation or lets it go on without them. The
	// reason is for people.
	Abandon(ctx context.Context, run *Run, reason string) (int64, error)
	// Withdraw puts away what a cancelled operation has not got to, in the
	// transaction that cancels it, and tells how many pieces of work that were. The
	// reason is for people. It is called once before the collection is locked,
	// because steps lock it last too, and once after, for what came in meanwhile.
	Withdraw(ctx context.Context, scope collections.Scope, reason string) (int64, error)
}

// withdrawsByParts is work of which more may wait than one transaction can put away.
type withdrawsByParts interface {
	// WithdrawSome puts away some of it, and tells how many pieces of work that were; 0
	// when [Work.Withdraw] can do the rest.
	WithdrawSome(ctx context.Context, scope collections.Scope, reason string) (int64, error)
}

// Works are the kinds of work that there are, by the type of operation.
type Works map[Type]Work

// NewWorks collects kinds of work, one for each type.
func NewWorks(works ...Work) Works {
	known := make(Works, len(works))
	for _, work := range works {
		known[work.Type()] = work
	}
	return known
}

// withdrawMany puts away what is too much for the transaction that ends an operation of
// the type, in several before it, and tells how much that was. hold is the last of each:
// it keeps the operation from whoever else might work on it, and its error rolls back.
func (w Works) withdrawMany(ctx context.Context, db *database.DB, t Type, scope collections.Scope, reason string, hold func(context.Context) error) (all int64, err error) {
	work, ok := w[t].(withdrawsByParts)
	if !ok {
		return 0, nil
	}
	for {
		var n int64
		err := db.InTx(ctx, func(ctx context.Context) (err error) {
			if n, err = work.WithdrawSome(ctx, scope, reason); err != nil || n == 0 {
				return err
			}
			return hold(ctx)
		})
		if err != nil || n == 0 {
			return all, err
		}
		all += n
	}
}

// Run is one attempt at an operation by this worker.
type Run struct {
	// Operation as it was claimed.
	Operation Operation
	// Scope of the collection that it is on.
	Scope collections.Scope

	worker *Worker
	// lost means that the worker that had it before was lost, over what it was working
	// on or not.
	lost bool
	// untold is what the operation's end tells of documents.
	untold []events.Event
	// memory is what the work keeps in mind between the steps of this attempt. An
	// attempt begins without it.
	memory any
	// atEnd is what puts away what an attempt holds open between its steps.
	atEnd []func()
	// doomed is why the operation is to fail without another step; "" while it is not.
	doomed string
	// leavesReady means that the operation failed and its collection can be used
	// nevertheless.
	leavesReady bool
	// counted is when the documents that wait were last counted.
	counted time.Time
	// listing means that files are still to be listed, so that nobody knows how many
	// documents there will be.
	listing bool

	mu sync.Mutex
	// turn is how long this attempt may go on while others wait.
	turn turn
	// progress is what was committed, as far as this worker knows: a step that
	// ends at the same time as another may be told less than what there is.
	progress Progress
}

// close ends the attempt.
func (r *Run) close() {
	for _, fn := range r.atEnd {
		fn()
	}
	r.atEnd = nil
}

// Progress is how far the operation is.
func (r *Run) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progress
}

// expect sets how many documents there are in all; 0 while nobody knows.
func (r *Run) expect(total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Total = total
}

// Advance adds to how far the operation is: more counts what is new. It belongs at
// the end of a step's transaction; its error, which may say that the operation is
// not this worker's any more, must roll the step back. Once that has committed,
// the sum goes to [Run.committed]. moved says that the step is one that need not
// be done again: an operation whose steps do not move it ends.
func (r *Run) Advance(ctx context.Context, more Progress, moved bool) (Progress, error) {
	more.Total = r.Progress().Total
	if moved { // should it roll back, the next one comes before the turn is over
		r.mu.Lock()
		r.turn.moved = true
		r.mu.Unlock()
	}
	sum, err := r.worker.repository.Advance(ctx, r.Operation, r.worker.config.Lease, more, moved)
	if err == nil {
		r.worker.db.AfterCommit(ctx, func(context.Context) { r.worker.config.Metrics.advanced(r.Operation.Type, more) })
	}
	return sum, err
}

// committed notes a sum that Advance gave.
func (r *Run) committed(sum Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sum.Done >= r.progress.Done && sum.Chunks >= r.progress.Chunks {
		sum.Total = r.progress.Total
		r.worker.teller.note(r.Operation, sum, sum.Done-sum.Counts[countGone] > r.progress.Done-r.progress.Counts[countGone])
		r.progress = sum
	}
}
