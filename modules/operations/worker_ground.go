package operations

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// ground is the collection that an operation stands on, as the worker treats it
// when it takes the operation up and when it ends it.
type ground interface {
	// scope gives the collection's scope; [collections.ErrNotFound] when there is
	// nothing for the operation to work on, which is then cancelled.
	scope(ctx context.Context, id uuid.UUID) (collections.Scope, error)
	// lock takes the collection's row lock, before the operation's.
	lock(ctx context.Context, scope collections.Scope) error
	// begin says that the collection is being worked on.
	begin(ctx context.Context, scope collections.Scope) error
	// complete leaves the collection as it is after the work is done.
	complete(ctx context.Context, scope collections.Scope) error
	// givesUp reports whether an operation may fail for good.
	givesUp() bool
}

// ground is what an operation of the type stands on.
func (w *Worker) ground(t Type) ground {
	if t == TypeDelete {
		return tombstone{w.collections}
	}
	return standing{w.collections, w.rows, w.starter.status}
}

// standing is a collection that people use: it goes through its states.
type standing struct {
	access *collections.Service
	rows   *collections.Repository
	status *collections.StatusChanger
}

func (g standing) scope(ctx context.Context, id uuid.UUID) (collections.Scope, error) {
	return g.access.ScopeForWork(ctx, id)
}

func (g standing) lock(ctx context.Context, scope collections.Scope) error {
	_, err := g.rows.Lock(ctx, scope)
	return err
}

func (g standing) begin(ctx context.Context, scope collections.Scope) error {
	return g.status.Change(ctx, scope, collections.StatusProcessing, "")
}

func (g standing) complete(ctx context.Context, scope collections.Scope) error {
	if err := g.rows.RecountSources(ctx, scope); err != nil {
		return err
	}
	return g.status.Change(ctx, scope, collections.StatusReady, "")
}

func (standing) givesUp() bool { return true }

// tombstone is a collection that was deleted. Nobody changes it any more, so there
// is nothing to lock, and nobody sees its state. The work on it never gives up:
// there is nobody who could start it again, and what was deleted has to go.
type tombstone struct{ access *collections.Service }

func (g tombstone) scope(ctx context.Context, id uuid.UUID) (collections.Scope, error) {
	return g.access.ScopeForPurge(ctx, id)
}

func (tombstone) lock(context.Context, collections.Scope) error { return nil }

func (tombstone) begin(context.Context, collections.Scope) error { return nil }

func (tombstone) complete(context.Context, collections.Scope) error { return nil }

func (tombstone) givesUp() bool { return false }
