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
		Summary: "List one's own operations", Description: "Newest first. A superuser may list those of another user, or everybody's.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden},
	}, s.handleList)
	web.Register(api, huma.Operation{
		OperationID: "get-operation", Method: http.MethodGet, Path: "/api/v2/operations/{operation_id}", Tags: tags,
		Summary: "Read an operation with its progress", Security: web.Bearer(), Errors: []int{http.StatusNotFound},
	}, s.handleGet)
	web.Register(api, huma.Operation{
		OperationID: "cancel-operation", Method: http.MethodDelete, Path: "/api/v2/operations/{operation_id}", Tags: tags,
		Summary: "Cancel an operation",
		Description: "It stops before its next step, and answers as cancelled at once. What it has done stays; documents that it has " +
			"not got to fail with the category transient, so that they can be retried. The collection is ready again, and says so.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, s.handleCancel)
	registerCollection(api, s, tags)
	registerSources(api, s)
}

type listRequest struct {
	ListParams
	User string `query:"user" doc:"The name of a user whose operations to list; for superusers."`
	All  bool   `query:"all" doc:"List everybody's operations; for superusers. With user, that one's."`
}

// ListParams is what every list of operations takes. It is exported for Huma, which
// does not look into an embedded type that is not.
type ListParams struct {
	web.Page
	Status string `query:"status" doc:"One or more of pending, processing, completed, failed, cancelled, separated by commas."`
	Type   string `query:"operation_type"`
}

func (r ListParams) query() ListQuery {
	return ListQuery{Status: r.Status, Type: r.Type, Page: database.Page{Offset: r.Offset(), Limit: r.Size()}}
}

type operationListAnswer struct{ Body operationListBody }

func (s *Service) handleList(ctx context.Context, in *listRequest) (*operationListAnswer, error) {
	q := in.query()
	q.User, q.All = in.User, in.All
	found, total, err := s.List(ctx, q)
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

func (s *Service) handleCancel(ctx context.Context, in *getRequest) (*operationAnswer, error) {
	o, err := s.Cancel(ctx, in.OperationID.UUID)
	if err != nil {
		return nil, err
	}
	return &operationAnswer{newOperationBody(o)}, nil
}
