package chunks

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/database"
	"semantik/platform/idempotency"
)

// LoadOnce is Load for a request that may have a key: the answer that is made of what
// was loaded commits with it. Besides the errors of Load it returns those of
// [idempotency.Keeper.Once].
func (s *Service) LoadOnce(
	ctx context.Context, r idempotency.Request, collectionID uuid.UUID, q LoadQuery, answer func(Loaded) (idempotency.Answer, error),
) (idempotency.Answer, error) {
	// Reading what was sent may have taken long, and the account may be gone by then.
	may := func(ctx context.Context) error {
		ctx, err := s.accounts.Confirm(ctx)
		if err != nil {
			return err
		}
		_, err = s.collections.Authorize(ctx, collectionID, collections.Write)
		return err
	}
	return s.keys.Once(ctx, r, may, func(ctx context.Context) (idempotency.Answer, error) {
		loaded, err := s.Load(ctx, collectionID, q)
		if err != nil {
			return idempotency.Answer{}, err
		}
		return answer(loaded)
	}, database.NoRetry())
}
