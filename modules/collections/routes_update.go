package collections

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

func registerUpdate(api huma.API, r routes, tags []string) {
	web.Register(api, huma.Operation{
		OperationID: "update-collection", Method: http.MethodPut, Path: "/api/v2/collections/{collection_id}", Tags: tags,
		Summary: "Change a collection",
		Description: "What is absent or null stays as it is. With If-Match, an ETag of an earlier answer, or updated_at in the body, " +
			"nothing is changed once somebody else has changed it.",
		Security: web.Bearer(),
		Errors:   []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, r.update)
}

type updateRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	IfMatch      string   `header:"If-Match" doc:"ETags of which the collection's must be one."`
	Body         updateBody
}

// updateBody is validated by [UpdateInput.Validate]. Members that are not known
// are ignored.
type updateBody struct {
	_                   struct{}        `additionalProperties:"true"`
	Name                *string         `json:"name,omitempty"`
	Description         *string         `json:"description,omitempty" doc:"An empty one takes it away."`
	IsPublic            *bool           `json:"is_public,omitempty"`
	Metadata            json.RawMessage `json:"metadata,omitempty"`
	DefaultRerankerID   *string         `json:"default_reranker_id,omitempty" doc:"An empty one takes it away."`
	ExtractionConfig    json.RawMessage `json:"extraction_config,omitempty"`
	SyncMode            *string         `json:"sync_mode,omitempty" doc:"one_time or continuous."`
	SyncIntervalMinutes *int            `json:"sync_interval_minutes,omitempty" doc:"15 or more; needed with sync_mode continuous."`
	UpdatedAt           *web.Time       `json:"updated_at,omitempty" doc:"The collection's updated_at as you know it; as If-Match."`
}

func (r routes) update(ctx context.Context, in *updateRequest) (*collectionAnswer, error) {
	b := in.Body
	update := UpdateInput{
		Name: b.Name, Description: b.Description, IsPublic: b.IsPublic, Metadata: b.Metadata, DefaultRerankerID: b.DefaultRerankerID,
		ExtractionConfig: b.ExtractionConfig, SyncMode: b.SyncMode, SyncIntervalMinutes: b.SyncIntervalMinutes,
		IfMatch: web.IfMatch(in.IfMatch),
	}
	if b.UpdatedAt != nil {
		update.UpdatedAt = &b.UpdatedAt.Time
	}
	c, err := r.service.Update(ctx, in.CollectionID.UUID, update)
	if err != nil {
		return nil, err
	}
	return r.answer(ctx, c)
}
