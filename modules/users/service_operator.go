package users

import (
	"context"
	"fmt"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// errNoSuperuser means that nobody is left who may do everything.
var errNoSuperuser = apperr.New(apperr.Conflict, "superuser_missing",
	"There is no active superuser to act as.")

// OperatorToken gives an access token of a superuser, for the operator: whoever
// runs the program owns its keys and its database, and needs no password, which
// may long be another one than that of the first start. The user with the
// preferred name is taken if that is an active superuser, else the oldest one;
// [apperr.Conflict] when there is none. It begins no session: there is nothing to
// refresh, and the token lives no longer than any.
//
// No route calls it.
func (s *Service) OperatorToken(ctx context.Context, preferred string) (User, string, error) {
	u, err := s.repository.FirstSuperuser(ctx, preferred)
	if err != nil {
		return User{}, "", err
	}
	token, err := s.tokens.IssueAccess(u.Username, u.ID, auth.Session{Generation: u.SessionGeneration})
	if err != nil {
		return User{}, "", fmt.Errorf("issuing an access token: %w", err)
	}
	return u, token, nil
}

// What follows is for the commands that work on the database itself, with the
// identity [auth.Operator] in the context. A superuser in person may call it too.
// No route does.

// CreateInput is what the operator makes an account from.
type CreateInput struct {
	RegisterInput

	// IsSuperuser makes the account a superuser's. The first of all is one anyway.
	IsSuperuser bool
}

// Create makes an account, whether registration is open or not. An empty password
// is replaced by a generated one; it gives the password in use. The errors are
// those of [Service.Register] and [auth.ErrSuperuserRequired].
func (s *Service) Create(ctx context.Context, in CreateInput) (User, string, error) {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return User{}, "", err
	}
	if in.Password == "" {
		in.Password = auth.GeneratePassword()
	}
	u, err := s.register(ctx, in.RegisterInput, admission{open: true, superuser: in.IsSuperuser})
	if err != nil {
		return User{}, "", err
	}
	return u, in.Password, nil
}

// FindByName reads the user with this name, in whatever case; [ErrNotFound] when
// there is none.
func (s *Service) FindByName(ctx context.Context, username string) (User, error) {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return User{}, err
	}
	return s.repository.GetByUsername(ctx, username)
}

// List lists the users by name, with the total, for a superuser; with a query,
// those whose name, full name or e-mail address has it in it.
func (s *Service) List(ctx context.Context, query string, page database.Page) ([]User, int64, error) {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return nil, 0, err
	}
	return s.repository.List(ctx, query, page)
}

// SetActive activates the user with this name, or deactivates them, which ends
// all their sessions; [ErrNotFound] and [ErrLastSuperuser].
func (s *Service) SetActive(ctx context.Context, username string, active bool) (User, error) {
	return s.updateByName(ctx, username, UpdateInput{IsActive: &active})
}

// SetSuperuser makes the user with this name a superuser, or one no longer;
// [ErrNotFound] and [ErrLastSuperuser].
func (s *Service) SetSuperuser(ctx context.Context, username string, superuser bool) (User, error) {
	return s.updateByName(ctx, username, UpdateInput{IsSuperuser: &superuser})
}

func (s *Service) updateByName(ctx context.Context, username string, in UpdateInput) (User, error) {
	u, err := s.FindByName(ctx, username)
	if err != nil {
		return User{}, err
	}
	return s.Update(ctx, u.ID, in)
}

// ResetPassword gives the user with this name another password, and ends all
// their sessions. An empty password is replaced by a generated one; it gives the
// password in use. [ErrNotFound], and [apperr.Invalid] for a password that may
// not be one.
func (s *Service) ResetPassword(ctx context.Context, username, password string) (User, string, error) {
	u, err := s.FindByName(ctx, username)
	if err != nil {
		return User{}, "", err
	}
	if password == "" {
		password = auth.GeneratePassword()
	}
	if err := validatePassword("password", password, u); err != nil {
		return User{}, "", err
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return User{}, "", fmt.Errorf("hashing a password: %w", err)
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if u, err = s.repository.Lock(ctx, u.ID); err != nil {
			return err
		}
		return s.replacePassword(ctx, u, hash, "user.password_reset")
	})
	return u, password, err
}
