package operations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/auth"
)

// Cancel ends an operation that has not ended. Whoever works on it stops before its
// next step; the step in the middle rolls back. What was done stays, what was not
// got to is put away, and the collection is ready again with a message that says
// what is missing. It needs the right to write to the collection, and returns
// [ErrNotFound], [collections.ErrForbidden], [ErrEnded], and [ErrNotCancellable] for
// a deletion.
func (s *Service) Cancel(ctx context.Context, id uuid.UUID) (Operation, error) {
	who, err := auth.RequireScope(ctx, auth.ScopeWrite)
	if err != nil {
		return Operation{}, err
	}
	// As in Get, the right comes before the row.
	origin, err := s.repository.GetOrigin(ctx, id)
	if err != nil && apperr.KindOf(err) != apperr.NotFound {
		return Operation{}, err
	}
	scope, err := s.access.Authorize(ctx, origin.CollectionID, collections.Write)
	if apperr.KindOf(err) == apperr.NotFound {
		return Operation{}, s.whyNotCancellable(ctx, origin, who.UserID)
	}
	if err != nil {
		return Operation{}, err
	}
	o, err := s.repository.Get(ctx, id)
	if err != nil {
		return o, err
	}
	if !o.Status.Active() {
		return o, ErrEnded.WithMessagef("The operation is %s already; only one that is pending or processing can be cancelled.", o.Status)
	}
	var before int64
	if before, err = s.withdrawMany(ctx, scope, o); err == nil {
		err = s.db.InTx(ctx, func(ctx context.Context) error { return s.cancel(ctx, scope, o, before) })
	}
	if errors.Is(err, collections.ErrNotFound) { // it was deleted a moment ago
		return Operation{}, s.whyNotCancellable(ctx, origin, who.UserID)
	}
	if err != nil {
		return o, fmt.Errorf("cancelling an operation: %w", err)
	}
	return s.repository.Get(ctx, id)
}

// whyNotCancellable tells those who may know what becomes of a deleted collection why
// its operations cannot be cancelled: they ended with it, or are its purge.
func (s *Service) whyNotCancellable(ctx context.Context, origin Origin, userID int64) error {
	err := s.access.AuthorizeDeleted(ctx, origin.CollectionID, origin.isDeletionBy(userID))
	switch {
	case apperr.KindOf(err) == apperr.NotFound:
		return ErrNotFound
	case err != nil:
		return err
	case origin.Type == TypeDelete:
		return ErrNotCancellable
	default:
		return ErrEnded
	}
}

const (
	// seizedFor is how long an operation that is being cancelled is kept from workers
	// with each part of what is put away.
	seizedFor = 30 * time.Second
	// cancelTimeout bounds the putting away of what waits.
	cancelTimeout = 10 * time.Minute
)

// withdrawMany puts away what is too much for the transaction that cancels the operation,
// in several before it, and tells how much that was. From the first on nobody works on
// the operation. It goes on although nobody waits for the answer any more, or the rest
// would be worked on; where it is killed, it is.
func (s *Service) withdrawMany(ctx context.Context, scope collections.Scope, o Operation) (int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	name := "cancelled by " + uuid.NewString()
	return s.works.withdrawMany(ctx, s.db, o.Type, scope, reasonOfCancel(o), func(ctx context.Context) error {
		return s.repository.Seize(ctx, o.UUID, name, seizedFor)
	})
}

// reasonOfCancel is what is said of a document, or a source, that was not got to.
func reasonOfCancel(o Operation) string {
	return fmt.Sprintf("The %s operation was cancelled before it was through.", o.Type)
}

// cancel is the unit of work of [Service.Cancel]; left is what was put away before.
func (s *Service) cancel(ctx context.Context, scope collections.Scope, o Operation, left int64) error {
	reason := reasonOfCancel(o)
	before, err := s.withdraw(ctx, scope, o.Type, reason)
	if err != nil {
		return err
	}
	status, err := s.rows.Lock(ctx, scope)
	if err != nil {
		return err
	}
	late, err := s.withdraw(ctx, scope, o.Type, reason)
	if err != nil {
		return err
	}
	if o, err = s.repository.Get(ctx, o.UUID); err != nil { // how far it got until the lock
		return err
	}
	left += before + late
	result := map[string]any{}
	switch p := o.Meta.Progress; {
	case o.Type.takesDocuments():
		result["documents_left"] = left
	case p != nil: // nothing of it waits in a state of its own
		result["documents_left"] = max(p.Total-p.Done, 0)
	}
	if err := s.repository.Cancel(ctx, o.UUID, result); err != nil {
		return err
	}
	s.db.AfterCommit(ctx, func(context.Context) { s.metrics.ended(o, StatusCancelled) })
	if err := s.rows.RecountSources(ctx, scope); err != nil {
		return err
	}
	if status == collections.StatusPending { // a worker never got to it
		if err := s.status.Change(ctx, scope, collections.StatusProcessing, ""); err != nil {
			return err
		}
	}
	if err := s.status.Change(ctx, scope, collections.StatusReady, cancelledMessage(o, left)); err != nil {
		return err
	}
	return s.audit.Record(ctx, audit.Entry{
		Action: "operation.cancel", ObjectType: "operation", ObjectID: o.UUID.String(),
		Details: map[string]any{"type": o.Type, "collection_id": scope.ID(), "documents_left": result["documents_left"]},
	})
}

func (s *Service) withdraw(ctx context.Context, scope collections.Scope, t Type, reason string) (int64, error) {
	work, ok := s.works[t]
	if !ok {
		return 0, nil
	}
	left, err := work.Withdraw(ctx, scope, reason)
	if err != nil {
		return 0, fmt.Errorf("putting away what is left: %w", err)
	}
	return left, nil
}

// cancelledMessage names the state that a cancelled operation leaves its collection in.
func cancelledMessage(o Operation, left int64) string {
	message := fmt.Sprintf("The %s operation was cancelled", o.Type)
	if p := o.Meta.Progress; p != nil && p.Total > 0 {
		message += fmt.Sprintf(" after %d of %d documents", p.Done, p.Total)
	}
	switch left {
	case 0:
		return message + "."
	case 1:
		return message + "; one document was not processed."
	default:
		return message + fmt.Sprintf("; %d documents were not processed.", left)
	}
}
