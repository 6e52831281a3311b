package documents

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/idempotency"
)

// RegisterOnce is Register for a request that may have a key: the answer that is made
// of the document commits with it. Besides the errors of Register it returns those of
// [idempotency.Keeper.Once].
func (s *Service) RegisterOnce(
	ctx context.Context, r idempotency.Request, collectionID uuid.UUID, in Registration, answer func(Document) (idempotency.Answer, error),
) (idempotency.Answer, error) {
	return s.keys.Once(ctx, r, s.mayWrite(collectionID), func(ctx context.Context) (idempotency.Answer, error) {
		d, err := s.Register(ctx, collectionID, in)
		if err != nil {
			return idempotency.Answer{}, err
		}
		return answer(d)
	})
}

// UploadOnce is Upload for a request that may have a key. Each file commits by itself,
// and the answer that is made of their results after the last of them: when the server
// is killed in between, the files that were stored are duplicates to whoever sends the
// request again, and none is there twice. Besides the errors of Upload it returns those
// of [idempotency.Keeper.Once].
func (s *Service) UploadOnce(
	ctx context.Context, r idempotency.Request, collectionID uuid.UUID, up Upload, answer func([]Result, *uuid.UUID) (idempotency.Answer, error),
) (idempotency.Answer, error) {
	return s.keys.OnceInSteps(ctx, r, s.mayWrite(collectionID), func(ctx context.Context) (idempotency.Answer, error) {
		results, operation, err := s.Upload(ctx, collectionID, up)
		if err != nil {
			return idempotency.Answer{}, err
		}
		return answer(results, operation)
	})
}

// mayWrite asks whether the caller is still who they were and may write into the
// collection: reading what they have sent may have taken long.
func (s *Service) mayWrite(collectionID uuid.UUID) idempotency.May {
	return func(ctx context.Context) error {
		ctx, err := s.accounts.Confirm(ctx)
		if err != nil {
			return err
		}
		_, err = s.collections.Authorize(ctx, collectionID, collections.Write)
		return err
	}
}
