package collections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"semantik/modules/collections/connectors"
	"semantik/platform/audit"
	"semantik/platform/auth"
)

// Created is a new collection with the operation that makes it ready.
type Created struct {
	Collection
	InitialOperationID uuid.UUID
}

// Create makes a collection, owned by the caller, with its first source if one was
// given, and the operation that makes it ready, all in one unit of work. It returns
// the errors of [CreateInput.Validate], [ErrNameTaken] and, for the source, those of
// its connector.
func (s *Service) Create(ctx context.Context, in CreateInput) (Created, error) {
	who, err := auth.RequireUnconfined(ctx, auth.ScopeWrite)
	if err != nil {
		return Created{}, err
	}
	p, err := in.prepare()
	if err != nil {
		return Created{}, err
	}
	first, err := s.firstSource(ctx, p.source)
	if err != nil {
		return Created{}, err
	}
	var created Created
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// Made anew in each run: a unit of work may run more than once.
		created = Created{Collection: in.collection(who.UserID, p)}
		if err := s.repository.Create(ctx, &created.Collection); err != nil {
			return fmt.Errorf("creating a collection: %w", err)
		}
		scope := Scope{collection: created.Collection, granted: Admin}
		config, err := s.addFirstSource(ctx, scope, first)
		if err != nil {
			return err
		}
		created.InitialOperationID, err = s.operations.Start(ctx, scope, NewOperation{Type: "index", UserID: who.UserID, Config: config})
		if err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{
			Action: "collection.create", ObjectType: objectType, ObjectID: created.ID.String(),
			Details: map[string]any{"name": created.Name, "is_public": created.IsPublic},
		})
	})
	return created, err
}

// firstSource is a collection's first source as its row; nil for none.
func (s *Service) firstSource(ctx context.Context, in *SourceInput) (*Source, error) {
	if in == nil {
		return nil, nil
	}
	if in.Type != SourceUpload {
		source, err := s.sourceOf(ctx, *in, "body.source.source_config.")
		if errors.Is(err, connectors.ErrUnknownType) {
			err = connectors.ErrUnknownType.WithMessagef("The source type %q is not known. Use one of: %s, %s.",
				in.Type, SourceUpload, strings.Join(s.connectors.Types(), ", "))
		}
		return &source, err
	}
	source := Source{SourceType: in.Type, SourcePath: uploadPath(in.Path), SourceConfig: in.Config}
	if source.SourceConfig == nil {
		source.SourceConfig = json.RawMessage("{}")
	}
	return &source, nil
}

// addFirstSource adds the collection's first source, if there is one, and gives the
// config of the operation that makes the collection ready.
func (s *Service) addFirstSource(ctx context.Context, scope Scope, first *Source) (map[string]any, error) {
	config := indexConfig(scope.collection)
	if first == nil {
		return config, nil
	}
	source := *first // a unit of work may run more than once
	if err := s.repository.CreateSource(ctx, scope, &source); err != nil {
		return nil, fmt.Errorf("adding the first source: %w", err)
	}
	if source.SourceType != SourceUpload {
		if err := s.repository.RequestScan(ctx, scope, source.ID, nil); err != nil {
			return nil, fmt.Errorf("asking for a look at the first source: %w", err)
		}
	}
	config["sources"] = []any{map[string]any{
		"source_id": source.ID, "source_type": source.SourceType, "source_path": source.SourcePath, "source_config": source.SourceConfig,
	}}
	return config, nil
}

// collection is the row that the input asks for.
func (in CreateInput) collection(ownerID int64, p prepared) Collection {
	id := uuid.New()
	name := cleanName(in.Name)
	return Collection{
		ID:                  id,
		Name:                name,
		Description:         cleanDescription(in.Description),
		OwnerID:             ownerID,
		VectorStoreName:     vectorStoreName(id, name),
		EmbeddingModel:      valueOr(in.EmbeddingModel, DefaultEmbeddingModel),
		Quantization:        valueOr(in.Quantization, DefaultQuantization),
		ChunkSize:           p.chunking.size,
		ChunkOverlap:        p.chunking.overlap,
		ChunkingStrategy:    p.chunking.strategy,
		ChunkingConfig:      p.chunking.config,
		PipelineConfig:      object(in.PipelineConfig),
		ExtractionConfig:    object(in.ExtractionConfig),
		DefaultRerankerID:   emptyIsNone(in.DefaultRerankerID),
		IsPublic:            in.IsPublic,
		Status:              StatusPending,
		Meta:                object(in.Metadata),
		SyncMode:            valueOr(in.SyncMode, SyncOnce),
		SyncIntervalMinutes: in.SyncIntervalMinutes,
	}
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
