package collections

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/audit"
)

// Update changes what describes a collection; a new name is that of its vector
// store too, and moves nothing. It needs [Admin]. It returns the errors of
// [UpdateInput.Validate], [ErrNameTaken], [ErrNoSyncInterval] for a collection that
// is to be synchronised continuously and says not how often, and [ErrChanged] when
// it is not any more what the caller has seen.
func (s *Service) Update(ctx context.Context, id uuid.UUID, in UpdateInput) (Collection, error) {
	var updated Collection
	err := s.administering(ctx, id, func(ctx context.Context, scope Scope) error {
		if err := in.Validate(); err != nil {
			return err
		}
		// Read again under the lock: the scope may be older.
		now, err := s.repository.GetByUUID(ctx, id)
		if err != nil {
			return err
		}
		if !in.matches(now.UpdatedAt) {
			return ErrChanged.WithDetail("updated_at", now.UpdatedAt.UTC().Format("2006-01-02T15:04:05.000000Z"))
		}
		changed, err := in.changes(now)
		if err != nil || len(changed) == 0 {
			updated = now
			return err
		}
		set, told := columns(changed)
		if updated, err = s.repository.Update(ctx, scope, set); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{
			Action: "collection.update", ObjectType: objectType, ObjectID: id.String(), Details: told,
		})
	})
	return updated, err
}
