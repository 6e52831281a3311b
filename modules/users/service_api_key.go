package users

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// CreatedAPIKey is a new API key with its secret, which nobody is shown again.
type CreatedAPIKey struct {
	APIKey
	Secret string
}

// CreateAPIKey makes an API key of the caller's. It returns the errors of
// [CreateAPIKeyInput.Validate], [ErrTooManyAPIKeys] and [ErrAPIKeyNameTaken].
//
// API keys are managed in person: one that leaks must not be able to make itself
// others, nor to revoke those of its owner. Everybody manages their own; what
// others do with theirs, a superuser reads in the audit log.
func (s *Service) CreateAPIKey(ctx context.Context, in CreateAPIKeyInput) (CreatedAPIKey, error) {
	who, err := auth.RequirePerson(ctx)
	if err != nil {
		return CreatedAPIKey{}, err
	}
	if err := in.Validate(); err != nil {
		return CreatedAPIKey{}, err
	}
	permissions, err := json.Marshal(in.permissions())
	if err != nil {
		return CreatedAPIKey{}, fmt.Errorf("writing the permissions of an API key: %w", err)
	}
	var created CreatedAPIKey
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// Made anew in each run: a unit of work may run more than once.
		id := uuid.New()
		secret, prefix, hash := auth.GenerateAPIKey(id)
		created = CreatedAPIKey{Secret: secret, APIKey: APIKey{
			ID: id, UserID: who.UserID, Name: cleanAPIKeyName(in.Name), Prefix: prefix, KeyHash: hash, Permissions: permissions,
		}}
		if err := s.lockAPIKeys(ctx, who.UserID); err != nil {
			return err
		}
		if err := s.repository.CreateAPIKey(ctx, &created.APIKey, in.days()); err != nil {
			return err
		}
		if err := s.checkAPIKeyLimit(ctx, who.UserID); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{Action: "api_key.create", ObjectType: "api_key", ObjectID: id.String(), Details: map[string]any{
			"name": created.Name, "prefix": prefix, "permissions": json.RawMessage(permissions), "expires_at": created.ExpiresAt,
		}})
	})
	if err != nil {
		return CreatedAPIKey{}, fmt.Errorf("making an API key: %w", err)
	}
	return created, nil
}

// lockAPIKeys makes those who change the user's API keys wait for one another until
// the transaction ends: they hold the user's row. [ErrInactive] for an account that
// was deactivated meanwhile.
func (s *Service) lockAPIKeys(ctx context.Context, userID int64) error {
	u, err := s.repository.Lock(ctx, userID)
	if err == nil && !u.IsActive {
		return ErrInactive
	}
	return err
}

// checkAPIKeyLimit is [ErrTooManyAPIKeys] when the user has more keys in force than
// anybody may have. It is asked after the change and under the lock, so that the
// database alone says what is in force.
func (s *Service) checkAPIKeyLimit(ctx context.Context, userID int64) error {
	n, err := s.repository.CountActiveAPIKeys(ctx, userID)
	if err == nil && n > MaxActiveAPIKeys {
		return ErrTooManyAPIKeys
	}
	return err
}

// ListAPIKeys lists the caller's API keys, newest first, those that were revoked
// or have expired too.
func (s *Service) ListAPIKeys(ctx context.Context, page database.Page) ([]APIKey, int64, error) {
	who, err := auth.RequirePerson(ctx)
	if err != nil {
		return nil, 0, err
	}
	return s.repository.ListAPIKeys(ctx, who.UserID, page)
}

// GetAPIKey reads one of the caller's API keys; another's is [ErrAPIKeyNotFound],
// as one that does not exist.
func (s *Service) GetAPIKey(ctx context.Context, id uuid.UUID) (APIKey, error) {
	who, err := auth.RequirePerson(ctx)
	if err != nil {
		return APIKey{}, err
	}
	return s.repository.GetAPIKey(ctx, who.UserID, id)
}

// SetAPIKeyActive revokes one of the caller's API keys, with the next request that
// is made with it, or takes that back. It returns [ErrAPIKeyNotFound] and, where
// another key would come into force, [ErrTooManyAPIKeys].
func (s *Service) SetAPIKeyActive(ctx context.Context, id uuid.UUID, active bool) (APIKey, error) {
	who, err := auth.RequirePerson(ctx)
	if err != nil {
		return APIKey{}, err
	}
	var key APIKey
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.lockAPIKeys(ctx, who.UserID); err != nil {
			return err
		}
		key, err = s.repository.GetAPIKey(ctx, who.UserID, id)
		if err != nil || key.IsActive == active {
			return err
		}
		key.IsActive = active
		if err := s.repository.SetAPIKeyActive(ctx, who.UserID, id, active); err != nil {
			return err
		}
		if active {
			if err := s.checkAPIKeyLimit(ctx, who.UserID); err != nil {
				return err
			}
		}
		return s.audit.Record(ctx, audit.Entry{Action: "api_key.update", ObjectType: "api_key", ObjectID: id.String(), Details: map[string]any{
			"name": key.Name, "prefix": key.Prefix, "is_active": active,
		}})
	})
	if err != nil {
		return APIKey{}, fmt.Errorf("changing an API key: %w", err)
	}
	return key, nil
}
