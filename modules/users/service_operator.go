package users

import (
	"context"
	"fmt"

	"semantik/platform/apperr"
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
	token, err := s.tokens.IssueAccess(u.Username, u.ID)
	if err != nil {
		return User{}, "", fmt.Errorf("issuing an access token: %w", err)
	}
	return u, token, nil
}
