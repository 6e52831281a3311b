package operations

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/database"
	"semantik/platform/web"
)

// Register adds the module's routes.
func Register(api huma.API, s *Service) {
	tags := []string{"operations"}
	web.Register(api, huma.Operation{
		OperationID: "list-operations", Method: http.MethodGet, Path: "/api/v2/operations", Tags: tags,
		Summary: "List one's own operations", Description: "Newest first.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest},
	}, s.handleList)
	web.Register(api, huma.Operation{
		OperationID: "get-operation", Method: http.MethodGet, Path: "/api/v2/operations/{operation_id}", Tags: tags,
		Summary: "Read an operation with its progress", Security: web.Bearer(), Errors: []int{http.StatusNotFound},
	}, s.handleGet)
	registerCollection(api, s, tags)
}

type listRequest struct {
	web.Page
	Status string `query:"status" doc:"One or more of pending, processing, completed, failed, cancelled, separated by commas."`
	Type   string `query:"operation_type"`
}

type operationListAnswer struct{ Body operationListBody }

func (s *Service) handleList(ctx context.Context, in *listRequest) (*operationListAnswer, error) {
	found, total, err := s.List(ctx, ListQuery{
		Status: in.Status, Type: in.Type, Page: database.Page{Offset: in.Offset(), Limit: in.Size()},
	})
	if err != nil {
		return nil, err
	}
	return &operationListAnswer{operationListBody{Operations: newOperationBodies(found), PageInfo: in.Info(total)}}, nil
}

type getRequest struct {
	OperationID web.UUID `path:"operation_id"`
}

type operationAnswer struct{ Body operationBody }

func (s *Service) handleGet(ctx context.Context, in *getRequest) (*operationAnswer, error) {
	o, err := s.Get(ctx, in.OperationID.UUID)
	if err != nil {
		return nil, err
	}
	return &operationAnswer{newOperationBody(o)}, nil
}
