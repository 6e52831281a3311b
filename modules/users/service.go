package users

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

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
}

// NewService makes the service. Uses of API keys are noted in keyUses, which
// somebody else starts and stops.
func NewService(db *database.DB, repository *Repository, hasher *auth.Hasher, tokens *auth.Tokens, log *audit.Log, keyUses *KeyUses, config Config) *Service {
	return &Service{db: db, repository: repository, hasher: hasher, tokens: tokens, audit: log, keyUses: keyUses, config: config}
}

// Register makes an account. The first of all becomes superuser. It returns the
// errors of [RegisterInput.Validate], [ErrUsernameTaken], [ErrEmailTaken] and
// [ErrRegistrationClosed].
func (s *Service) Register(ctx context.Context, in RegisterInput) (User, error) {
	return s.register(ctx, in, s.config.AllowRegistration)
}

// RegisterFirst makes the first account, for the operator who starts an empty
// server; [ErrRegistrationClosed] when there is one.
func (s *Service) RegisterFirst(ctx context.Context, in RegisterInput) (User, error) {
	return s.register(ctx, in, false)
}

// IsEmpty reports whether there is no account yet.
func (s *Service) IsEmpty(ctx context.Context) (bool, error) {
	exists, err := s.repository.Exists(ctx)
	return !exists, err
}

// register makes an account; open lets it be another than the first.
func (s *Service) register(ctx context.Context, in RegisterInput, open bool) (User, error) {
	if err := in.Validate(); err != nil {
		return User{}, err
	}
	// Slow on purpose, and so outside of the transaction.
	hash, err := s.hasher.Hash(ctx, in.Password)
	if err != nil {
		return User{}, fmt.Errorf("hashing a password: %w", err)
	}
	var u User
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		first, err := s.repository.LockFirst(ctx)
		if err != nil {
			return err
		}
		if !first && !open {
			return ErrRegistrationClosed
		}
		u = User{
			Username: in.Username, Email: in.Email, FullName: cleanFullName(in.FullName),
			HashedPassword: hash, IsActive: true, IsSuperuser: first,
		}
		return s.repository.Create(ctx, &u)
	})
	return u, err
}

// TokenPair is what a login gives out.
type TokenPair struct {
	Access  string
	Refresh string
}

// ClientInfo is where a login comes from.
type ClientInfo struct {
	Address   string
	UserAgent string
}

// Login checks a name, or an e-mail address, and the password, and begins a
// session. [ErrWrongPassword] takes as long for a user who does not exist as for
// one who does. An account that was deactivated may log in and then do nothing. Who
// guesses is refused by the [LoginGuard].
func (s *Service) Login(ctx context.Context, login, password string, client ClientInfo) (TokenPair, error) {
	var pair TokenPair
	err := s.guarded(ctx, login, client.Address, func() (err error) {
		pair, err = s.login(ctx, login, password, client)
		return err
	})
	return pair, err
}

func (s *Service) login(ctx context.Context, login, password string, client ClientInfo) (TokenPair, error) {
	u, err := s.repository.GetByLogin(ctx, login)
	if apperr.KindOf(err) == apperr.NotFound {
		if err := s.hasher.VerifyUnknown(ctx, password); err != nil {
			return TokenPair{}, err
		}
		return TokenPair{}, ErrWrongPassword
	}
	if err != nil {
		return TokenPair{}, err
	}
	ok, stale, err := s.hasher.Verify(ctx, u.HashedPassword, password)
	if err != nil {
		return TokenPair{}, fmt.Errorf("checking a password: %w", err)
	}
	if !ok {
		return TokenPair{}, ErrWrongPassword
	}
	changes := map[string]any{}
	if stale {
		hash, err := s.hasher.Hash(ctx, password)
		if err != nil {
			return TokenPair{}, fmt.Errorf("hashing a password: %w", err)
		}
		changes["hashed_password"] = hash
	}
	return s.beginSession(ctx, u, client, changes)
}

// beginSession issues the tokens of a login and stores what is needed of them.
func (s *Service) beginSession(ctx context.Context, u User, client ClientInfo, changes map[string]any) (TokenPair, error) {
	access, err := s.tokens.IssueAccess(u.Username, u.ID)
	if err != nil {
		return TokenPair{}, fmt.Errorf("issuing an access token: %w", err)
	}
	refresh, id, expires, err := s.tokens.IssueRefresh(u.Username)
	if err != nil {
		return TokenPair{}, fmt.Errorf("issuing a refresh token: %w", err)
	}
	jti, err := uuid.Parse(id)
	if err != nil {
		return TokenPair{}, fmt.Errorf("issuing a refresh token: %w", err)
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if len(changes) > 0 {
			if _, err := s.repository.Update(ctx, u.ID, changes); err != nil {
				return err
			}
		}
		if err := s.repository.NoteLogin(ctx, u.ID); err != nil {
			return err
		}
		return s.repository.CreateRefreshToken(ctx, &RefreshToken{
			ID: jti, UserID: u.ID, TokenHash: auth.HashToken(refresh), Family: uuid.New(),
			ClientAddress: orNil(client.Address), UserAgent: orNil(client.UserAgent), ExpiresAt: expires,
		})
	})
	return TokenPair{Access: access, Refresh: refresh}, err
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Authenticate gives the identity that an access token or an API key speaks for.
// One that is not valid, or whose user is gone, is unauthenticated; an account
// that was deactivated is [ErrInactive].
func (s *Service) Authenticate(ctx context.Context, token string) (auth.Identity, error) {
	if !auth.IsJWT(token) {
		return s.authenticateKey(ctx, token)
	}
	claims, err := s.tokens.ParseAccess(token)
	if err != nil {
		return auth.Identity{}, err
	}
	u, err := s.repository.Get(ctx, claims.UserID)
	switch {
	case apperr.KindOf(err) == apperr.NotFound:
		return auth.Identity{}, errUnknownToken
	case err != nil:
		return auth.Identity{}, err
	case !u.IsActive:
		return auth.Identity{}, ErrInactive
	}
	return auth.Identity{UserID: u.ID, Username: u.Username, IsSuperuser: u.IsSuperuser}, nil
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
