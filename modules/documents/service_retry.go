package documents

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/audit"
	"semantik/platform/auth"
)

// Retry has a failed document worked on again, whatever it failed of: whoever asks for
// one document knows why. It needs the right to write, and returns [ErrNotFound],
// [ErrNotFailed], and a conflict while an operation of another kind is active.
func (s *Service) Retry(ctx context.Context, collectionID, id uuid.UUID) (Document, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return Document{}, err
	}
	var d Document
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if d, err = s.repository.Get(ctx, scope, id); err != nil {
			return err
		}
		if err := s.repository.Retry(ctx, scope, id); err != nil {
			return err
		}
		if d, err = s.repository.Get(ctx, scope, id); err != nil {
			return err
		}
		if err := s.record(ctx, scope, "document.retry", d, map[string]any{}); err != nil {
			return err
		}
		_, err := s.ensureRetry(ctx, scope, map[string]any{"document_ids": []uuid.UUID{id}})
		return err
	})
	if err != nil {
		return Document{}, fmt.Errorf("retrying a document: %w", err)
	}
	return d, nil
}

// Retried is what became of the failed documents of a collection.
type Retried struct {
	// Reset is how many wait again that had failed.
	Reset int64
	// Pending is how many wait or are being worked on now, those included.
	Pending int64
	// OperationID is the operation that works on them; nil when none waits.
	OperationID *uuid.UUID
}

// retriedAtOnce is how many documents one transaction lets wait again: as many as it can
// in a second.
const retriedAtOnce = 2000

// RetryFailed has every failed document worked on again but those that failed for
// good. It needs the right to write; a conflict while an operation of another kind is
// active. Where there are many it commits by parts: broken off, or with another operation
// coming between, it has let some wait, and can be called again.
func (s *Service) RetryFailed(ctx context.Context, collectionID uuid.UUID) (Retried, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return Retried{}, err
	}
	began, err := s.repository.now(ctx)
	if err != nil {
		return Retried{}, err
	}
	var all Retried
	for {
		some, err := s.retrySome(ctx, scope, began)
		if err != nil {
			return Retried{}, fmt.Errorf("retrying failed documents: %w", err)
		}
		all.Reset += some.Reset
		all.Pending = some.Pending
		if some.OperationID != nil {
			all.OperationID = some.OperationID
		}
		if some.Reset < retriedAtOnce {
			return all, nil
		}
	}
}

// retrySome lets the next documents wait again that failed before it began.
func (s *Service) retrySome(ctx context.Context, scope collections.Scope, began time.Time) (r Retried, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		r = Retried{}
		if r.Reset, err = s.repository.RetryFailed(ctx, scope, began, retriedAtOnce); err != nil {
			return err
		}
		if r.Pending, err = s.repository.CountWaiting(ctx, scope); err != nil || r.Pending == 0 {
			return err
		}
		operation, err := s.ensureRetry(ctx, scope, map[string]any{"documents": r.Reset})
		if err != nil {
			return err
		}
		r.OperationID = &operation
		return s.audit.Record(ctx, audit.Entry{
			Action: "document.retry_failed", ObjectType: "collection", ObjectID: scope.ID().String(),
			Details: map[string]any{"documents": r.Reset, "operation_id": operation},
		})
	})
	return r, err
}

func (s *Service) ensureRetry(ctx context.Context, scope collections.Scope, config map[string]any) (uuid.UUID, error) {
	who, err := auth.Require(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	return s.work.EnsureRetry(ctx, scope, who.UserID, config)
}
