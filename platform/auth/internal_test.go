package auth_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
)

func TestRequireAdmin_LetsInSuperusersInPersonAndTheInternalKey(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	as := func(id auth.Identity) context.Context { return auth.WithIdentity(ctx, id) }
	user, super := auth.Identity{UserID: 1}, auth.Identity{UserID: 2, IsSuperuser: true}
	key := auth.Identity{UserID: 2, IsSuperuser: true, APIKeyID: uuid.New(), Scopes: auth.Scopes()}
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"nobody":                      {ctx, auth.ErrUnauthenticated},
		"a user":                      {as(user), auth.ErrAdminRequired},
		"a superuser":                 {as(super), nil},
		"the operator":                {as(auth.Operator()), nil},
		"a superuser's key":           {as(key), auth.ErrAdminRequired},
		"the internal key":            {auth.WithInternal(ctx), nil},
		"a user with it":              {auth.WithInternal(as(user)), nil},
		"an API key with it is a key": {auth.WithInternal(as(key)), auth.ErrAdminRequired},
	} {
		require.ErrorIs(t, auth.RequireAdmin(c.ctx), c.want, name)
	}
}
