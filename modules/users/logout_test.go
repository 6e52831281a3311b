package users_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/testworld"
)

func TestLogout_EndsTheSessionAndNoOther(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	logout := func(access, refreshToken string) {
		t.Helper()
		who, err := w.Users.Authenticate(t.Context(), access)
		require.NoError(t, err)
		require.NoError(t, w.Users.Logout(auth.WithIdentity(t.Context(), who), refreshToken))
	}
	phone, laptop, others := signIn(t, w, "alice"), signIn(t, w, "alice"), signIn(t, w, "bob")

	t.Run("without a refresh token, that of the access token", func(t *testing.T) {
		logout(phone.Access, "")
		requireRefused(t, w, phone.Refresh, browser)
		laptop = refresh(t, w, laptop.Refresh, browser)
		require.EqualValues(t, 1, entries(w, "user.logout"))
		logout(phone.Access, phone.Refresh) // again
		require.EqualValues(t, 1, entries(w, "user.logout"), "what has ended does not end again")
	})
	t.Run("with one, that one's too", func(t *testing.T) {
		phone, tablet := signIn(t, w, "alice"), signIn(t, w, "alice")
		logout(phone.Access, tablet.Refresh)
		requireRefused(t, w, phone.Refresh, browser)
		requireRefused(t, w, tablet.Refresh, browser)
		laptop = refresh(t, w, laptop.Refresh, browser)
	})
	t.Run("a used one ends its family", func(t *testing.T) {
		used := laptop.Refresh
		laptop = refresh(t, w, used, browser)
		require.NoError(t, w.Users.Logout(w.As(alice), used)) // an access token of no session
		requireRefused(t, w, laptop.Refresh, browser)
		requireRefused(t, w, used, browser)
	})
	t.Run("somebody else's is not touched", func(t *testing.T) {
		require.NoError(t, w.Users.Logout(w.As(alice), others.Refresh))
		others = refresh(t, w, others.Refresh, browser)
	})
	t.Run("nonsense is no error", func(t *testing.T) {
		before := w.Snapshot()
		for _, token := range []string{"", "nonsense", others.Access, "\x00"} {
			require.NoError(t, w.Users.Logout(w.As(alice), token))
		}
		require.Empty(t, before.Changed(w.Snapshot()))
	})
	t.Run("a key has no session", func(t *testing.T) {
		key := auth.WithIdentity(t.Context(), auth.Identity{UserID: bob.ID, Username: "bob", APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeAdmin}})
		require.Equal(t, apperr.Forbidden, apperr.KindOf(w.Users.Logout(key, others.Refresh)))
	})
}

func TestLogout_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	for name, body := range map[string]any{
		"no body": nil, "null": "null", "an empty object": map[string]any{}, "a token that is null": map[string]any{"refresh_token": nil},
		"what is not known": map[string]any{"all": true},
	} {
		pair := signIn(t, w, "alice")
		w.In(t).Request(testworld.Scenario{Name: name, Token: "Bearer " + pair.Access, Method: http.MethodPost, URL: "/api/auth/logout", Body: body,
			Status: http.StatusOK, Has: []string{`{"message":"Logged out successfully"}`}})
		requireRefused(t, w, pair.Refresh, browser)
	}
	pair, second := signIn(t, w, "alice"), signIn(t, w, "alice")
	w.HTTP(t,
		testworld.Scenario{Name: "nobody", Method: http.MethodPost, URL: "/api/auth/logout", Body: map[string]any{"refresh_token": pair.Refresh}, Status: http.StatusUnauthorized, Pure: true},
		testworld.Scenario{Name: "a refresh token opens nothing", Token: "Bearer " + pair.Refresh, Method: http.MethodPost, URL: "/api/auth/logout", Status: http.StatusUnauthorized, Pure: true},
		testworld.Scenario{Name: "in the query", Token: "Bearer " + pair.Access, Method: http.MethodPost, URL: "/api/auth/logout?refresh_token=" + second.Refresh, Status: http.StatusOK},
	)
	requireRefused(t, w, second.Refresh, browser)
}

func TestLogout_StoresAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice := w.User("alice")
	pair, err := w.Users.Login(t.Context(), "alice", testworld.Password, users.ClientInfo{})
	require.NoError(t, err)
	require.Equal(t, []string{"public.audit_log", "public.refresh_tokens"},
		w.FailEach(func() error { return w.Users.Logout(w.As(alice), pair.Refresh) }))
}
