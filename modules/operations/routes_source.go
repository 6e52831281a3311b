package operations

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/modules/collections"
	"semantik/platform/web"
)

// registerSources adds the routes about sources that start an operation, which they
// answer with. What else there is about sources is the module's of collections.
func registerSources(api huma.API, s *Service) {
	const path = "/api/v2/collections/{collection_id}/sources"
	tags := []string{"sources"}
	refusals := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict}
	web.Register(api, huma.Operation{
		OperationID: "add-source", Method: http.MethodPost, Path: path, Tags: tags,
		Summary: "Add a source to a collection",
		Description: "An operation looks through it and adds its documents; one that is adding documents already takes it in. A path that the " +
			"collection has already is looked through again, with the new configuration.",
		Security: web.Bearer(), DefaultStatus: http.StatusAccepted, Errors: refusals,
	}, s.handleAddSource)
	web.Register(api, huma.Operation{
		OperationID: "remove-source-by-path", Method: http.MethodDelete, Path: path, Tags: tags,
		Summary: "Remove a source with its documents", Description: "The path stands in the query or, as source_path, in a JSON body.",
		Security: web.Bearer(), DefaultStatus: http.StatusAccepted, Errors: refusals,
	}, s.handleRemoveSourceByPath)
	web.Register(api, huma.Operation{
		OperationID: "remove-source", Method: http.MethodDelete, Path: path + "/{source_id}", Tags: tags,
		Summary:  "Remove a source with its documents, by its id",
		Security: web.Bearer(), DefaultStatus: http.StatusOK, Errors: refusals,
	}, s.handleRemoveSource)
}

type addSourceRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	Body         addSourceBody
}

func (s *Service) handleAddSource(ctx context.Context, in *addSourceRequest) (*operationAnswer, error) {
	o, err := s.AddSource(ctx, in.CollectionID.UUID, in.Body.input())
	if err != nil {
		return nil, err
	}
	return &operationAnswer{newOperationBody(o)}, nil
}

type removeByPathRequest struct {
	CollectionID web.UUID          `path:"collection_id"`
	SourcePath   string            `query:"source_path" doc:"The path by which the source is listed. It goes before the body's."`
	Body         *removeSourceBody `required:"false"`
}

func (s *Service) handleRemoveSourceByPath(ctx context.Context, in *removeByPathRequest) (*operationAnswer, error) {
	path := in.SourcePath
	if path == "" && in.Body != nil {
		path = in.Body.path()
	}
	o, err := s.RemoveSource(ctx, in.CollectionID.UUID, collections.SourceRef{Path: path})
	if err != nil {
		return nil, err
	}
	return &operationAnswer{newOperationBody(o)}, nil
}

type removeSourceRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	SourceID     int64    `path:"source_id" minimum:"1"`
}

type removalAnswer struct{ Body removalBody }

func (s *Service) handleRemoveSource(ctx context.Context, in *removeSourceRequest) (*removalAnswer, error) {
	o, err := s.RemoveSource(ctx, in.CollectionID.UUID, collections.SourceRef{ID: in.SourceID})
	if err != nil {
		return nil, err
	}
	return &removalAnswer{removalBody{ID: o.ID, UUID: web.NewUUID(o.UUID), Type: o.Type, Status: o.Status}}, nil
}
