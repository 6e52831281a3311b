package collections

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"semantik/modules/users"
	"semantik/platform/audit"
)

// What becomes of a user's collections when the user is deleted. None of these asks
// for a right: whoever deletes a user has it. Each works in the unit of work of the
// context.
var _ users.Estate = (*Service)(nil)

// estateAtOnce is how many of a user's collections are in memory at a time.
const estateAtOnce = 500

// CountOwned counts the collections that the user owns; those that were deleted are
// not among them.
func (s *Service) CountOwned(ctx context.Context, userID int64) (int64, error) {
	return s.repository.CountOwned(ctx, userID)
}

// TransferOwned makes another user the owner of all of the user's collections. What
// is shared with others stays so, and what was shared with the new owner is
// theirs. Names stay as they are: they are unique across all users.
func (s *Service) TransferOwned(ctx context.Context, from, to int64) error {
	return s.eachOwned(ctx, from, func(ctx context.Context, owned []Collection) error {
		ids := make([]uuid.UUID, len(owned))
		for i, c := range owned {
			ids[i] = c.ID
		}
		if err := s.repository.SetOwner(ctx, ids, to); err != nil {
			return fmt.Errorf("changing the owner of collections: %w", err)
		}
		for _, c := range owned {
			err := s.audit.Record(ctx, audit.Entry{
				Action: "collection.transfer", ObjectType: "collection", ObjectID: c.ID.String(),
				Details: map[string]any{"name": c.Name, "from": from, "to": to},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteOwned deletes all of the user's collections, each as [Service.Delete] does.
func (s *Service) DeleteOwned(ctx context.Context, userID int64) error {
	return s.eachOwned(ctx, userID, func(ctx context.Context, owned []Collection) error {
		for _, c := range owned {
			if err := s.remove(ctx, Scope{collection: c, granted: Admin}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Release takes the user's name off the collections that were deleted: their rows
// stay for a while, and must not keep the user.
func (s *Service) Release(ctx context.Context, userID int64) error {
	return s.repository.ReleaseTombstones(ctx, userID)
}

// eachOwned locks the collections that the user owns, some at a time, and gives
// them to fn, which leaves the user without them.
func (s *Service) eachOwned(ctx context.Context, userID int64, fn func(ctx context.Context, owned []Collection) error) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		var last uuid.UUID
		for {
			owned, err := s.repository.LockOwned(ctx, userID, last, estateAtOnce)
			if err != nil {
				return fmt.Errorf("locking a user's collections: %w", err)
			}
			if len(owned) == 0 {
				return nil
			}
			if err := fn(ctx, owned); err != nil {
				return err
			}
			last = owned[len(owned)-1].ID
		}
	})
}
