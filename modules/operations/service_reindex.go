package operations

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// Reindex is [collections.Service.Reindex], and gives the operation that it starts.
func (s *Service) Reindex(ctx context.Context, collectionID uuid.UUID, in collections.ReindexInput) (Operation, error) {
	var o Operation
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		id, err := s.access.Reindex(ctx, collectionID, in)
		if err != nil {
			return err
		}
		o, err = s.repository.Get(ctx, id)
		return err
	})
	return o, err
}
