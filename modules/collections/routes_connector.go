package collections

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// registerConnectors adds the route about what kinds of sources there are.
func registerConnectors(api huma.API, r routes) {
	web.Register(api, huma.Operation{
		OperationID: "list-connectors", Method: http.MethodGet, Path: "/api/v2/connectors", Tags: []string{"sources"},
		Summary:     "List the kinds of sources",
		Description: "Each with the fields of its configuration, for a form in which a source is added. Files can be uploaded besides.",
		Security:    web.Bearer(), Errors: []int{http.StatusForbidden},
	}, r.listConnectors)
}

type connectorsAnswer struct{ Body connectorsBody }

func (r routes) listConnectors(ctx context.Context, _ *struct{}) (*connectorsAnswer, error) {
	all, err := r.service.Connectors(ctx)
	if err != nil {
		return nil, err
	}
	return &connectorsAnswer{newConnectorsBody(all)}, nil
}
