package collections

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// Directory finds whom a collection can be shared with; [users.Repository] does.
// Somebody who cannot sign in is not found.
type Directory interface {
	FindPerson(ctx context.Context, id int64, username string) (users.Grantee, error)
	FindKey(ctx context.Context, id uuid.UUID) (users.Grantee, error)
}

// Share gives a user or an API key a permission on the collection. It needs
// [Admin]. It returns the errors of [ShareInput.Validate], [ErrGranteeNotFound]
// for somebody who does not exist or cannot sign in, [ErrGranteeIsOwner], and
// [ErrPermissionExists], with the permission that is there, for somebody who has
// one.
//
// An API key acts as its owner; what is shared with the key itself, the key may do
// although its owner may not.
//
// Whoever administers a collection can find out by trying which names exist. That
// is what sharing by name means; it is as slow as the rate limit, each success is in
// the audit log and in the list of whom it was shared with, and who cannot sign in
// is not told apart from who does not exist.
func (s *Service) Share(ctx context.Context, id uuid.UUID, in ShareInput) (Grant, error) {
	var grant Grant
	err := s.administering(ctx, id, func(ctx context.Context, scope Scope) error {
		if err := in.Validate(); err != nil {
			return err
		}
		who, err := auth.Require(ctx)
		if err != nil {
			return err
		}
		grantee, err := s.grantee(ctx, in)
		if err != nil {
			return err
		}
		grant = newGrant(scope, grantee, in)
		if grant.UserID != nil && *grant.UserID == scope.OwnerID() {
			return ErrGranteeIsOwner.WithMessagef("%s owns the collection, and may do everything with it already.", grant.Username)
		}
		created, err := s.repository.CreateGrant(ctx, scope, &grant, who.UserID)
		if err != nil {
			return err
		}
		if !created {
			return s.existing(ctx, scope, grant)
		}
		if who.UserID != 0 {
			grant.GrantedBy, grant.GrantedByName = &who.UserID, &who.Username
		}
		return s.noteGrant(ctx, "collection.share", grant, map[string]any{"permission": grant.Permission.String()})
	})
	return grant, err
}

// Grants lists what the collection's permissions are, to whoever has [Admin].
func (s *Service) Grants(ctx context.Context, id uuid.UUID, page database.Page) ([]Grant, int64, error) {
	scope, err := s.Authorize(ctx, id, Admin)
	if err != nil {
		return nil, 0, err
	}
	return s.repository.ListGrants(ctx, scope, page)
}

// ChangeGrant changes what a permission allows. It needs [Admin]. It returns
// [ErrPermissionNotFound] for one that the collection does not have.
func (s *Service) ChangeGrant(ctx context.Context, id uuid.UUID, grantID int64, permission string) (Grant, error) {
	var grant Grant
	err := s.administering(ctx, id, func(ctx context.Context, scope Scope) error {
		if field := checkPermission(permission); field != nil {
			return apperr.InvalidFields([]apperr.Field{*field})
		}
		to, _ := ParsePermission(permission)
		var err error
		if grant, err = s.repository.GetGrant(ctx, scope, grantID); err != nil || grant.Permission == to {
			return err
		}
		from := grant.Permission
		if err := s.repository.UpdateGrant(ctx, scope, grantID, to); err != nil {
			return err
		}
		grant.Permission = to
		return s.noteGrant(ctx, "collection.permission_change", grant, map[string]any{"from": from.String(), "to": to.String()})
	})
	return grant, err
}

// Unshare takes a permission back; the next request of whoever had it is refused.
// It needs [Admin]. It returns [ErrPermissionNotFound] for one that the collection
// does not have.
func (s *Service) Unshare(ctx context.Context, id uuid.UUID, grantID int64) error {
	return s.administering(ctx, id, func(ctx context.Context, scope Scope) error {
		grant, err := s.repository.GetGrant(ctx, scope, grantID)
		if err != nil {
			return err
		}
		if err := s.repository.DeleteGrant(ctx, scope, grantID); err != nil {
			return err
		}
		return s.noteGrant(ctx, "collection.unshare", grant, map[string]any{"permission": grant.Permission.String()})
	})
}

// administering runs fn as one unit of work of somebody who has [Admin] on the
// collection. Its row is locked: what is done comes before its deletion or finds
// it gone, and two changes of one permission come one after the other.
func (s *Service) administering(ctx context.Context, id uuid.UUID, fn func(ctx context.Context, scope Scope) error) error {
	return s.holding(ctx, id, Admin, fn)
}

// holding is administering for somebody who needs less than [Admin].
func (s *Service) holding(ctx context.Context, id uuid.UUID, need Permission, fn func(ctx context.Context, scope Scope) error) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		scope, err := s.Authorize(ctx, id, need)
		if err != nil {
			return err
		}
		if _, err := s.repository.Lock(ctx, scope); err != nil {
			return err
		}
		// Once more, now that nobody else changes it: while this waited for the lock
		// the right may have been taken away, or the collection given to another.
		if scope, err = s.Authorize(ctx, id, need); err != nil {
			return err
		}
		return fn(ctx, scope)
	})
}

// grantee finds whom the input names. Whether somebody exists who cannot sign in,
// nobody learns here.
func (s *Service) grantee(ctx context.Context, in ShareInput) (users.Grantee, error) {
	var found users.Grantee
	var err error
	switch {
	case in.APIKeyID != nil:
		found, err = s.directory.FindKey(ctx, *in.APIKeyID)
	case in.UserID != nil:
		found, err = s.directory.FindPerson(ctx, *in.UserID, "")
	default:
		found, err = s.directory.FindPerson(ctx, 0, strings.TrimSpace(*in.Username))
	}
	switch {
	case apperr.KindOf(err) != apperr.NotFound:
		return found, err
	case in.APIKeyID != nil:
		return found, ErrGranteeNotFound.WithMessagef("There is no API key with this id that is in force.")
	default:
		return found, ErrGranteeNotFound.WithMessagef("There is no such user, or not one who can sign in.")
	}
}

func newGrant(scope Scope, to users.Grantee, in ShareInput) Grant {
	g := Grant{CollectionID: scope.ID(), Username: to.Username}
	g.Permission, _ = ParsePermission(in.Permission)
	if to.APIKeyID == nil {
		g.UserID = &to.UserID
	} else {
		g.APIKeyID, g.APIKeyName, g.APIKeyPrefix = to.APIKeyID, &to.APIKeyName, &to.APIKeyPrefix
	}
	return g
}

// existing is the refusal that tells which permission is there.
func (s *Service) existing(ctx context.Context, scope Scope, wanted Grant) error {
	there, err := s.repository.GrantOf(ctx, scope, wanted.UserID, wanted.APIKeyID)
	if err != nil {
		return fmt.Errorf("reading the permission that is there: %w", err)
	}
	return ErrPermissionExists.
		WithMessagef("The collection is shared with them already, with the permission %s. Change that one instead.", there.Permission).
		WithDetail("permission_id", there.ID).WithDetail("permission", there.Permission.String())
}

// noteGrant writes the entry about a permission; details are completed by whose
// it is.
func (s *Service) noteGrant(ctx context.Context, action string, g Grant, details map[string]any) error {
	details["permission_id"], details["username"] = g.ID, g.Username
	if g.APIKeyID != nil {
		details["api_key_id"], details["api_key_name"] = g.APIKeyID.String(), g.APIKeyName
	} else {
		details["user_id"] = g.UserID
	}
	return s.audit.Record(ctx, audit.Entry{Action: action, ObjectType: objectType, ObjectID: g.CollectionID.String(), Details: details})
}
