package operations

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/database"
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

// listOfRequest has the members of [listRequest] itself: Huma passes over those of
// an embedded type that is not exported.
type listOfRequest struct {
	web.Page
	CollectionID web.UUID `path:"collection_id"`
	Status       string   `query:"status" doc:"One or more of pending, processing, completed, failed, cancelled, separated by commas."`
	Type         string   `query:"operation_type"`
}

type operationArrayAnswer struct{ Body []operationBody }

func (s *Service) handleListOf(ctx context.Context, in *listOfRequest) (*operationArrayAnswer, error) {
	found, _, err := s.ListOf(ctx, in.CollectionID.UUID, ListQuery{
		Status: in.Status, Type: in.Type, Page: database.Page{Offset: in.Offset(), Limit: in.Size()},
	})
	if err != nil {
		return nil, err
	}
	return &operationArrayAnswer{newOperationBodies(found)}, nil
}
