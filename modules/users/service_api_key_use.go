package users

import (
	"context"

	"semantik/platform/auth"
)

// authenticateKey gives the identity that an API key speaks for: its owner,
// without a superuser's rights, within the key's scopes and collections. It costs
// one statement. A key that does not exist, was revoked or has expired is
// unauthenticated, the key of an account that was deactivated [ErrInactive].
func (s *Service) authenticateKey(ctx context.Context, secret string) (auth.Identity, error) {
	hash, ok := auth.HashAPIKey(secret)
	if !ok {
		return auth.Identity{}, ErrUnknownAPIKey
	}
	k, err := s.repository.FindKeyInUse(ctx, hash)
	switch {
	case err != nil:
		return auth.Identity{}, err
	case !k.IsActive:
		return auth.Identity{}, ErrAPIKeyRevoked
	case k.IsExpired:
		return auth.Identity{}, ErrAPIKeyExpired
	case !k.UserIsActive:
		return auth.Identity{}, ErrInactive
	}
	allowed, err := readPermissions(k.Permissions)
	if err != nil {
		s.keyUses.log.ErrorContext(ctx, "an API key's permissions cannot be read, so it may do nothing", "api_key_id", k.ID, "error", err)
	}
	if k.NoteUse {
		s.keyUses.note(k.ID, k.UsedAt)
	}
	return auth.Identity{
		UserID: k.UserID, Username: k.Username,
		APIKeyID: k.ID, Scopes: allowed.Scopes, Resources: allowed.Collections,
	}, nil
}
