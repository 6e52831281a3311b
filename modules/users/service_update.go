package users

import (
	"context"
	"strconv"

	"golang.org/x/text/unicode/norm"

	"semantik/platform/auth"
)

// Get reads an account: one's own, or, for a superuser, anybody's. To all others
// it does not exist ([ErrNotFound]).
func (s *Service) Get(ctx context.Context, id int64) (User, error) {
	who, err := auth.RequireScope(ctx, auth.ScopeRead)
	if err != nil {
		return User{}, err
	}
	if id != who.UserID && !who.IsSuperuser {
		return User{}, ErrNotFound
	}
	return s.repository.Get(ctx, id)
}

// Update changes an account: one's own, or, for a superuser, anybody's. To all
// others it does not exist ([ErrNotFound]). Whether it is active and a superuser,
// only a superuser may change ([auth.ErrSuperuserRequired]), who cannot take away
// the last one ([ErrLastSuperuser]). To deactivate ends every session at once.
// [ErrEmailTaken], and the errors of [UpdateInput.Validate].
func (s *Service) Update(ctx context.Context, id int64, in UpdateInput) (User, error) {
	who, err := auth.RequirePerson(ctx)
	if err != nil {
		return User{}, err
	}
	if id != who.UserID && !who.IsSuperuser {
		return User{}, ErrNotFound
	}
	if in.touchesRights() && !who.IsSuperuser {
		return User{}, auth.ErrSuperuserRequired
	}
	if in.Email != nil {
		email := norm.NFC.String(*in.Email)
		in.Email = &email
	}
	if err := in.Validate(); err != nil {
		return User{}, err
	}
	var u User
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if u, err = s.lockForUpdate(ctx, who, id, in); err != nil {
			return err
		}
		u, err = s.apply(ctx, u, in)
		return err
	})
	return u, err
}

// lockForUpdate locks the account and, where somebody's rights are at stake,
// those of all superusers, and looks whether the change is allowed as things are
// then.
func (s *Service) lockForUpdate(ctx context.Context, who auth.Identity, id int64, in UpdateInput) (User, error) {
	if !in.touchesRights() {
		return s.repository.Lock(ctx, id)
	}
	locked, err := s.repository.LockWithSuperusers(ctx, id)
	if err != nil {
		return User{}, err
	}
	if err := stillSuperuser(who, locked); err != nil {
		return User{}, err
	}
	u, ok := locked[id]
	if !ok {
		return User{}, ErrNotFound
	}
	loses := in.IsActive != nil && !*in.IsActive || in.IsSuperuser != nil && !*in.IsSuperuser
	if loses && isLastSuperuser(u, locked) {
		return User{}, ErrLastSuperuser
	}
	return u, nil
}

// stillSuperuser makes sure that whoever asks was not demoted while the request
// waited for the lock: of two superusers who demote each other, one is first.
func stillSuperuser(who auth.Identity, locked map[int64]User) error {
	if who.IsOperator() {
		return nil
	}
	if u, ok := locked[who.UserID]; !ok || !u.IsSuperuser || !u.IsActive {
		return auth.ErrSuperuserRequired
	}
	return nil
}

// isLastSuperuser reports whether no other of the locked users is an active
// superuser, but this one is.
func isLastSuperuser(u User, locked map[int64]User) bool {
	if !u.IsSuperuser || !u.IsActive {
		return false
	}
	for id, other := range locked {
		if id != u.ID && other.IsSuperuser && other.IsActive {
			return false
		}
	}
	return true
}

// apply changes what the input changes, and tells the audit log what it was.
func (s *Service) apply(ctx context.Context, u User, in UpdateInput) (User, error) {
	changes, told := changesOf(u, in)
	if len(changes) == 0 {
		return u, nil
	}
	updated, err := s.repository.Update(ctx, u.ID, changes)
	if err != nil {
		return User{}, err
	}
	if len(told) > 0 {
		if err := s.record(ctx, "user.update", u, u, told); err != nil {
			return User{}, err
		}
	}
	switch {
	case u.IsActive == updated.IsActive:
	case updated.IsActive:
		err = s.record(ctx, "user.activate", u, u, nil)
	default:
		err = s.deactivated(ctx, u)
	}
	return updated, err
}

// deactivated ends the sessions of somebody who was just deactivated.
func (s *Service) deactivated(ctx context.Context, u User) error {
	ended, err := s.repository.EndSessions(ctx, u.ID)
	if err != nil {
		return err
	}
	return s.record(ctx, "user.deactivate", u, u, map[string]any{"sessions_ended": ended})
}

// changesOf are the columns that the input gives another value, and what is to be
// told of them: before and after. Whether the account is active has an entry of
// its own.
func changesOf(u User, in UpdateInput) (changes, told map[string]any) {
	changes, told = map[string]any{}, map[string]any{}
	change := func(column string, before, after any) {
		changes[column] = after
		told[column] = map[string]any{"before": before, "after": after}
	}
	if in.FullName != nil {
		if name := cleanFullName(in.FullName); !equal(name, u.FullName) {
			change("full_name", u.FullName, name)
		}
	}
	if in.Email != nil && *in.Email != u.Email {
		change("email", u.Email, *in.Email)
	}
	if in.IsSuperuser != nil && *in.IsSuperuser != u.IsSuperuser {
		change("is_superuser", u.IsSuperuser, *in.IsSuperuser)
	}
	if in.IsActive != nil && *in.IsActive != u.IsActive {
		changes["is_active"] = *in.IsActive
	}
	return changes, told
}

// userID is a user's id as the audit log has it; "" for nobody.
func userID(u User) string {
	if u.ID == 0 {
		return ""
	}
	return strconv.FormatInt(u.ID, 10)
}
