package operations

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// AddSource adds a source to a collection and gives the operation that looks through
// it, whose config tells of this source; the rules, the right to do so and the errors are those of
// [collections.Service.AddSource].
func (s *Service) AddSource(ctx context.Context, collectionID uuid.UUID, in collections.AddSourceInput) (Operation, error) {
	source, id, err := s.access.AddSource(ctx, collectionID, in)
	if err != nil {
		return Operation{}, err
	}
	o, err := s.repository.Get(ctx, id)
	if err != nil {
		return o, err
	}
	o.Config, err = joined(o.Config, addedConfig(source, in.Additional))
	return o, err
}

// joined is what an operation was asked to do, and what it was asked to do by this
// request: it may be one that has taken the source in. Where both say something the
// request is told.
func joined(asked json.RawMessage, more map[string]any) (json.RawMessage, error) {
	all := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(asked))
	decoder.UseNumber()
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("reading an operation's config: %w", err)
	}
	maps.Copy(all, more)
	text, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("writing an operation's config: %w", err)
	}
	return text, nil
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
