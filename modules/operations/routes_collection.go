package operations

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/modules/collections"
	"semantik/platform/web"
)

func registerCollection(api huma.API, s *Service, tags []string) {
	web.Register(api, huma.Operation{
		OperationID: "list-collection-operations", Method: http.MethodGet,
		Path: "/api/v2/collections/{collection_id}/operations", Tags: tags,
		Summary:     "List the operations on a collection",
		Description: "Newest first, whoever started them. The answer is the page's operations and nothing else.",
		Security:    web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusNotFound},
	}, s.handleListOf)
	web.Register(api, huma.Operation{
		OperationID: "reindex-collection", Method: http.MethodPost,
		Path: "/api/v2/collections/{collection_id}/reindex", Tags: tags,
		Summary: "Cut the documents of a collection anew",
		Description: "With what the body says of embedding_model, quantization, chunk_size, chunk_overlap, chunking_strategy and " +
			"chunking_config, and else as the collection does. One document follows another, and readers see its old chunks or its new ones. " +
			"Chunks that were loaded from outside stay; so do documents with edited chunks, which the result names, unless overwrite_edited is true.",
		DefaultStatus: http.StatusAccepted, RequestBody: reindexRequestBody(), Security: web.Bearer(),
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, s.handleReindex)
}

func reindexRequestBody() *huma.RequestBody {
	return &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
		Type: huma.TypeObject, Nullable: true, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"embedding_model":   {Type: huma.TypeString},
			"quantization":      {Type: huma.TypeString, Enum: []any{"float32", "float16", "int8"}},
			"chunk_size":        {Type: huma.TypeInteger, Description: "100 to 10000 characters."},
			"chunk_overlap":     {Type: huma.TypeInteger, Description: "0 to 1000 characters, less than chunk_size."},
			"chunking_strategy": {Type: huma.TypeString},
			"chunking_config":   {Type: huma.TypeObject, AdditionalProperties: true},
			"overwrite_edited":  {Type: huma.TypeBoolean, Description: "Cut documents anew although people have edited their chunks."},
		},
	}}}}
}

type reindexRequest struct {
	web.Stream
	CollectionID web.UUID `path:"collection_id"`
}

func (s *Service) handleReindex(ctx context.Context, in *reindexRequest) (*operationAnswer, error) {
	input, err := collections.ReadReindexInput(in.Reader())
	if err != nil {
		return nil, err
	}
	o, err := s.Reindex(ctx, in.CollectionID.UUID, input)
	if err != nil {
		return nil, err
	}
	return &operationAnswer{newOperationBody(o)}, nil
}

type listOfRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	ListParams
}

type operationArrayAnswer struct{ Body []operationBody }

func (s *Service) handleListOf(ctx context.Context, in *listOfRequest) (*operationArrayAnswer, error) {
	found, _, err := s.ListOf(ctx, in.CollectionID.UUID, in.query())
	if err != nil {
		return nil, err
	}
	return &operationArrayAnswer{newOperationBodies(found)}, nil
}
