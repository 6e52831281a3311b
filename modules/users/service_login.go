package users

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// TokenPair is what a login and a refresh give out.
type TokenPair struct {
	Access  string
	Refresh string
}

// ClientInfo is where a login or a refresh comes from.
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
	u, err := s.findLogin(ctx, login)
	if apperr.KindOf(err) == apperr.NotFound {
		if err := s.hasher.VerifyUnknown(ctx, password); err != nil {
			return TokenPair{}, err
		}
		return TokenPair{}, s.refuse(ctx, login, User{}, "user.login_failed", nil)
	}
	if err != nil {
		return TokenPair{}, err
	}
	ok, stale, err := s.hasher.Verify(ctx, u.HashedPassword, password)
	if errors.Is(err, auth.ErrHashBroken) {
		return TokenPair{}, s.refuse(ctx, login, u, "user.login_failed", map[string]any{"reason": "what is stored of the password cannot be read; set a new one"})
	}
	if err != nil {
		return TokenPair{}, fmt.Errorf("checking a password: %w", err)
	}
	if !ok {
		return TokenPair{}, s.refuse(ctx, login, u, "user.login_failed", nil)
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

// findLogin reads the user of a login. What is longer than any name and any
// address is nobody's, and need not be looked for.
func (s *Service) findLogin(ctx context.Context, login string) (User, error) {
	if len(login) > maxLoginBytes {
		return User{}, ErrNotFound
	}
	return s.repository.GetByLogin(ctx, norm.NFC.String(login))
}

// beginSession issues the tokens of a login and stores what is needed of them.
func (s *Service) beginSession(ctx context.Context, u User, client ClientInfo, changes map[string]any) (TokenPair, error) {
	refresh, row, err := s.newRefreshToken(u.Username, client)
	if err != nil {
		return TokenPair{}, err
	}
	row.UserID, row.Family = u.ID, uuid.New()
	access, err := s.tokens.IssueAccess(u.Username, u.ID, auth.Session{Family: row.Family, Generation: u.SessionGeneration})
	if err != nil {
		return TokenPair{}, fmt.Errorf("issuing an access token: %w", err)
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// The password was right a moment ago. Whoever has changed it since has ended
		// all sessions, and this one does not begin.
		if err := s.repository.NoteLogin(ctx, u.ID, u.SessionGeneration); err != nil {
			return err
		}
		if len(changes) > 0 {
			if _, err := s.repository.Update(ctx, u.ID, changes); err != nil {
				return err
			}
		}
		if err := s.repository.CreateRefreshToken(ctx, &row); err != nil {
			return err
		}
		if _, err := s.repository.PurgeRefreshTokens(ctx, purgedByTraffic); err != nil {
			return err
		}
		return s.record(ctx, "user.login", u, u, map[string]any{"session": row.Family})
	})
	return TokenPair{Access: access, Refresh: refresh}, err
}

// newRefreshToken makes a token and the row for it, without user and family.
func (s *Service) newRefreshToken(username string, client ClientInfo) (string, RefreshToken, error) {
	token, id, expires, err := s.tokens.IssueRefresh(username)
	if err != nil {
		return "", RefreshToken{}, fmt.Errorf("issuing a refresh token: %w", err)
	}
	jti, err := uuid.Parse(id)
	if err != nil {
		return "", RefreshToken{}, fmt.Errorf("issuing a refresh token: %w", err)
	}
	return token, RefreshToken{
		ID: jti, TokenHash: auth.HashToken(token), ExpiresAt: expires,
		ClientAddress: orNil(client.Address), UserAgent: orNil(client.UserAgent),
	}, nil
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// refuse answers a wrong password, and notes it in the audit log, each name's
// first failures, and then fewer and fewer. A name that nobody has is not noted:
// it may be anything, a password typed into the wrong field for one. But it makes
// the same work, so that the time of the answer does not tell which names exist.
func (s *Service) refuse(ctx context.Context, login string, u User, action string, details map[string]any) error {
	count, telling := s.failures.note(strings.ToLower(login))
	if !telling {
		return ErrWrongPassword
	}
	noted := map[string]any{"failures": count}
	maps.Copy(noted, details)
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		// Whether the entry survives a crash of the machine within the next moment
		// is not worth a wait for the disk, which an unknown name would not have.
		if err := s.repository.CommitWithoutWaiting(ctx); err != nil {
			return err
		}
		if err := s.record(ctx, action, u, nobody, noted); err != nil {
			return err
		}
		if u.ID == 0 {
			return ErrWrongPassword
		}
		return nil
	})
	if err != nil {
		return err
	}
	return ErrWrongPassword
}

// nobody is who types a wrong password.
var nobody = User{Username: "anonymous"}
