package chunks

import (
	"context"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// defaultStrategy is how a collection that names no strategy is split.
const defaultStrategy = "recursive"

// WorkTimes knows how long the work on collections has taken.
type WorkTimes interface {
	// WorkTime adds up the operations that made the collection's chunks, the newest
	// thousand at most.
	WorkTime(ctx context.Context, scope collections.Scope) (time.Duration, error)
}

// CollectionStatistics are the figures about a collection's chunks.
type CollectionStatistics struct {
	Statistics

	// Chunks and Documents count all of them.
	Chunks, Documents int64
	// Strategy is how documents of the collection are split.
	Strategy string
	// UpdatedAt is when the collection was last changed, its content included.
	UpdatedAt time.Time
	// WorkTime is how long the operations took that made the chunks.
	WorkTime time.Duration
}

// Statistics gives the figures about the chunks of a collection that the caller may
// read.
func (s *Service) Statistics(ctx context.Context, collectionID uuid.UUID) (CollectionStatistics, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return CollectionStatistics{}, err
	}
	c := scope.Collection()
	all := CollectionStatistics{Chunks: c.ChunkCount, Documents: c.DocumentCount, Strategy: defaultStrategy, UpdatedAt: c.UpdatedAt}
	if c.ChunkingStrategy != nil {
		all.Strategy = *c.ChunkingStrategy
	}
	if all.Statistics, err = s.repository.GetChunkStatistics(ctx, scope); err != nil {
		return CollectionStatistics{}, err
	}
	all.WorkTime, err = s.workTimes.WorkTime(ctx, scope)
	return all, err
}
