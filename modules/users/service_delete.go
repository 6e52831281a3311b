package users

import (
	"context"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// DeleteInput says what becomes of the collections of a user who is deleted. One
// of the two, where the user owns any.
type DeleteInput struct {
	// TransferTo is the name of the user who gets them.
	TransferTo string
	// DeleteCollections deletes them.
	DeleteCollections bool
}

// Validate reports what contradicts itself.
func (in DeleteInput) Validate() error {
	if in.TransferTo == "" || !in.DeleteCollections {
		return nil
	}
	return apperr.InvalidFields([]apperr.Field{{
		Location: "query.delete_collections", Message: "must not be given together with transfer_to", Value: true,
	}})
}

// Delete removes an account for good, with its sessions, API keys and the rights
// that it was given; what it owns goes where the input says. It is for superusers.
// [ErrNotFound], [ErrLastSuperuser], [ErrOwnsCollections], and for the one who
// gets the collections [ErrHeirUnknown] or [apperr.Invalid].
func (s *Service) Delete(ctx context.Context, id int64, in DeleteInput) error {
	who, err := auth.RequireSuperuser(ctx)
	if err != nil {
		return err
	}
	if err := in.Validate(); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		heir, err := s.findHeir(ctx, in)
		if err != nil {
			return err
		}
		locked, err := s.repository.LockWithSuperusers(ctx, id, heir)
		if err != nil {
			return err
		}
		if err := stillSuperuser(who, locked); err != nil {
			return err
		}
		u, ok := locked[id]
		if !ok {
			return ErrNotFound
		}
		if isLastSuperuser(u, locked) {
			return ErrLastSuperuser
		}
		details, err := s.bequeath(ctx, u, in, heir, locked)
		if err != nil {
			return err
		}
		// The strongest lock comes last, when all collections are locked: what is
		// being made for the user meanwhile refers to the row.
		if err := s.repository.Delete(ctx, id); err != nil {
			return err
		}
		return s.record(ctx, "user.delete", u, u, details)
	})
}

// findHeir gives the id of the one who gets the collections; 0 for nobody.
func (s *Service) findHeir(ctx context.Context, in DeleteInput) (int64, error) {
	if in.TransferTo == "" {
		return 0, nil
	}
	heir, err := s.repository.GetByUsername(ctx, in.TransferTo)
	if apperr.KindOf(err) == apperr.NotFound {
		return 0, ErrHeirUnknown
	}
	return heir.ID, err
}

// bequeath does with the user's collections what the input says, and gives what
// is to be told of it.
func (s *Service) bequeath(ctx context.Context, u User, in DeleteInput, heirID int64, locked map[int64]User) (map[string]any, error) {
	details := map[string]any{"username": u.Username, "email": u.Email}
	heir, err := heirOf(u, in, heirID, locked)
	if err != nil || s.estate == nil {
		return details, err
	}
	owned, err := s.estate.CountOwned(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	details["collections"] = owned
	switch {
	case heir.ID != 0:
		details["transferred_to"] = heir.Username
		err = s.estate.TransferOwned(ctx, u.ID, heir.ID)
	case in.DeleteCollections:
		err = s.estate.DeleteOwned(ctx, u.ID)
	case owned > 0:
		err = ErrOwnsCollections.WithDetail("collections", owned)
	}
	if err != nil {
		return nil, err
	}
	// What is made for the user from here on, nobody has asked to delete: the
	// database keeps it, and its owner.
	return details, s.estate.Release(ctx, u.ID)
}

// heirOf checks the one who gets the collections as things are under the lock.
func heirOf(u User, in DeleteInput, heirID int64, locked map[int64]User) (User, error) {
	if heirID == 0 {
		return User{}, nil
	}
	fault := func(message string) error {
		return apperr.InvalidFields([]apperr.Field{{Location: "query.transfer_to", Message: message, Value: in.TransferTo}})
	}
	heir, ok := locked[heirID]
	switch {
	case !ok:
		return User{}, ErrHeirUnknown
	case heir.ID == u.ID:
		return User{}, fault("must be somebody else than the user who is deleted")
	case !heir.IsActive:
		return User{}, fault("must be an active user")
	default:
		return heir, nil
	}
}
