package users

import (
	"context"
	"fmt"
	"maps"

	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/auth"
)

// Refresh exchanges a refresh token for a new one and an access token.
//
// A token is good once. It comes twice all the same: from a second tab of the same
// browser, from a client that lost the answer, or from a thief. So one that was
// exchanged, presented again
//
//   - within a minute by the client that exchanged it, is answered with the token
//     that has followed; when that was exchanged as well, with the one at the end,
//     so that no tab is left with one that is used up;
//   - later by that client, is refused;
//   - by another client, revokes all that has followed: whoever holds that now has
//     to sign in again, the thief included.
//
// [ErrRefreshTokenMissing] and [ErrRefreshTokenInvalid] are for the token,
// [ErrRefreshTokenOrphan] for a user who is gone and [ErrInactive] for one who was
// deactivated.
func (s *Service) Refresh(ctx context.Context, token string, client ClientInfo) (TokenPair, error) {
	if token == "" {
		return TokenPair{}, ErrRefreshTokenMissing
	}
	claims, err := s.tokens.ParseRefresh(token)
	if err != nil {
		return TokenPair{}, ErrRefreshTokenInvalid.WithCause(err)
	}
	next, row, err := s.newRefreshToken(claims.Username, client)
	if err != nil {
		return TokenPair{}, err
	}
	x := exchange{Service: s, hash: auth.HashToken(token), claims: claims, next: next, row: row}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		x.refused = nil
		return x.run(ctx)
	})
	if err != nil {
		return TokenPair{}, err
	}
	// A refusal commits what was done about it.
	return x.pair, x.refused
}

// exchange is one refresh.
type exchange struct {
	*Service

	hash   string
	claims auth.RefreshClaims
	// next is the token to give out if the one presented is good, with its row, in
	// which the client is the one that asks now.
	next string
	row  RefreshToken

	user    User
	pair    TokenPair
	refused error
}

// run holds the user's lock, as whoever changes a session does, so that of two
// that come at once the second sees what the first has done.
func (x *exchange) run(ctx context.Context) error {
	var err error
	x.user, err = x.repository.LockByRefreshToken(ctx, x.hash)
	if apperr.KindOf(err) == apperr.NotFound {
		return x.unknown(ctx)
	}
	if err != nil {
		return err
	}
	if !x.user.IsActive {
		return ErrInactive
	}
	presented, err := x.repository.PresentRefreshToken(ctx, x.hash)
	if err != nil {
		return err
	}
	if presented.RevokedAt == nil {
		return x.rotate(ctx, presented.RefreshToken)
	}
	return x.reused(ctx, presented)
}

// unknown is for a token that is ours and not in the table: its user is gone, or
// it has been purged.
func (x *exchange) unknown(ctx context.Context) error {
	_, err := x.repository.GetByUsername(ctx, x.claims.Username)
	switch {
	case apperr.KindOf(err) == apperr.NotFound:
		return ErrRefreshTokenOrphan
	case err != nil:
		return err
	default:
		return ErrRefreshTokenInvalid
	}
}

func (x *exchange) rotate(ctx context.Context, old RefreshToken) error {
	if err := x.repository.RotateRefreshToken(ctx, old.ID, x.row); err != nil {
		return err
	}
	if _, err := x.repository.PurgeRefreshTokens(ctx, purgedByTraffic); err != nil {
		return err
	}
	return x.give(x.next, old)
}

// give answers with the refresh token and a fresh access token of the family.
func (x *exchange) give(refresh string, of RefreshToken) error {
	access, err := x.tokens.IssueAccess(x.user.Username, x.user.ID,
		auth.Session{Family: of.Family, Generation: x.user.SessionGeneration})
	if err != nil {
		return fmt.Errorf("issuing an access token: %w", err)
	}
	x.pair = TokenPair{Access: access, Refresh: refresh}
	return nil
}

// reused is for a token that is good no longer.
func (x *exchange) reused(ctx context.Context, presented PresentedToken) error {
	if presented.ReplacedBy == nil { // signed out, or revoked with its family
		return x.refuseReuse(ctx, presented)
	}
	successor, err := x.repository.GetRefreshToken(ctx, *presented.ReplacedBy)
	if err != nil {
		return err // a foreign key holds it
	}
	if !x.isClientOf(successor) {
		return x.revokeFamily(ctx, presented, successor)
	}
	if !presented.Recent {
		return x.refuseReuse(ctx, presented)
	}
	last, err := x.repository.GoodRefreshToken(ctx, presented.Family)
	switch {
	case apperr.KindOf(err) == apperr.Unauthenticated: // none is good any more
		return x.refuseReuse(ctx, presented)
	case err != nil:
		return err
	case !x.isClientOf(last):
		// Somebody else has gone on from the successor. This client gets what
		// followed its own token, and what becomes of that shows when it is presented.
		last = successor
	}
	again, ok := x.tokens.RemakeRefresh(x.user.Username, last.ID.String(), last.ExpiresAt, last.TokenHash)
	switch {
	case ok:
		return x.give(again, last)
	case last.RevokedAt == nil:
		// It cannot be made again, since the key that signed it or the life of tokens
		// was changed within the minute. It is as good as presented.
		return x.rotate(ctx, last)
	default:
		return x.refuseReuse(ctx, presented)
	}
}

// isClientOf reports whether the token was given to the client that asks now.
func (x *exchange) isClientOf(t RefreshToken) bool {
	return equal(t.ClientAddress, x.row.ClientAddress) && equal(t.UserAgent, x.row.UserAgent)
}

func equal(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// refuseReuse refuses the token and notes it, once a minute at the most.
func (x *exchange) refuseReuse(ctx context.Context, presented PresentedToken) error {
	x.refused = ErrRefreshTokenInvalid
	telling, err := x.repository.NoteReuse(ctx, presented.ID)
	if err != nil || !telling {
		return err
	}
	return x.recordSession(ctx, "session.reuse_detected", presented, nil)
}

// revokeFamily is for a token in the hands of another client than the one that
// exchanged it.
func (x *exchange) revokeFamily(ctx context.Context, presented PresentedToken, successor RefreshToken) error {
	x.refused = ErrRefreshTokenInvalid
	ended, err := x.repository.RevokeFamilies(ctx, x.user.ID, presented.Family)
	if err != nil {
		return err
	}
	if ended == 0 {
		return x.refuseReuse(ctx, presented)
	}
	return x.recordSession(ctx, "session.family_revoked", presented, map[string]any{
		"exchanged_from": successor.ClientAddress, "exchanged_by": successor.UserAgent,
	})
}

// recordSession writes about a token's family into the audit log. The token
// speaks for its user, whoever holds it.
func (x *exchange) recordSession(ctx context.Context, action string, presented PresentedToken, details map[string]any) error {
	entry := audit.Entry{
		Action: action, ObjectType: "session", ObjectID: presented.Family.String(), UserID: x.user.ID, Actor: x.user.Username,
		Details: map[string]any{"token": presented.ID, "revoked_at": presented.RevokedAt},
	}
	maps.Copy(entry.Details, details)
	return x.audit.Record(ctx, entry)
}
