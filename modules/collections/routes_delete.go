package collections

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

func registerDelete(api huma.API, r routes, tags []string) {
	web.Register(api, huma.Operation{
		OperationID: "delete-collection", Method: http.MethodDelete, Path: "/api/v2/collections/{collection_id}", Tags: tags,
		Summary: "Delete a collection",
		Description: "With the answer it is out of everybody's sight, its name is free, and what was being done with it is cancelled. " +
			"What it contained is purged in the background, by an operation of the type delete.",
		Security: web.Bearer(), DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusForbidden, http.StatusNotFound}, Metadata: web.Limit("delete_collection"),
	}, r.delete)
}

func (r routes) delete(ctx context.Context, in *getRequest) (*struct{}, error) {
	return nil, r.service.Delete(ctx, in.CollectionID.UUID)
}
