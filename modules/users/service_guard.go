package users

import "context"

// LoginGuard slows down who guesses passwords.
type LoginGuard interface {
	// Admit lets an attempt at a password go on, or refuses it with an apperr of
	// kind RateLimited. An attempt that was admitted is told how it ended: nil for
	// a good password, [ErrWrongPassword] for a wrong one, another error when
	// nobody is the wiser.
	Admit(ctx context.Context, name, address string) (done func(error), err error)
}

// guarded runs what checks a password of that name.
func (s *Service) guarded(ctx context.Context, name, address string, check func() error) error {
	if s.config.Guard == nil {
		return check()
	}
	done, err := s.config.Guard.Admit(ctx, name, address)
	if err != nil {
		return err
	}
	err = check()
	done(err)
	return err
}
