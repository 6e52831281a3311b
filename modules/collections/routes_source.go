package collections

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/database"
	"semantik/platform/web"
)

// registerSources adds the routes about the rows of sources. Those that start an
// operation are the module's whose operations they are.
func registerSources(api huma.API, r routes) {
	const path = "/api/v2/collections/{collection_id}/sources"
	tags := []string{"sources"}
	refusals := []int{http.StatusForbidden, http.StatusNotFound}
	web.Register(api, huma.Operation{
		OperationID: "list-sources", Method: http.MethodGet, Path: path, Tags: tags,
		Summary: "List where a collection's documents come from", Description: "In the order in which the sources were added.",
		Security: web.Bearer(), Errors: refusals,
	}, r.listSources)
	web.Register(api, huma.Operation{
		OperationID: "get-source", Method: http.MethodGet, Path: path + "/{source_id}", Tags: tags,
		Summary: "Read a source", Security: web.Bearer(), Errors: refusals,
	}, r.getSource)
	web.Register(api, huma.Operation{
		OperationID: "update-source", Method: http.MethodPatch, Path: path + "/{source_id}", Tags: tags,
		Summary:     "Change how a source is read",
		Description: "The new configuration takes the place of the whole old one, and counts from the next time on that the source is looked through. Its path cannot change.",
		Security:    web.Bearer(), Errors: append([]int{http.StatusBadRequest}, refusals...),
	}, r.updateSource)
}

type listSourcesRequest struct {
	web.Window
	CollectionID web.UUID `path:"collection_id"`
}

type sourceListAnswer struct{ Body web.Items[sourceBody] }

func (r routes) listSources(ctx context.Context, in *listSourcesRequest) (*sourceListAnswer, error) {
	found, total, err := r.service.Sources(ctx, in.CollectionID.UUID, database.Page{Offset: in.Offset, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	items := make([]sourceBody, len(found))
	for i, s := range found {
		items[i] = newSourceBody(s)
	}
	return &sourceListAnswer{web.NewItems(items, total, in.Window)}, nil
}

type sourceRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	SourceID     int64    `path:"source_id" minimum:"1"`
}

type sourceAnswer struct{ Body sourceBody }

func (r routes) getSource(ctx context.Context, in *sourceRequest) (*sourceAnswer, error) {
	s, err := r.service.Source(ctx, in.CollectionID.UUID, in.SourceID)
	if err != nil {
		return nil, err
	}
	return &sourceAnswer{newSourceBody(s)}, nil
}

type updateSourceRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	SourceID     int64    `path:"source_id" minimum:"1"`
	Body         updateSourceBody
}

func (r routes) updateSource(ctx context.Context, in *updateSourceRequest) (*sourceAnswer, error) {
	s, err := r.service.UpdateSource(ctx, in.CollectionID.UUID, in.SourceID, UpdateSourceInput{Config: in.Body.Config, Secrets: in.Body.Secrets})
	if err != nil {
		return nil, err
	}
	return &sourceAnswer{newSourceBody(s)}, nil
}
