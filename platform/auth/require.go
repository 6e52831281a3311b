package auth

import (
	"context"

	"semantik/platform/apperr"
)

// The errors of the functions below.
var (
	// ErrScopeMissing is for an API key that was not made for this.
	ErrScopeMissing = apperr.New(apperr.Forbidden, "api_key_scope",
		"The API key may not do this. Use one that has the scope.")
	// ErrPersonRequired is for what no API key may do, whatever its scopes: a key
	// that leaks must not be able to make itself others.
	ErrPersonRequired = apperr.New(apperr.Forbidden, "person_required",
		"An API key may not do this. Sign in with your password.")
	// ErrSuperuserRequired is for what only a superuser may do, in person.
	ErrSuperuserRequired = apperr.New(apperr.Forbidden, "superuser_required",
		"Only a superuser may do this. Ask the administrator of this server.")
)

// RequireScope gives the identity if it may do what the scope stands for.
// [ErrUnauthenticated] without an identity, [ErrScopeMissing] for an API key that
// does not have the scope; a person has every scope.
//
// It is for what is the caller's own. What is allowed on a collection, the module
// of collections says, scopes included.
func RequireScope(ctx context.Context, scope Scope) (Identity, error) {
	id, err := Require(ctx)
	if err != nil {
		return Identity{}, err
	}
	if !id.Allows(scope) {
		return Identity{}, ErrScopeMissing.WithMessagef("The API key does not have the scope %q. Use one that has it.", scope)
	}
	return id, nil
}

// RequireUnconfined is [RequireScope] for what reaches beyond any collection, such
// as making one: [ErrScopeMissing] also for an API key that is confined to some.
func RequireUnconfined(ctx context.Context, scope Scope) (Identity, error) {
	id, err := RequireScope(ctx, scope)
	if err != nil {
		return Identity{}, err
	}
	if id.ViaAPIKey() && id.Resources != nil {
		return Identity{}, ErrScopeMissing.WithMessagef("The API key is confined to some collections, and this reaches beyond them.")
	}
	return id, nil
}

// RequirePerson gives the identity of a user who acts in person, or
// [ErrPersonRequired].
func RequirePerson(ctx context.Context) (Identity, error) {
	id, err := Require(ctx)
	if err != nil {
		return Identity{}, err
	}
	if id.ViaAPIKey() {
		return Identity{}, ErrPersonRequired
	}
	return id, nil
}

// RequireSuperuser gives the identity of a superuser who acts in person, or
// [ErrSuperuserRequired].
func RequireSuperuser(ctx context.Context) (Identity, error) {
	id, err := Require(ctx)
	if err != nil {
		return Identity{}, err
	}
	if !id.IsSuperuser || id.ViaAPIKey() {
		return Identity{}, ErrSuperuserRequired
	}
	return id, nil
}

// Operator is whoever runs the program and owns its database, and needs no
// account: the commands that work on the database itself act as it. It is a
// superuser without a row, and no token speaks for it.
func Operator() Identity { return Identity{Username: "operator", IsSuperuser: true} }

// IsOperator reports whether this is the operator, who has no account.
func (id Identity) IsOperator() bool { return id.UserID == 0 && id.IsSuperuser }
