package users

import (
	"context"

	"semantik/platform/auth"
)

// Preferences reads the caller's own preferences. They belong to the account and
// to no collection: an API key needs the scope read, or write to change them, and
// may not be confined.
func (s *Service) Preferences(ctx context.Context) (Preferences, error) {
	who, err := auth.RequireUnconfined(ctx, auth.ScopeRead)
	if err != nil {
		return Preferences{}, err
	}
	return newPreferences(s.repository.GetPreferences(ctx, who.UserID))
}

// SetPreferences replaces the sections that are given, and gives all as they are
// then. Every wrong field is reported at once.
func (s *Service) SetPreferences(ctx context.Context, in PreferencesInput) (Preferences, error) {
	who, err := auth.RequireUnconfined(ctx, auth.ScopeWrite)
	if err != nil {
		return Preferences{}, err
	}
	sections, err := in.sections()
	if err != nil {
		return Preferences{}, err
	}
	return s.changePreferences(ctx, func(ctx context.Context) (StoredPreferences, error) {
		return s.repository.MergePreferences(ctx, who.UserID, sections)
	})
}

// ResetPreferences gives a section its defaults back; [ErrPreferencesSection] for
// one that there is not.
func (s *Service) ResetPreferences(ctx context.Context, section string) (Preferences, error) {
	who, err := auth.RequireUnconfined(ctx, auth.ScopeWrite)
	if err != nil {
		return Preferences{}, err
	}
	stored, ok := map[string]string{
		"search": sectionSearch, "collection-defaults": sectionCollectionDefaults, "interface": sectionInterface,
	}[section]
	if !ok {
		return Preferences{}, ErrPreferencesSection
	}
	return s.changePreferences(ctx, func(ctx context.Context) (StoredPreferences, error) {
		return s.repository.DropPreferences(ctx, who.UserID, stored)
	})
}

func (s *Service) changePreferences(ctx context.Context, change func(ctx context.Context) (StoredPreferences, error)) (Preferences, error) {
	var stored StoredPreferences
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		var err error
		stored, err = change(ctx)
		return err
	})
	return newPreferences(stored, err)
}

func newPreferences(stored StoredPreferences, err error) (Preferences, error) {
	if err != nil {
		return Preferences{}, err
	}
	p := readPreferences(stored.Sections)
	p.CreatedAt, p.UpdatedAt = stored.CreatedAt, stored.UpdatedAt
	return p, nil
}
