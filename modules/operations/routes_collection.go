package operations

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

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
