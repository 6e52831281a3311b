package collections

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/auth"
)

// ListNothing checks that the caller may list what there is nothing of yet: any
// signed-in user may; an API key needs the scope read.
func (*Service) ListNothing(ctx context.Context) error {
	_, err := auth.RequireScope(ctx, auth.ScopeRead)
	return err
}

// ListNothingOf is [Service.ListNothing] for what belongs to a collection, which the
// caller must be allowed to read.
func (s *Service) ListNothingOf(ctx context.Context, id uuid.UUID) error {
	_, err := s.Authorize(ctx, id, Read)
	return err
}
