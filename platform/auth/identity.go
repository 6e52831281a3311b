package auth

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"semantik/platform/apperr"
)

// Scope is what an API key may be used for.
type Scope string

// The scopes. None includes another.
const (
	ScopeRead  Scope = "read"
	ScopeWrite Scope = "write"
	ScopeAdmin Scope = "admin"
)

// Scopes are all there are.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeWrite, ScopeAdmin} }

// Known reports whether there is such a scope.
func (s Scope) Known() bool { return slices.Contains(Scopes(), s) }

// Identity is who a request speaks for: a user, in person or through an API key.
type Identity struct {
	UserID      int64
	Username    string
	IsSuperuser bool // never through an API key
	// Session is the sign-in that the request belongs to; its zero value through an
	// API key.
	Session Session
	// APIKeyID is the key in use; the nil UUID for a user in person.
	APIKeyID uuid.UUID
	// Scopes are those of the key; they mean nothing without one.
	Scopes []Scope
	// Resources are the only objects that the key may touch; nil for all.
	Resources []uuid.UUID
}

// ViaAPIKey reports whether the request uses an API key.
func (id Identity) ViaAPIKey() bool { return id.APIKeyID != uuid.Nil }

// Allows reports whether the scope is given: always to a user in person, and to
// an API key that has it.
func (id Identity) Allows(scope Scope) bool {
	return !id.ViaAPIKey() || slices.Contains(id.Scopes, scope)
}

// Reaches reports whether the object is within what the API key is confined to.
func (id Identity) Reaches(object uuid.UUID) bool {
	return !id.ViaAPIKey() || id.Resources == nil || slices.Contains(id.Resources, object)
}

// The errors of this package.
var (
	// ErrUnauthenticated is for a request that needs an identity and has none.
	ErrUnauthenticated = apperr.New(apperr.Unauthenticated, "unauthenticated", "Sign in first: send a valid token in the Authorization header.")
	// ErrTokenInvalid is for a token that is no token of ours.
	ErrTokenInvalid = apperr.New(apperr.Unauthenticated, "token_invalid", "The token is not valid. Sign in again.")
	// ErrTokenExpired is for a token that was good.
	ErrTokenExpired = apperr.New(apperr.Unauthenticated, "token_expired", "The token has expired. Refresh it or sign in again.")
)

type identityKey struct{}

// WithIdentity gives a context that carries the identity.
func WithIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// FromContext gives the identity; ok is false when there is none.
func FromContext(ctx context.Context) (id Identity, ok bool) {
	id, ok = ctx.Value(identityKey{}).(Identity)
	return id, ok
}

// Require gives the identity, or [ErrUnauthenticated].
func Require(ctx context.Context) (Identity, error) {
	id, ok := FromContext(ctx)
	if !ok {
		return Identity{}, ErrUnauthenticated
	}
	return id, nil
}
