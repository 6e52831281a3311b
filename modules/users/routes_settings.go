package users

import (
	"context"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// registerSettings adds the routes of the server's settings.
func registerSettings(api huma.API, s *Service) {
	tags := []string{"system"}
	const path = "/api/v2/system-settings"
	web.Register(api, huma.Operation{
		OperationID: "get-effective-settings", Method: http.MethodGet, Path: path + "/effective", Tags: tags,
		Summary: "Read the settings in force", Description: "Those that can be changed while the server runs; there are none yet.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handleEffectiveSettings)
	web.Register(api, huma.Operation{
		OperationID: "get-default-settings", Method: http.MethodGet, Path: path + "/defaults", Tags: tags,
		Summary: "Read the defaults of the settings", Description: "Of those that can be changed while the server runs; there are none yet.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handleDefaultSettings)
	web.Register(api, huma.Operation{
		OperationID: "update-settings", Method: http.MethodPatch, Path: path, Tags: tags,
		Summary: "Change settings", Description: "For superusers, in person. There are no settings yet: whatever is named is refused.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden},
	}, s.handleUpdateSettings)
}

type effectiveSettingsAnswer struct {
	Body struct {
		Settings map[string]any `json:"settings"`
	}
}

func (s *Service) handleEffectiveSettings(ctx context.Context, _ *struct{}) (*effectiveSettingsAnswer, error) {
	var out effectiveSettingsAnswer
	var err error
	out.Body.Settings, err = s.Settings(ctx)
	return &out, err
}

type defaultSettingsAnswer struct {
	Body struct {
		Defaults map[string]any `json:"defaults"`
	}
}

func (s *Service) handleDefaultSettings(ctx context.Context, _ *struct{}) (*defaultSettingsAnswer, error) {
	var out defaultSettingsAnswer
	var err error
	out.Body.Defaults, err = s.Settings(ctx)
	return &out, err
}

type updateSettingsRequest struct {
	Body map[string]any `doc:"Values by the names of the settings, as they are or in a member settings."`
}

type updateSettingsAnswer struct {
	Body struct {
		Updated  []string                `json:"updated"`
		Settings map[string]settingValue `json:"settings"`
	}
}

// settingValue is a setting on the wire.
type settingValue struct {
	Value     any       `json:"value"`
	UpdatedAt *web.Time `json:"updated_at"`
	UpdatedBy *int64    `json:"updated_by"`
}

func (s *Service) handleUpdateSettings(ctx context.Context, in *updateSettingsRequest) (*updateSettingsAnswer, error) {
	changes := maps.Clone(in.Body)
	if within, ok := changes["settings"].(map[string]any); ok {
		delete(changes, "settings")
		maps.Copy(changes, within)
	}
	out := updateSettingsAnswer{}
	out.Body.Updated, out.Body.Settings = []string{}, map[string]settingValue{}
	return &out, s.ChangeSettings(ctx, changes)
}
