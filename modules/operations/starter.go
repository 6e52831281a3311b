package operations

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/database"
	"semantik/platform/jobs"
)

// bell is the job that rings for an operation. It is attempted once: whether
// there is something to do is for the operation's row to say, and an operation
// whose bell was lost is found by its lease.
type bell struct {
	OperationID uuid.UUID `json:"operation_id"`
}

// Kind names the job.
func (bell) Kind() string { return "operation" }

// Starter starts operations for the modules to the left: it is what their
// interfaces ask for.
type Starter struct {
	db         *database.DB
	repository *Repository
	queue      *jobs.Queue
	rows       *collections.Repository
	status     *collections.StatusChanger
}

// NewStarter makes a starter.
func NewStarter(db *database.DB, repository *Repository, queue *jobs.Queue, rows *collections.Repository, status *collections.StatusChanger) *Starter {
	return &Starter{db: db, repository: repository, queue: queue, rows: rows, status: status}
}

var (
	_ collections.OperationStarter = (*Starter)(nil)
	_ documents.WorkStarter        = (*Starter)(nil)
)

// Start adds an operation on the collection, with the job that rings for it, in
// the unit of work of the context. [ErrActive] when the collection has one that
// has not ended.
func (s *Starter) Start(ctx context.Context, scope collections.Scope, n collections.NewOperation) (uuid.UUID, error) {
	id := uuid.New()
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		config, err := json.Marshal(n.Config)
		if err != nil {
			return fmt.Errorf("writing an operation's config: %w", err)
		}
		o := Operation{
			UUID: id, CollectionID: scope.ID(), Type: Type(n.Type), Status: StatusPending, Config: config,
		}
		if n.UserID != 0 {
			o.UserID = &n.UserID
		}
		if err := s.repository.Create(ctx, &o); err != nil {
			return fmt.Errorf("starting an operation: %w", err)
		}
		behind, err := s.comesBehind(ctx, o)
		if err != nil {
			return err
		}
		return s.ringWith(ctx, id, jobs.Options{Queue: o.Type.queue(), Priority: o.Type.priority(behind)})
	})
	return id, err
}

// manyActive is how many operations of one user may be active before the next ones come
// behind those of others.
const manyActive = 10

// comesBehind reports whether the user of a new operation has so many that are active
// that those of others come first: whoever loads a thousand collections at once keeps
// nobody waiting who loads one.
func (s *Starter) comesBehind(ctx context.Context, o Operation) (bool, error) {
	if o.UserID == nil {
		return false, nil
	}
	active, err := s.repository.CountActiveOf(ctx, *o.UserID, manyActive+1)
	return active > manyActive, err
}

// CancelActive ends the collection's operation that has not ended, and gives its
// id; uuid.Nil when there is none. The collection's row is locked.
func (s *Starter) CancelActive(ctx context.Context, scope collections.Scope) (uuid.UUID, error) {
	return s.repository.CancelActive(ctx, scope)
}

// ring inserts the job for an operation and notes its id.
func (s *Starter) ring(ctx context.Context, id uuid.UUID, t Type) error {
	return s.ringWith(ctx, id, jobs.Options{Queue: t.queue(), Priority: t.priority(false)})
}

// ringWith is ring with options of the job.
func (s *Starter) ringWith(ctx context.Context, id uuid.UUID, o jobs.Options) error {
	o.MaxAttempts = 1
	job, err := s.queue.Insert(ctx, bell{id}, o)
	if err != nil {
		return err
	}
	return s.repository.SetTask(ctx, id, job)
}

// EnsureWork makes sure that an active operation will take up the documents that
// wait in the collection, and gives its id: the index, append or retry operation that
// is there, or a new append. One of another type is [ErrActive].
//
// It locks the collection's row. An operation ends under the same lock and only
// when no document waits, so the documents of this unit of work are seen either
// by the one joined or by the one started.
func (s *Starter) EnsureWork(ctx context.Context, scope collections.Scope, userID int64, config map[string]any) (uuid.UUID, error) {
	return s.ensure(ctx, scope, collections.NewOperation{Type: string(TypeAppend), UserID: userID, Config: config})
}

// EnsureRetry is [Starter.EnsureWork] for documents that had failed.
func (s *Starter) EnsureRetry(ctx context.Context, scope collections.Scope, userID int64, config map[string]any) (uuid.UUID, error) {
	return s.ensure(ctx, scope, collections.NewOperation{Type: string(TypeRetry), UserID: userID, Config: config})
}

// ensure joins the operation that takes up documents, or starts the new one.
func (s *Starter) ensure(ctx context.Context, scope collections.Scope, n collections.NewOperation) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.rows.Lock(ctx, scope); err != nil {
			return err
		}
		active, found, err := s.repository.Active(ctx, scope)
		switch {
		case err != nil:
			return err
		case found && active.Type.takesDocuments():
			id = active.UUID
			return nil
		case found:
			return ErrActive
		}
		id, err = s.Start(ctx, scope, n)
		if err != nil {
			return err
		}
		return s.status.Change(ctx, scope, collections.StatusProcessing, "")
	})
	return id, err
}
