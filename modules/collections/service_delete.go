package collections

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"semantik/platform/audit"
	"semantik/platform/auth"
)

// Delete deletes a collection. When it returns, no read sees the collection any
// more, its name is free, and what was being done with it is cancelled; what it
// contained is purged in the background. It returns [ErrNotFound] and
// [ErrForbidden]; owner, superuser and those with the permission admin may.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	return s.administering(ctx, id, s.remove)
}

// remove deletes a collection whose row is locked, in the unit of work of the
// context. The lock comes first and in a statement of its own: one that looked at
// the operations at the same time would miss what was committed while it waited.
func (s *Service) remove(ctx context.Context, scope Scope) error {
	who, err := auth.Require(ctx)
	if err != nil {
		return err
	}
	cancelled, err := s.operations.CancelActive(ctx, scope)
	if err != nil {
		return fmt.Errorf("cancelling what is active: %w", err)
	}
	if err := s.repository.Delete(ctx, scope); err != nil {
		return fmt.Errorf("deleting a collection: %w", err)
	}
	c := scope.collection
	purge, err := s.operations.Start(ctx, scope, NewOperation{Type: "delete", UserID: who.UserID, Config: map[string]any{
		"name": c.Name, "document_count": c.DocumentCount, "chunk_count": c.ChunkCount,
	}})
	if err != nil {
		return fmt.Errorf("starting the purge of a collection: %w", err)
	}
	details := map[string]any{
		"name": c.Name, "owner_id": c.OwnerID, "operation_id": purge,
		"document_count": c.DocumentCount, "chunk_count": c.ChunkCount, "total_size_bytes": c.TotalSizeBytes,
	}
	if cancelled != uuid.Nil {
		details["cancelled_operation_id"] = cancelled
	}
	return s.audit.Record(ctx, audit.Entry{
		Action: "collection.delete", ObjectType: "collection", ObjectID: c.ID.String(), Details: details,
	})
}

// ScopeForPurge gives the scope of a collection that was deleted, to the work that
// purges it; [ErrNotFound] for any other. It lets nobody else see the collection.
func (s *Service) ScopeForPurge(ctx context.Context, id uuid.UUID) (Scope, error) {
	c, err := s.repository.GetDeleted(ctx, id)
	if err != nil {
		return Scope{}, err
	}
	return Scope{collection: c, granted: Admin}, nil
}

// AuthorizeDeleted lets those pass who may know what becomes of a collection that
// was deleted: its owner and superusers, and whoever has deleted it, who asks about
// that. Nobody can see the collection itself any more. Others had a right that went
// with the collection, or had been taken back before. [ErrNotFound] for them, and for
// a collection that was not deleted.
func (s *Service) AuthorizeDeleted(ctx context.Context, id uuid.UUID, deletedByCaller bool) error {
	who, err := caller(ctx)
	if err != nil {
		return err
	}
	known, err := s.repository.KnowsDeleted(ctx, id, who, deletedByCaller)
	if err == nil && !known {
		return ErrNotFound
	}
	return err
}
