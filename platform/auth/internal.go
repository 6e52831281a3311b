package auth

import (
	"context"

	"semantik/platform/apperr"
)

// ErrAdminRequired is for what only an administrator may see: a superuser in
// person, or whoever has the key that the server shares with its surroundings.
var ErrAdminRequired = apperr.New(apperr.Forbidden, "admin_required",
	"Admin access required. Sign in as a superuser, or send the server's INTERNAL_API_KEY in X-Internal-Api-Key.")

type internalKey struct{}

// WithInternal gives a context whose caller has shown the internal key of the
// server: a monitor beside it, which is nobody in particular.
func WithInternal(ctx context.Context) context.Context {
	return context.WithValue(ctx, internalKey{}, true)
}

// IsInternal reports whether the caller has shown the internal key.
func IsInternal(ctx context.Context) bool {
	shown, _ := ctx.Value(internalKey{}).(bool)
	return shown
}

// RequireAdmin lets in a superuser in person, and whoever has the internal key.
// [ErrUnauthenticated] is for nobody, [ErrAdminRequired] for everybody else, and
// always for an API key: it is its owner's, who cannot give it a right of the
// server's.
func RequireAdmin(ctx context.Context) error {
	id, signedIn := FromContext(ctx)
	switch {
	case signedIn && id.ViaAPIKey():
		return ErrAdminRequired
	case IsInternal(ctx), signedIn && id.IsSuperuser:
		return nil
	case !signedIn:
		return ErrUnauthenticated
	default:
		return ErrAdminRequired
	}
}
