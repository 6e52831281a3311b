package users

import (
	"context"
	"maps"
	"slices"

	"semantik/platform/auth"
)

// Settings gives the settings of the server that may be changed while it runs. There
// are none: what an operator decides stands in the configuration, which is read at
// the start. Any signed-in user may ask; an API key needs the scope read.
func (s *Service) Settings(ctx context.Context) (map[string]any, error) {
	if _, err := auth.RequireScope(ctx, auth.ScopeRead); err != nil {
		return nil, err
	}
	return map[string]any{}, nil
}

// ChangeSettings changes settings of the server, which a superuser does in person.
// [ErrUnknownSetting] names the first that does not exist, as none does yet.
func (s *Service) ChangeSettings(ctx context.Context, changes map[string]any) error {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		return ErrUnknownSetting.WithMessagef("There is no setting %.100q that can be changed while the server runs; its configuration is read at the start.", key)
	}
	return nil
}
