package collections

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/audit"
	"semantik/platform/auth"
)

// Reindex changes how a collection's documents are cut, and starts the operation that
// cuts them anew; it gives that one's id. It needs [Write], and returns what is wrong
// with the input as [CreateInput.Validate] does, and a conflict while an operation is
// active. A collection in error or degraded may be reindexed: that is the way out.
func (s *Service) Reindex(ctx context.Context, id uuid.UUID, in ReindexInput) (uuid.UUID, error) {
	var operation uuid.UUID
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		scope, err := s.Authorize(ctx, id, Write)
		if err != nil {
			return err
		}
		if _, err := s.repository.Lock(ctx, scope); err != nil {
			return err
		}
		// Once more under the lock: the right, or what it is about, may have changed.
		if scope, err = s.Authorize(ctx, id, Write); err != nil {
			return err
		}
		operation, err = s.reindex(ctx, scope, in)
		return err
	})
	return operation, err
}

// reindex is the unit of work of [Service.Reindex], on a collection whose row is
// locked. The operation comes first, because only that tells whether one is active.
func (s *Service) reindex(ctx context.Context, scope Scope, in ReindexInput) (uuid.UUID, error) {
	who, err := auth.Require(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	was := scope.Collection()
	if err := in.validate(was); err != nil {
		return uuid.Nil, err
	}
	cut, err := in.chunking(was)
	if err != nil {
		return uuid.Nil, err
	}
	now := was
	now.EmbeddingModel, now.Quantization = valueOr(in.EmbeddingModel, was.EmbeddingModel), valueOr(in.Quantization, was.Quantization)
	now.ChunkSize, now.ChunkOverlap, now.ChunkingStrategy, now.ChunkingConfig = cut.size, cut.overlap, cut.strategy, cut.config
	operation, err := s.operations.Start(ctx, scope, NewOperation{Type: "reindex", UserID: who.UserID, Config: map[string]any{
		"previous_config": reindexConfig(was), "new_config": reindexConfig(now), "blue_green": true, "overwrite_edited": in.OverwriteEdited,
	}})
	if err != nil {
		return uuid.Nil, err
	}
	_, err = s.repository.Update(ctx, scope, reindexConfig(now))
	if err != nil {
		return uuid.Nil, err
	}
	if err := s.status.Change(ctx, scope, StatusProcessing, ""); err != nil {
		return uuid.Nil, err
	}
	return operation, s.audit.Record(ctx, audit.Entry{
		Action: "collection.reindex", ObjectType: objectType, ObjectID: scope.ID().String(),
		Details: map[string]any{"operation_id": operation, "overwrite_edited": in.OverwriteEdited},
	})
}
