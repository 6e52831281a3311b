package collections

import (
	"context"

	"semantik/platform/auth"
	"semantik/platform/idempotency"
)

// CreateOnce is Create for a request that may have a key: the answer that is made of
// the collection commits with it. Besides the errors of Create it returns those of
// [idempotency.Keeper.Once].
func (s *Service) CreateOnce(
	ctx context.Context, r idempotency.Request, in CreateInput, answer func(Created) (idempotency.Answer, error),
) (idempotency.Answer, error) {
	may := func(ctx context.Context) error {
		_, err := auth.RequireUnconfined(ctx, auth.ScopeWrite)
		return err
	}
	return s.keys.Once(ctx, r, may, func(ctx context.Context) (idempotency.Answer, error) {
		created, err := s.Create(ctx, in)
		if err != nil {
			return idempotency.Answer{}, err
		}
		return answer(created)
	})
}
