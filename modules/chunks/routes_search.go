package chunks

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"semantik/platform/apperr"
)

// defaultHits is how many results a search gives that does not say.
const defaultHits = 10

// errNoFilter refuses a filter instead of dropping it: an answer that ignores it
// would look right and be wrong.
var errNoFilter = apperr.New(apperr.Malformed, "metadata_filter_not_offered",
	"Filters on metadata are not offered yet; leave metadata_filter out.")

type searchRequest struct{ Body searchBody }

type searchAnswer struct{ Body searchAnswerBody }

func (s *Service) handleSearch(ctx context.Context, in *searchRequest) (*searchAnswer, error) {
	if f := in.Body.MetadataFilter; f != nil && string(*f) != "null" && string(*f) != "{}" {
		return nil, errNoFilter
	}
	q := SearchQuery{
		Query: in.Body.Query, K: in.Body.limit(), Threshold: in.Body.ScoreThreshold,
		CollectionIDs: make([]uuid.UUID, len(in.Body.CollectionUUIDs)),
	}
	for i, id := range in.Body.CollectionUUIDs {
		q.CollectionIDs[i] = id.UUID
	}
	result, err := s.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	result.Warnings = append(notOffered(in.Body), result.Warnings...)
	return &searchAnswer{newSearchAnswerBody(in.Body, result)}, nil
}

// notOffered tells which of the things asked for by name are not there. What the
// request left to its defaults is not warned about.
func notOffered(b searchBody) []string {
	warnings := []string{}
	if mode := b.mode(); mode != "sparse" && (b.SearchMode != "" || b.SearchType == "hybrid") {
		warnings = append(warnings, fmt.Sprintf("No embedding model is configured: %s search searched by words.", mode))
	}
	if b.UseReranker != nil && *b.UseReranker {
		warnings = append(warnings, "Reranking is not offered; the results are in the order of their scores.")
	}
	if b.UseHyDE != nil && *b.UseHyDE {
		warnings = append(warnings, "Query expansion (HyDE) is not offered; the query was searched for as it is.")
	}
	return warnings
}
