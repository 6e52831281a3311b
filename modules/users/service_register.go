package users

import (
	"context"
	"fmt"
)

// Register makes an account. The first of all becomes superuser. It returns the
// errors of [RegisterInput.Validate], [ErrUsernameTaken], [ErrEmailTaken] and
// [ErrRegistrationClosed].
func (s *Service) Register(ctx context.Context, in RegisterInput) (User, error) {
	return s.register(ctx, in, admission{open: s.config.AllowRegistration})
}

// RegisterFirst makes the first account, for the operator who starts an empty
// server; [ErrRegistrationClosed] when there is one.
func (s *Service) RegisterFirst(ctx context.Context, in RegisterInput) (User, error) {
	return s.register(ctx, in, admission{})
}

// IsEmpty reports whether there is no account yet.
func (s *Service) IsEmpty(ctx context.Context) (bool, error) {
	exists, err := s.repository.Exists(ctx)
	return !exists, err
}

// admission is what an account may be made as, if it is not the first of all,
// which may always be made and becomes superuser.
type admission struct {
	// open lets it be another than the first.
	open bool
	// superuser makes it one.
	superuser bool
}

func (s *Service) register(ctx context.Context, in RegisterInput, as admission) (User, error) {
	in = in.clean()
	if err := in.Validate(); err != nil {
		return User{}, err
	}
	// Slow on purpose, and so outside of the transaction.
	hash, err := s.hasher.Hash(ctx, in.Password)
	if err != nil {
		return User{}, fmt.Errorf("hashing a password: %w", err)
	}
	var u User
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		first, err := s.repository.LockFirst(ctx)
		if err != nil {
			return err
		}
		if !first && !as.open {
			return ErrRegistrationClosed
		}
		u = User{
			Username: in.Username, Email: in.Email, FullName: in.FullName,
			HashedPassword: hash, IsActive: true, IsSuperuser: first || as.superuser,
		}
		if err := s.repository.Create(ctx, &u); err != nil {
			return err
		}
		return s.record(ctx, "user.register", u, u, map[string]any{"username": u.Username, "is_superuser": u.IsSuperuser})
	})
	return u, err
}
