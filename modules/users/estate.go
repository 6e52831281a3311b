package users

import "context"

// Estate is what a user owns besides the account: their collections, which
// another module keeps. Each method works in the unit of work of the context.
//
// The database refuses to delete a user to whom a collection refers, whatever
// this says: one that is made after they were counted is not lost.
type Estate interface {
	// CountOwned counts the collections that the user owns; those that are deleted
	// are not among them.
	CountOwned(ctx context.Context, userID int64) (int64, error)
	// Release lets go of those that were deleted before and are still being
	// cleared away: nobody owns them from then on. It leaves the others alone.
	Release(ctx context.Context, userID int64) error
	// TransferOwned makes another user the owner of all of them.
	TransferOwned(ctx context.Context, from, to int64) error
	// DeleteOwned deletes all of them, as their owner would.
	DeleteOwned(ctx context.Context, userID int64) error
}

// ConnectEstate says who knows what users own. It is called once, before the
// service is used; without it a user who owns collections cannot be deleted,
// since the database refuses it.
func (s *Service) ConnectEstate(e Estate) { s.estate = e }
