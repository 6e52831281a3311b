package users

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// Logout ends the session that the caller's access token belongs to, and the one
// of the refresh token if that is the caller's too. A token that is unknown, used
// up or somebody else's ends nothing and is no error: whoever signs out wants to
// be signed out. The access token itself lives on until it expires.
func (s *Service) Logout(ctx context.Context, token string) error {
	who, err := auth.RequirePerson(ctx)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		u, err := s.repository.Lock(ctx, who.UserID)
		if err != nil {
			return err
		}
		families, err := s.familiesOf(ctx, who, token)
		if err != nil {
			return err
		}
		ended, err := s.repository.RevokeFamilies(ctx, u.ID, families...)
		if err != nil || ended == 0 {
			return err
		}
		return s.record(ctx, "user.logout", u, u, map[string]any{"sessions": families})
	})
}

// familiesOf are the sessions that a sign-out is about.
func (s *Service) familiesOf(ctx context.Context, who auth.Identity, token string) ([]uuid.UUID, error) {
	families := []uuid.UUID{}
	if who.Session.Family != uuid.Nil {
		families = append(families, who.Session.Family)
	}
	if _, err := s.tokens.ParseRefresh(token); err != nil {
		return families, nil //nolint:nilerr // no token of ours names no session
	}
	presented, err := s.repository.PresentRefreshToken(ctx, auth.HashToken(token))
	switch {
	case apperr.KindOf(err) == apperr.Unauthenticated:
		return families, nil
	case err != nil:
		return nil, err
	case presented.Family != who.Session.Family && presented.UserID == who.UserID:
		families = append(families, presented.Family)
	}
	return families, nil
}
