package chunks

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"semantik/modules/documents/filter"
	"semantik/platform/web"
)

// defaultHits is how many results a search gives that does not say.
const defaultHits = 10

// searchLanguage tells in the description of the API what a search understands.
const searchLanguage = "Finds the chunks that have the query's words, German and English words in any of their forms. " +
	"Words are wanted and not required: what has all of them comes first, with a score of 0.5 or more, and then what has some. " +
	"\"Words in quotes\" are a phrase and required; what has a -word or a -\"phrase\" is left out, always; " +
	"word* stands for every word that begins so; a OR b is one of them. " +
	"metadata_filter is an object whose members must all hold of the metadata of a chunk and its document: a value is equal, " +
	"a list has one that is, an object has members in turn or operators. "

func registerSearch(api huma.API, s *Service) {
	operators := "The operators are " + strings.Join(filter.Operators, ", ") + ", with or without the $."
	web.Register(api, huma.Operation{
		OperationID: "search", Method: http.MethodPost, Path: "/api/v2/search", Tags: []string{"search"},
		Summary: "Search collections",
		Description: searchLanguage + operators + " A collection whose search fails is named in failed_collections; " +
			"only when all fail the request does, with 503 where it was for want of time (SEARCH_TIMEOUT).",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable}, Metadata: web.Limit("search"),
	}, s.handleSearch)
	web.Register(api, huma.Operation{
		OperationID: "search-single", Method: http.MethodPost, Path: "/api/v2/search/single", Tags: []string{"search"},
		Summary: "Search one collection",
		Description: searchLanguage + operators + " The answer leaves out what the request has said: collections_searched is empty, " +
			"and so are collection_name and embedding_model of the results.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable}, Metadata: web.Limit("search"),
	}, s.handleSearchSingle)
}

type searchRequest struct{ Body searchBody }

type searchSingleRequest struct{ Body searchSingleBody }

type searchAnswer struct{ Body searchAnswerBody }

func (s *Service) handleSearch(ctx context.Context, in *searchRequest) (*searchAnswer, error) {
	ids := make([]uuid.UUID, len(in.Body.CollectionUUIDs))
	for i, id := range in.Body.CollectionUUIDs {
		ids[i] = id.UUID
	}
	result, err := s.Search(ctx, in.Body.query(ids))
	if err != nil {
		return nil, err
	}
	return &searchAnswer{newSearchAnswerBody(in.Body.SearchOptions, result)}, nil
}

func (s *Service) handleSearchSingle(ctx context.Context, in *searchSingleRequest) (*searchAnswer, error) {
	result, err := s.Search(ctx, in.Body.query([]uuid.UUID{in.Body.CollectionID.UUID}))
	if err != nil {
		return nil, err
	}
	body := newSearchAnswerBody(in.Body.SearchOptions, result)
	body.CollectionsSearched = []searchedBody{}
	for i := range body.Results {
		body.Results[i].CollectionName, body.Results[i].EmbeddingModel = "", ""
	}
	return &searchAnswer{body}, nil
}

// notOffered tells which of the things asked for by name are not there. What the
// request left to its defaults is not warned about.
func (o SearchOptions) notOffered() []string {
	warnings := []string{}
	if mode := o.mode(); mode != "sparse" && (o.SearchMode != "" || o.SearchType == "hybrid") {
		warnings = append(warnings, fmt.Sprintf("No embedding model is configured: %s search searched by words.", mode))
	}
	if o.UseReranker != nil && *o.UseReranker {
		warnings = append(warnings, "Reranking is not offered; the results are in the order of their scores.")
	}
	if o.UseHyDE != nil && *o.UseHyDE {
		warnings = append(warnings, "Query expansion (HyDE) is not offered; the query was searched for as it is.")
	}
	return warnings
}
