package chunks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// Searcher finds chunks in collections that the caller has proved to be allowed
// to read. Whatever stands behind it, the hits are rows of one snapshot of
// PostgreSQL; ties are broken by id; the threshold is on raw scores.
type Searcher interface {
	Search(ctx context.Context, scope collections.Scope, query string, k int, threshold float64) (Found, error)
}

// SearchQuery asks for chunks.
type SearchQuery struct {
	// CollectionIDs are 1 to 10 collections.
	CollectionIDs []uuid.UUID
	// Query is 1 to 1000 characters.
	Query string
	// K is how many hits to give, 1 to 250.
	K int
	// Threshold is the least score, 0 to 1.
	Threshold float64
}

// SearchResult is the answer to a [SearchQuery].
type SearchResult struct {
	// Hits of all collections, the best first.
	Hits []Hit
	// Searched are the collections, in the order asked for.
	Searched []Searched
	Warnings []string
	Took     time.Duration
}

// Searched is one collection of a search.
type Searched struct {
	Collection collections.Collection
	// Hits is how many of the result are from it.
	Hits int
}

// Search finds the chunks that answer the query in all the collections. One that
// the caller may not read, or that does not exist, fails the whole search.
func (s *Service) Search(ctx context.Context, q SearchQuery) (SearchResult, error) {
	start := time.Now()
	var result SearchResult
	// One snapshot for the right and for the hits: a search that began before a
	// collection was deleted or closed answers as of then, and none answers with
	// a mixture.
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		result = SearchResult{Hits: []Hit{}, Warnings: []string{}}
		for i, id := range q.CollectionIDs {
			if slices.Contains(q.CollectionIDs[:i], id) {
				continue
			}
			scope, err := s.collections.Authorize(ctx, id, collections.Read)
			if err != nil {
				return err
			}
			found, err := s.searcher.Search(ctx, scope, q.Query, q.K, q.Threshold)
			if err != nil {
				return fmt.Errorf("searching: %w", err)
			}
			result.Hits = append(result.Hits, found.Hits...)
			c := scope.Collection()
			result.Searched = append(result.Searched, Searched{Collection: c})
			result.Warnings = append(result.Warnings, warnings(c, found)...)
		}
		return nil
	}, database.ReadOnly(), database.Isolation(pgx.RepeatableRead))
	if err != nil {
		return SearchResult{}, err
	}
	result.keepBest(q.K)
	result.Took = time.Since(start)
	return result, nil
}

// keepBest orders the hits of all collections and counts where they are from.
func (r *SearchResult) keepBest(k int) {
	slices.SortFunc(r.Hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.CollectionID.String(), b.CollectionID.String()), cmp.Compare(a.ChunkID, b.ChunkID))
	})
	r.Hits = r.Hits[:min(k, len(r.Hits))]
	for i := range r.Searched {
		for _, h := range r.Hits {
			if h.CollectionID == r.Searched[i].Collection.ID {
				r.Searched[i].Hits++
			}
		}
	}
}

func warnings(c collections.Collection, f Found) []string {
	var w []string
	if f.Capped {
		w = append(w, fmt.Sprintf("More than %d chunks of %q have a word of the query; only so many were ranked. A more particular query finds better.", MaxCandidates, c.Name))
	}
	if c.VectorCount < c.ChunkCount {
		w = append(w, fmt.Sprintf("%q is still being indexed: %d of %d chunks can be found.", c.Name, c.VectorCount, c.ChunkCount))
	}
	return w
}
