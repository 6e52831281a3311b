package users

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/database"
	"semantik/platform/web"
)

// registerAPIKeys adds the routes of API keys.
func registerAPIKeys(api huma.API, s *Service) {
	tags := []string{"api-keys"}
	const path, inPerson = "/api/v2/api-keys", " In person: no API key may do it."
	web.Register(api, huma.Operation{
		OperationID: "create-api-key", Method: http.MethodPost, Path: path, Tags: tags,
		Summary: "Make an API key",
		Description: "It acts as you, never as a superuser, within its scopes and collections. At most 20 may be in force at a time." +
			" The key is in this answer and in no other." + inPerson,
		Security: web.Bearer(), DefaultStatus: http.StatusCreated, Metadata: web.Limit("api_keys"),
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests},
	}, s.handleCreateAPIKey)
	web.Register(api, huma.Operation{
		OperationID: "list-api-keys", Method: http.MethodGet, Path: path, Tags: tags,
		Summary: "List one's own API keys", Security: web.Bearer(), Errors: []int{http.StatusForbidden},
		Description: "Newest first, those that were revoked or have expired too. What others do with theirs, superusers read in the audit log." + inPerson,
	}, s.handleListAPIKeys)
	web.Register(api, huma.Operation{
		OperationID: "get-api-key", Method: http.MethodGet, Path: path + "/{key_id}", Tags: tags,
		Summary: "Read one of one's own API keys", Description: inPerson[1:],
		Security: web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, s.handleGetAPIKey)
	web.Register(api, huma.Operation{
		OperationID: "update-api-key", Method: http.MethodPatch, Path: path + "/{key_id}", Tags: tags,
		Summary: "Revoke an API key, or take that back", Description: "It is in force with the next request." + inPerson,
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, s.handleUpdateAPIKey)
}

type createAPIKeyRequest struct{ Body createAPIKeyBody }

type createdAPIKeyAnswer struct{ Body createdAPIKeyBody }

func (s *Service) handleCreateAPIKey(ctx context.Context, in *createAPIKeyRequest) (*createdAPIKeyAnswer, error) {
	created, err := s.CreateAPIKey(ctx, in.Body.input())
	return &createdAPIKeyAnswer{createdAPIKeyBody{apiKeyBody: newAPIKeyBody(created.APIKey), APIKey: created.Secret}}, err
}

type listAPIKeysRequest struct {
	Page    int `query:"page" minimum:"1" maximum:"1000000" default:"1" doc:"Which page, from 1."`
	PerPage int `query:"per_page" minimum:"1" maximum:"1000" default:"1000" doc:"How many on a page."`
}

type apiKeyListAnswer struct{ Body apiKeyListBody }

func (s *Service) handleListAPIKeys(ctx context.Context, in *listAPIKeysRequest) (*apiKeyListAnswer, error) {
	found, total, err := s.ListAPIKeys(ctx, database.Page{Offset: (in.Page - 1) * in.PerPage, Limit: in.PerPage})
	body := apiKeyListBody{APIKeys: make([]apiKeyBody, len(found)), Total: total}
	for i, k := range found {
		body.APIKeys[i] = newAPIKeyBody(k)
	}
	return &apiKeyListAnswer{body}, err
}

type getAPIKeyRequest struct {
	KeyID web.UUID `path:"key_id"`
}

type apiKeyAnswer struct{ Body apiKeyBody }

func (s *Service) handleGetAPIKey(ctx context.Context, in *getAPIKeyRequest) (*apiKeyAnswer, error) {
	k, err := s.GetAPIKey(ctx, in.KeyID.UUID)
	return &apiKeyAnswer{newAPIKeyBody(k)}, err
}

type updateAPIKeyRequest struct {
	KeyID web.UUID `path:"key_id"`
	Body  patchAPIKeyBody
}

func (s *Service) handleUpdateAPIKey(ctx context.Context, in *updateAPIKeyRequest) (*apiKeyAnswer, error) {
	k, err := s.SetAPIKeyActive(ctx, in.KeyID.UUID, in.Body.IsActive)
	return &apiKeyAnswer{newAPIKeyBody(k)}, err
}
