package collections

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"semantik/platform/auth"
)

// Created is a new collection with the operation that makes it ready.
type Created struct {
	Collection
	InitialOperationID uuid.UUID
}

// Create makes a collection, owned by the caller, and the operation that makes it
// ready, in one unit of work. It returns the errors of [CreateInput.Validate] and
// [ErrNameTaken].
func (s *Service) Create(ctx context.Context, in CreateInput) (Created, error) {
	who, err := auth.RequireUnconfined(ctx, auth.ScopeWrite)
	if err != nil {
		return Created{}, err
	}
	if err := in.Validate(); err != nil {
		return Created{}, err
	}
	var created Created
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// Made anew in each run: a unit of work may run more than once.
		created = Created{Collection: in.collection(who.UserID)}
		if err := s.repository.Create(ctx, &created.Collection); err != nil {
			return fmt.Errorf("creating a collection: %w", err)
		}
		created.InitialOperationID, err = s.operations.Start(ctx,
			Scope{collection: created.Collection, granted: Admin},
			NewOperation{Type: "index", UserID: who.UserID, Config: indexConfig(created.Collection)})
		return err
	})
	return created, err
}

// collection is the row that the input asks for.
func (in CreateInput) collection(ownerID int64) Collection {
	id := uuid.New()
	name := cleanName(in.Name)
	c := Collection{
		ID:                id,
		Name:              name,
		Description:       cleanDescription(in.Description),
		OwnerID:           ownerID,
		VectorStoreName:   vectorStoreName(id, name),
		EmbeddingModel:    valueOr(in.EmbeddingModel, DefaultEmbeddingModel),
		Quantization:      valueOr(in.Quantization, DefaultQuantization),
		ChunkSize:         valueOr(in.ChunkSize, DefaultChunkSize),
		ChunkOverlap:      in.overlap(),
		ChunkingConfig:    object(in.ChunkingConfig),
		ExtractionConfig:  object(in.ExtractionConfig),
		DefaultRerankerID: emptyIsNone(in.DefaultRerankerID),
		IsPublic:          in.IsPublic,
		Status:            StatusPending,
		Meta:              object(in.Metadata),
		SyncMode:          valueOr(in.SyncMode, SyncOnce),

		SyncIntervalMinutes: in.SyncIntervalMinutes,
	}
	if in.ChunkingStrategy != nil {
		strategy := strategies[strings.ToLower(*in.ChunkingStrategy)]
		c.ChunkingStrategy = &strategy
	}
	return c
}

// indexConfig is the config of a new collection's index operation.
func indexConfig(c Collection) map[string]any {
	return map[string]any{
		"sources": []any{},
		"collection_config": map[string]any{
			"embedding_model":   c.EmbeddingModel,
			"quantization":      c.Quantization,
			"chunk_size":        c.ChunkSize,
			"chunk_overlap":     c.ChunkOverlap,
			"chunking_strategy": c.ChunkingStrategy,
			"chunking_config":   c.ChunkingConfig,
			"is_public":         c.IsPublic,
			"metadata":          c.Meta,
		},
	}
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// vectorStoreName is the name under which a vector store keeps the collection:
// unique by its id, readable by its slug.
func vectorStoreName(id uuid.UUID, name string) string {
	slug := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "_"), "_")
	full := "col_" + strings.ReplaceAll(id.String(), "-", "_") + "_" + slug
	return strings.TrimRight(full[:min(len(full), 200)], "_")
}
