package auth_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

func TestIdentity_travelsInTheContext(t *testing.T) {
	t.Parallel()
	_, ok := auth.FromContext(t.Context())
	require.False(t, ok)
	_, err := auth.Require(t.Context())
	require.Equal(t, apperr.Unauthenticated, apperr.KindOf(err))
	require.Equal(t, "unauthenticated", apperr.CodeOf(err))

	want := auth.Identity{UserID: 7, Username: "alice", IsSuperuser: true}
	ctx := auth.WithIdentity(t.Context(), want)
	got, err := auth.Require(ctx)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestIdentity_scopesBindOnlyAnAPIKey(t *testing.T) {
	t.Parallel()
	a, b := uuid.New(), uuid.New()
	person := auth.Identity{UserID: 1}
	require.True(t, person.Allows(auth.ScopeAdmin))
	require.True(t, person.Reaches(a))

	key := auth.Identity{UserID: 1, APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeRead}, Resources: []uuid.UUID{a}}
	require.True(t, key.Allows(auth.ScopeRead))
	require.False(t, key.Allows(auth.ScopeWrite))
	require.True(t, key.Reaches(a))
	require.False(t, key.Reaches(b))

	key.Scopes, key.Resources = nil, nil
	require.False(t, key.Allows(auth.ScopeRead), "a key without scopes may do nothing")
	require.True(t, key.Reaches(b), "a key that is not confined reaches everything")
	key.Resources = []uuid.UUID{}
	require.False(t, key.Reaches(b), "a key confined to nothing reaches nothing")
}

func TestGenerateAPIKey(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0A1b2C3d-0000-4000-8000-000000000000")
	secret, prefix, hash := auth.GenerateAPIKey(id)
	require.Regexp(t, `^smtk_0a1b2c3d_[A-Za-z0-9_-]{43}$`, secret)
	require.Equal(t, "smtk_0a1b2c3d", prefix)
	require.Equal(t, auth.HashToken(secret), hash)
	require.Regexp(t, `^[0-9a-f]{64}$`, hash)
	require.False(t, auth.IsJWT(secret))
	found, ok := auth.HashAPIKey(secret)
	require.True(t, ok)
	require.Equal(t, hash, found)

	other, _, _ := auth.GenerateAPIKey(id)
	require.NotEqual(t, secret, other)
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", auth.HashToken("abc"))
}

func TestIsJWT(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]bool{"a.b.c": true, "..": true, "a.b": false, "a.b.c.d": false, "": false} {
		require.Equal(t, want, auth.IsJWT(token), token)
	}
}
