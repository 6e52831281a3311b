package users

import (
	"context"
	"time"

	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// Config has the rules that an operator decides.
type Config struct {
	// AllowRegistration lets anybody make an account; the first one always may.
	AllowRegistration bool
	// Guard slows down who guesses passwords; nil for nobody.
	Guard LoginGuard
}

// Service has the rules on accounts and sessions.
type Service struct {
	db         *database.DB
	repository *Repository
	hasher     *auth.Hasher
	tokens     *auth.Tokens
	audit      *audit.Log
	keyUses    *KeyUses
	config     Config
	failures   *failures
	estate     Estate // nil until it is connected
}

// NewService makes the service. Uses of API keys are noted in keyUses, which
// somebody else starts and stops.
func NewService(
	db *database.DB, repository *Repository, hasher *auth.Hasher, tokens *auth.Tokens, log *audit.Log, keyUses *KeyUses, config Config,
) *Service {
	return &Service{
		db: db, repository: repository, hasher: hasher, tokens: tokens, audit: log, keyUses: keyUses, config: config,
		failures: newFailures(),
	}
}

// Authenticate gives the identity that an access token or an API key speaks for.
// One that is not valid, or whose user is gone, or that is of before all sessions
// of the user were ended, is unauthenticated; an account that was deactivated is
// [ErrInactive].
func (s *Service) Authenticate(ctx context.Context, token string) (auth.Identity, error) {
	if !auth.IsJWT(token) {
		return s.authenticateKey(ctx, token)
	}
	return s.authenticatePerson(ctx, token)
}

// authenticatePerson reads the user each time, so that what ends a session ends
// it with the next request and not when the token expires.
func (s *Service) authenticatePerson(ctx context.Context, token string) (auth.Identity, error) {
	claims, err := s.tokens.ParseAccess(token)
	if err != nil {
		return auth.Identity{}, err
	}
	bearer, err := s.repository.FindBearer(ctx, claims.UserID)
	switch {
	case apperr.KindOf(err) == apperr.NotFound:
		return auth.Identity{}, errUnknownToken
	case err != nil:
		return auth.Identity{}, err
	case !bearer.IsActive:
		return auth.Identity{}, ErrInactive
	case bearer.SessionGeneration != claims.Session.Generation:
		return auth.Identity{}, ErrSessionEnded
	}
	return auth.Identity{
		UserID: claims.UserID, Username: bearer.Username, IsSuperuser: bearer.IsSuperuser, Session: claims.Session,
	}, nil
}

// Confirm asks again what [Service.Authenticate] asked when a request began, for one
// that lasts: the account may have been deactivated since ([ErrInactive]), its
// sessions all ended ([ErrSessionEnded]), or the API key revoked ([ErrAPIKeyRevoked]).
// The context that it gives has the identity as it is now, which may be a superuser's
// no longer. What merely expires meanwhile was good when the request was let in.
func (s *Service) Confirm(ctx context.Context) (context.Context, error) {
	who, err := auth.Require(ctx)
	if err != nil || who.IsOperator() {
		return ctx, err
	}
	now, err := s.repository.Standing(ctx, who.UserID, who.APIKeyID)
	switch {
	case apperr.KindOf(err) == apperr.NotFound:
		return ctx, errUnknownToken
	case err != nil:
		return ctx, err
	case !now.UserIsActive:
		return ctx, ErrInactive
	case who.ViaAPIKey() && !now.KeyIsActive:
		return ctx, ErrAPIKeyRevoked
	case !who.ViaAPIKey() && now.SessionGeneration != who.Session.Generation:
		return ctx, ErrSessionEnded
	}
	who.IsSuperuser = now.UserIsSuperuser && !who.ViaAPIKey()
	return auth.WithIdentity(ctx, who), nil
}

// Me reads the caller's own account, which takes an API key with the scope read.
// Through a key the account is shown as the key may act: it is no superuser's, and
// its times are now, since a key has signed nobody in.
func (s *Service) Me(ctx context.Context) (User, error) {
	who, err := auth.RequireScope(ctx, auth.ScopeRead)
	if err != nil {
		return User{}, err
	}
	u, err := s.repository.Get(ctx, who.UserID)
	if who.ViaAPIKey() {
		now := time.Now()
		u.IsSuperuser, u.CreatedAt, u.LastLogin = false, now, &now
	}
	return u, err
}

// record writes what happened to a user into the audit log, in the unit of work
// of the context. Where the request speaks for nobody yet, by is who did it.
func (s *Service) record(ctx context.Context, action string, object, by User, details map[string]any) error {
	return s.audit.Record(ctx, audit.Entry{
		Action: action, ObjectType: "user", ObjectID: userID(object), Details: details, UserID: by.ID, Actor: by.Username,
	})
}
