package users

import (
	"context"
	"errors"
	"fmt"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// ChangePassword gives the caller another password, and ends every session of
// theirs at once, this one included. It is for a person alone. [ErrCurrentPassword]
// when the current password is another one, [apperr.Invalid] for a new one that
// may not be a password. Who guesses is refused by the [LoginGuard].
func (s *Service) ChangePassword(ctx context.Context, current, next string, client ClientInfo) error {
	who, err := auth.RequirePerson(ctx)
	if err != nil {
		return err
	}
	u, err := s.repository.Get(ctx, who.UserID)
	if err != nil {
		return err
	}
	if err := validatePassword("new_password", next, u); err != nil {
		return err
	}
	if err := s.checkCurrent(ctx, u, current, client); err != nil {
		return err
	}
	if current == next {
		return errSamePassword
	}
	hash, err := s.hasher.Hash(ctx, next)
	if err != nil {
		return fmt.Errorf("hashing a password: %w", err)
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		now, err := s.repository.Lock(ctx, u.ID)
		if err != nil {
			return err
		}
		// Somebody has changed it since it was checked.
		if now.SessionGeneration != u.SessionGeneration {
			return ErrCurrentPassword
		}
		return s.replacePassword(ctx, now, hash, "user.password_change")
	})
}

// checkCurrent checks the password of somebody who has signed in. It counts
// failures as a login does: whoever has got hold of a token must not learn the
// password by trying.
func (s *Service) checkCurrent(ctx context.Context, u User, password string, client ClientInfo) error {
	err := s.guarded(ctx, u.Username, client.Address, func() error {
		ok, _, err := s.hasher.Verify(ctx, u.HashedPassword, password)
		if err != nil && !errors.Is(err, auth.ErrHashBroken) {
			return fmt.Errorf("checking a password: %w", err)
		}
		if !ok {
			return s.refuse(ctx, u.Username, u, "user.password_change_failed", nil)
		}
		return nil
	})
	if errors.Is(err, ErrWrongPassword) {
		return ErrCurrentPassword
	}
	return err
}

// replacePassword stores the hash of a new password, and ends all sessions.
func (s *Service) replacePassword(ctx context.Context, u User, hash, action string) error {
	if _, err := s.repository.Update(ctx, u.ID, map[string]any{"hashed_password": hash}); err != nil {
		return err
	}
	ended, err := s.repository.EndSessions(ctx, u.ID)
	if err != nil {
		return err
	}
	return s.record(ctx, action, u, u, map[string]any{"sessions_ended": ended})
}

var errSamePassword = apperr.InvalidFields([]apperr.Field{{
	Location: "body.new_password", Message: "must be another one than the current password",
}})
