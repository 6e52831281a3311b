package users

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// registerPreferences adds the routes of a user's own preferences.
func registerPreferences(api huma.API, s *Service) {
	tags := []string{"preferences"}
	const path = "/api/v2/preferences"
	web.Register(api, huma.Operation{
		OperationID: "get-preferences", Method: http.MethodGet, Path: path, Tags: tags,
		Summary: "Read one's own preferences", Security: web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handleGetPreferences)
	web.Register(api, huma.Operation{
		OperationID: "put-preferences", Method: http.MethodPut, Path: path, Tags: tags,
		Summary:     "Replace sections of one's own preferences",
		Description: "A section that is not given stays as it is; in one that is given, what is absent has its default.",
		Security:    web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handlePutPreferences)
	web.Register(api, huma.Operation{
		OperationID: "reset-preferences", Method: http.MethodPost, Path: path + "/reset/{section}", Tags: tags,
		Summary: "Give a section of one's own preferences its defaults", Security: web.Bearer(),
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, s.handleResetPreferences)
}

type preferencesAnswer struct{ Body preferencesBody }

func (s *Service) handleGetPreferences(ctx context.Context, _ *struct{}) (*preferencesAnswer, error) {
	p, err := s.Preferences(ctx)
	return &preferencesAnswer{newPreferencesBody(p)}, err
}

type putPreferencesRequest struct{ Body putPreferencesBody }

func (s *Service) handlePutPreferences(ctx context.Context, in *putPreferencesRequest) (*preferencesAnswer, error) {
	p, err := s.SetPreferences(ctx, in.Body.input())
	return &preferencesAnswer{newPreferencesBody(p)}, err
}

type resetPreferencesRequest struct {
	Section string `path:"section" doc:"search, collection-defaults or interface."`
}

func (s *Service) handleResetPreferences(ctx context.Context, in *resetPreferencesRequest) (*preferencesAnswer, error) {
	p, err := s.ResetPreferences(ctx, in.Section)
	return &preferencesAnswer{newPreferencesBody(p)}, err
}
