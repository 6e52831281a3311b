package operations

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// AddSource adds a source to a collection and gives the operation that looks through
// it; the rules, the right to do so and the errors are those of
// [collections.Service.AddSource].
func (s *Service) AddSource(ctx context.Context, collectionID uuid.UUID, in collections.AddSourceInput) (Operation, error) {
	id, err := s.access.AddSource(ctx, collectionID, in)
	if err != nil {
		return Operation{}, err
	}
	return s.repository.Get(ctx, id)
}

// RemoveSource has a source removed and gives the operation that does; the rules, the
// right to do so and the errors are those of [collections.Service.RemoveSource].
func (s *Service) RemoveSource(ctx context.Context, collectionID uuid.UUID, ref collections.SourceRef) (Operation, error) {
	id, err := s.access.RemoveSource(ctx, collectionID, ref)
	if err != nil {
		return Operation{}, err
	}
	return s.repository.Get(ctx, id)
}
