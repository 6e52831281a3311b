package chunks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"semantik/modules/chunks/query"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/documents/filter"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// Searcher ranks the chunks of a collection that the caller has proved to be allowed
// to read. Whatever stands behind it, what is shown of its hits is read again in the
// snapshot in which the right was asked for; ties are broken by id; the threshold is
// on raw scores, which are between 0 and 1 and fall in the order of the hits.
type Searcher interface {
	Search(ctx context.Context, scope collections.Scope, w Wanted) (Found, error)
}

// SearchQuery asks for chunks.
type SearchQuery struct {
	// CollectionIDs are 1 to 10 collections.
	CollectionIDs []uuid.UUID
	// Query is 1 to 1000 characters, in the language of the package query.
	Query string
	// K is how many hits to give, 1 to 250.
	K int
	// Threshold is the least score, 0 to 1.
	Threshold float64
	// Filter is what metadata must have, in the language of the package filter.
	Filter json.RawMessage
	// NoContent leaves out the contents of the hits.
	NoContent bool
}

// SearchResult is the answer to a [SearchQuery].
type SearchResult struct {
	// Hits of all collections, the best first.
	Hits []Hit
	// Searched are the collections that were searched, in the order asked for.
	Searched []Searched
	// Failed are those whose search failed.
	Failed   []FailedSearch
	Warnings []string
	Took     time.Duration
	// capped is of how many collections not all candidates were ranked.
	capped int
}

// Searched is one collection of a search.
type Searched struct {
	Collection collections.Collection
	// Hits is how many of the result are from it.
	Hits int
}

// FailedSearch is a collection that could not be searched.
type FailedSearch struct {
	Collection collections.Collection
	// Code and Message are the error's.
	Code, Message string
}

// Search finds the chunks that answer the query in all the collections. One that
// the caller may not read, or that does not exist, fails the whole search
// ([collections.ErrNotFound]); one whose search fails is named beside the hits of
// the others, and only when all of them fail the search does: with ErrSearchTimeout
// when it was for want of time. A filter that is not understood is an error of the
// code metadata_filter_invalid.
func (s *Service) Search(ctx context.Context, q SearchQuery) (SearchResult, error) {
	start := time.Now()
	ctx, span := s.tracer.Start(ctx, trace.SpanKindInternal, "search")
	result, err := s.search(ctx, q, start)
	s.metrics.searched(result, err, time.Since(start))
	span.End(isFault(err))
	return result, err
}

func (s *Service) search(ctx context.Context, q SearchQuery, start time.Time) (SearchResult, error) {
	condition, err := filter.Parse(q.Filter)
	if err != nil {
		return SearchResult{}, documents.ErrBadFilter.WithMessagef("The metadata_filter cannot be used: %v.", err).WithCause(err)
	}
	var result SearchResult
	// One snapshot for the right and for the hits: a search that began before a
	// collection was deleted or closed answers as of then, and none answers with
	// a mixture.
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		run := searchRun{
			Service: s, deadline: start.Add(s.config.SearchTimeout), failed: map[uuid.UUID]error{},
			wanted: Wanted{Filter: condition, K: q.K, Threshold: q.Threshold}, withContent: !q.NoContent,
		}
		var err error
		result, err = run.all(ctx, q)
		return err
	}, database.ReadOnly(), database.Isolation(pgx.RepeatableRead))
	if err != nil {
		return SearchResult{}, err
	}
	result.Took = time.Since(start)
	return result, nil
}

// searchRun is one search on its way.
type searchRun struct {
	*Service

	deadline time.Time
	wanted   Wanted
	scopes   []collections.Scope
	failed   map[uuid.UUID]error
	// withContent is set where the contents of the hits are asked for.
	withContent bool
	// limited is set where the limit that is in force is good for what follows.
	limited bool
}

func (r *searchRun) all(ctx context.Context, q SearchQuery) (SearchResult, error) {
	for i, id := range q.CollectionIDs {
		if slices.Contains(q.CollectionIDs[:i], id) {
			continue
		}
		scope, err := r.collections.Authorize(ctx, id, collections.Read)
		if err != nil {
			return SearchResult{}, err
		}
		r.scopes = append(r.scopes, scope)
	}
	asked := query.Parse(q.Query)
	words, err := r.repository.ReadWords(ctx, asked.Terms())
	if err != nil {
		return SearchResult{}, err
	}
	r.wanted.Plan = asked.Plan(words)

	warnings := append([]string{}, r.wanted.Plan.Notes...)
	hits, capped, err := r.rank(ctx)
	if err != nil {
		return SearchResult{}, err
	}
	limited := 0
	for i, scope := range r.scopes {
		if capped[i] {
			limited++
		}
		warnings = append(warnings, warningsOf(scope.Collection(), capped[i])...)
	}
	hits, err = r.show(ctx, best(hits, r.wanted.K))
	if err != nil {
		return SearchResult{}, err
	}
	result, err := r.result(ctx, hits, warnings)
	result.capped = limited
	return result, err
}

