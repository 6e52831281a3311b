package collections

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/database"
	"semantik/platform/web"
)

// registerSharing adds the routes about who may do what.
func registerSharing(api huma.API, r routes) {
	const path = "/api/v2/collections/{collection_id}/permissions"
	tags := []string{"permissions"}
	refusals := []int{http.StatusForbidden, http.StatusNotFound}
	web.Register(api, huma.Operation{
		OperationID: "list-permissions", Method: http.MethodGet, Path: path, Tags: tags,
		Summary: "List with whom a collection is shared", Description: "In the order in which it was shared.",
		Security: web.Bearer(), Errors: refusals,
	}, r.listGrants)
	web.Register(api, huma.Operation{
		OperationID: "share-collection", Method: http.MethodPost, Path: path, Tags: tags,
		Summary: "Share a collection",
		Description: "With a user, by name or id, or with an API key. An API key may do what its owner may, and besides what is " +
			"shared with the key itself. With somebody who has a permission already it is a conflict, which names that one.",
		Security: web.Bearer(), DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusConflict}, refusals...),
	}, r.share)
	web.Register(api, huma.Operation{
		OperationID: "change-permission", Method: http.MethodPatch, Path: path + "/{permission_id}", Tags: tags,
		Summary: "Change what somebody may do with a collection", Security: web.Bearer(), Errors: refusals,
	}, r.changeGrant)
	web.Register(api, huma.Operation{
		OperationID: "unshare-collection", Method: http.MethodDelete, Path: path + "/{permission_id}", Tags: tags,
		Summary: "Stop sharing a collection with somebody", Security: web.Bearer(), DefaultStatus: http.StatusNoContent, Errors: refusals,
	}, r.unshare)
}

type listGrantsRequest struct {
	web.Window
	CollectionID web.UUID `path:"collection_id"`
}

type grantListAnswer struct{ Body web.Items[grantBody] }

func (r routes) listGrants(ctx context.Context, in *listGrantsRequest) (*grantListAnswer, error) {
	found, total, err := r.service.Grants(ctx, in.CollectionID.UUID, database.Page{Offset: in.Offset, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	items := make([]grantBody, len(found))
	for i, g := range found {
		items[i] = newGrantBody(g)
	}
	return &grantListAnswer{web.NewItems(items, total, in.Window)}, nil
}

type shareRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	Body         shareBody
}

type grantAnswer struct{ Body grantBody }

func (r routes) share(ctx context.Context, in *shareRequest) (*grantAnswer, error) {
	g, err := r.service.Share(ctx, in.CollectionID.UUID, in.Body.input())
	if err != nil {
		return nil, err
	}
	return &grantAnswer{newGrantBody(g)}, nil
}

type changeGrantRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	PermissionID int64    `path:"permission_id" minimum:"1"`
	Body         levelBody
}

func (r routes) changeGrant(ctx context.Context, in *changeGrantRequest) (*grantAnswer, error) {
	g, err := r.service.ChangeGrant(ctx, in.CollectionID.UUID, in.PermissionID, in.Body.Permission)
	if err != nil {
		return nil, err
	}
	return &grantAnswer{newGrantBody(g)}, nil
}

type unshareRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	PermissionID int64    `path:"permission_id" minimum:"1"`
}

func (r routes) unshare(ctx context.Context, in *unshareRequest) (*struct{}, error) {
	return nil, r.service.Unshare(ctx, in.CollectionID.UUID, in.PermissionID)
}