// rank searches one collection after the other. Each has an equal share of the time
// that is left, so that a slow one does not use up that of the others.
func (r *searchRun) rank(ctx context.Context) (hits []Hit, capped []bool, err error) {
	capped = make([]bool, len(r.scopes))
	for i, scope := range r.scopes {
		share := time.Until(r.deadline) / time.Duration(len(r.scopes)-i)
		err := r.attempt(ctx, scope, share, func(ctx context.Context) error {
			found, err := r.searcher.Search(ctx, scope, r.wanted)
			if err != nil {
				return fmt.Errorf("searching: %w", err)
			}
			capped[i] = found.Capped
			for _, f := range found.Hits {
				hits = append(hits, Hit{CollectionID: scope.ID(), ChunkID: f.ChunkID, Score: f.Score})
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return hits, capped, nil
}

// show reads what is shown of the hits that are left.
func (r *searchRun) show(ctx context.Context, hits []Hit) ([]Hit, error) {
	shown := map[int64]Hit{} // the ids are those of all collections
	for _, scope := range r.scopes {
		var ids []int64
		for _, h := range hits {
			if h.CollectionID == scope.ID() {
				ids = append(ids, h.ChunkID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		err := r.attempt(ctx, scope, time.Until(r.deadline), func(ctx context.Context) error {
			read, err := r.repository.SelectHits(ctx, scope, ids, r.wanted.Plan, r.withContent)
			if err != nil {
				return fmt.Errorf("reading what was found: %w", err)
			}
			for _, h := range read {
				shown[h.ChunkID] = h
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	complete := make([]Hit, 0, len(hits))
	for _, h := range hits {
		if s, there := shown[h.ChunkID]; there {
			s.Score = h.Score
			complete = append(complete, s)
		}
	}
	return complete, nil
}

// attempt does something with one collection that may fail alone. The error is of
// what nothing can go on after.
func (r *searchRun) attempt(ctx context.Context, scope collections.Scope, limit time.Duration, fn func(ctx context.Context) error) error {
	if _, before := r.failed[scope.ID()]; before {
		return nil
	}
	bounded := func(ctx context.Context) error {
		if limit <= 0 {
			return ErrSearchTimeout
		}
		if !r.limited {
			if err := r.repository.LimitSearch(ctx, limit); err != nil {
				return err
			}
		}
		return fn(ctx)
	}
	var err error
	if len(r.scopes) == 1 {
		err = bounded(ctx)
		// Said again only when a tenth of it is over: a search is mostly short.
		r.limited = time.Until(r.deadline) > limit-limit/10
	} else {
		err = r.db.Savepoint(ctx, bounded)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, database.ErrUnavailable), errors.Is(err, database.ErrPoisoned):
		return err
	case errors.Is(err, database.ErrTimeout):
		err = ErrSearchTimeout.WithCause(err)
	}
	r.failed[scope.ID()] = err
	return r.allFailed()
}

// allFailed is the error of a search without any collection left, if it is one: that
// of the first which failed by something else than time, if there is such.
func (r *searchRun) allFailed() error {
	if len(r.failed) < len(r.scopes) {
		return nil
	}
	for _, scope := range r.scopes {
		if err := r.failed[scope.ID()]; !errors.Is(err, ErrSearchTimeout) {
			return err
		}
	}
	return r.failed[r.scopes[0].ID()]
}

// result counts where the hits are from, and tells what failed.
func (r *searchRun) result(ctx context.Context, hits []Hit, warnings []string) (SearchResult, error) {
	result := SearchResult{Hits: hits, Searched: []Searched{}, Warnings: warnings}
	for _, scope := range r.scopes {
		c := scope.Collection()
		if err := r.failed[c.ID]; err != nil {
			failure := FailedSearch{Collection: c, Code: "internal", Message: "The collection could not be searched."}
			if known, ok := errors.AsType[*apperr.Error](err); ok && known.Kind != apperr.Internal {
				failure.Code, failure.Message = known.Code, known.Message
			}
			r.config.Logger.WarnContext(ctx, "a collection could not be searched", slog.String("collection", c.ID.String()), slog.Any("error", err))
			result.Failed = append(result.Failed, failure)
			continue
		}
		searched := Searched{Collection: c}
		for _, h := range hits {
			if h.CollectionID == c.ID {
				searched.Hits++
			}
		}
		result.Searched = append(result.Searched, searched)
	}
	return result, nil
}

// best are the first k hits of all collections.
func best(hits []Hit, k int) []Hit {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.CollectionID.String(), b.CollectionID.String()), cmp.Compare(a.ChunkID, b.ChunkID))
	})
	return hits[:min(k, len(hits))]
}

// warningsOf tells what may be missing of a collection.
func warningsOf(c collections.Collection, capped bool) []string {
	var w []string
	if capped {
		w = append(w, fmt.Sprintf("More than %d chunks of %q have a word of the query; only so many were ranked. A more particular query finds better.", MaxCandidates, c.Name))
	}
	if c.VectorCount < c.ChunkCount {
		w = append(w, fmt.Sprintf("%q is still being indexed: %d of %d chunks can be found.", c.Name, c.VectorCount, c.ChunkCount))
	}
	return w
}
