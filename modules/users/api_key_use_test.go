package users_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/testworld"
)

func TestAuthenticate_AKeyIsItsOwnerWithinItsBoundsAndNeverASuperuser(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	a, b := uuid.New(), uuid.New()
	id, secret := w.NewKey(w.Root, []uuid.UUID{a, b}, auth.ScopeRead, auth.ScopeAdmin)
	who, err := w.Users.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, auth.Identity{
		UserID: w.Root.ID, Username: "root", APIKeyID: id,
		Scopes: []auth.Scope{auth.ScopeRead, auth.ScopeAdmin}, Resources: []uuid.UUID{a, b},
	}, who)
	who, err = w.Users.Authenticate(t.Context(), w.Key(w.Root, nil, auth.ScopeRead))
	require.NoError(t, err)
	require.Nil(t, who.Resources, "without a bound it is for all")
	require.False(t, who.IsSuperuser)

	me := w.Request(testworld.Scenario{Token: "Bearer " + secret, Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusOK,
		Has: []string{`"username":"root"`, `"is_superuser":false`, fmt.Sprintf(`"id":%d`, w.Root.ID)}}).JSON(t)
	for _, member := range []string{"created_at", "last_login"} {
		at, err := time.Parse(time.RFC3339, text(t, me, member))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), at, time.Minute)
	}
	w.Request(testworld.Scenario{Token: "Bearer " + w.Key(w.Root, nil, auth.ScopeWrite, auth.ScopeAdmin), Method: http.MethodGet, URL: "/api/auth/me",
		Status: http.StatusForbidden, Has: []string{"api_key_scope"}})
}

func TestAuthenticate_AKeyCostsOneStatementAndAMalformedOneNone(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	secret := w.Key(w.Root, nil, auth.ScopeRead)
	token := w.Token(w.Root)
	statements := func(token string) int {
		return len(w.Trace.Record(func() { _, _ = w.Users.Authenticate(t.Context(), token) }))
	}
	require.Equal(t, 1, statements(secret))
	require.Equal(t, 1, statements(secret), "again, when its use is noted already")
	require.Equal(t, 1, statements(token))
	require.Equal(t, 1, statements(secret[:len(secret)-1]+other(secret)), "one that nobody has")
	for name, malformed := range malformedKeys(secret) {
		require.Zero(t, statements(malformed), name)
		_, err := w.Users.Authenticate(t.Context(), malformed)
		require.Equal(t, apperr.Unauthenticated, apperr.KindOf(err), name)
	}
}

// other is a character that the secret does not end with.
func other(secret string) string {
	if strings.HasSuffix(secret, "A") {
		return "B"
	}
	return "A"
}

// malformedKeys are made of a good one.
func malformedKeys(secret string) map[string]string {
	return map[string]string{
		"nothing": "", "short": secret[:19], "one less": secret[:len(secret)-1], "one more": secret + "A",
		"in capitals": strings.ToUpper(secret), "another prefix": "sk" + secret[2:], "its prefix alone": secret[:13],
		"no prefix": secret[14:], "padded": secret + "=", "a character of another alphabet": secret[:len(secret)-1] + "+",
		"NUL": secret + "\x00", "a letter that is no digit": "smtk_0000000g" + secret[13:], "long": strings.Repeat(secret, 100),
		"no letters": strings.Repeat("\xff", 57), "a full-width letter": "ｓmtk" + secret[4:],
	}
}

func TestAuthenticate_AKeyThatIsNotInForceOpensNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	ask := func(t *testing.T, secret string, status int, code string) {
		t.Helper()
		answer := w.In(t).Request(testworld.Scenario{Token: "Bearer " + secret, Method: http.MethodGet, URL: "/api/auth/me", Status: status, Has: []string{code}})
		if status == http.StatusUnauthorized {
			require.Equal(t, "Bearer", answer.Header.Get("WWW-Authenticate"))
		}
	}
	t.Run("revoked, with the next request", func(t *testing.T) {
		id, secret := w.NewKey(alice, nil, auth.ScopeRead)
		ask(t, secret, http.StatusOK, "alice")
		_, err := w.Users.SetAPIKeyActive(w.As(alice), id, false)
		require.NoError(t, err)
		ask(t, secret, http.StatusUnauthorized, "api_key_revoked")
		_, err = w.Users.SetAPIKeyActive(w.As(alice), id, true)
		require.NoError(t, err)
		ask(t, secret, http.StatusOK, "alice")
	})
	t.Run("expired", func(t *testing.T) {
		id, secret := w.NewKey(alice, nil, auth.ScopeRead)
		w.Exec(`update api_keys set expires_at = now() + interval '1 hour' where id = $1`, id)
		ask(t, secret, http.StatusOK, "alice")
		w.Exec(`update api_keys set expires_at = now() where id = $1`, id)
		ask(t, secret, http.StatusUnauthorized, "api_key_expired")
	})
	t.Run("another's secret with this prefix", func(t *testing.T) {
		id, secret := w.NewKey(alice, nil, auth.ScopeRead)
		forged, _, _ := auth.GenerateAPIKey(id)
		require.Equal(t, secret[:13], forged[:13])
		ask(t, forged, http.StatusUnauthorized, "token_invalid")
		ask(t, auth.HashToken(secret), http.StatusUnauthorized, "token_invalid")
	})
	t.Run("of an account that was deactivated, and of one that is gone", func(t *testing.T) {
		bob := w.User("bob")
		secret := w.Key(bob, nil, auth.ScopeRead)
		w.Exec(`update users set is_active = false where id = $1`, bob.ID)
		ask(t, secret, http.StatusForbidden, "Inactive user")
		w.Exec(`delete from users where id = $1`, bob.ID)
		ask(t, secret, http.StatusUnauthorized, "token_invalid")
	})
}

func TestAuthenticate_PermissionsThatCannotBeReadAllowNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	id, secret := w.NewKey(w.Root, nil, auth.ScopeRead, auth.ScopeWrite, auth.ScopeAdmin)
	for _, stored := range []string{
		`{"scopes": "read"}`, `{"scopes": ["read", "root"]}`, `{"scopes": {"read": true}}`, `{"scopes": [1]}`, `{"scopes": ["Read"]}`,
		`{"scopes": ["read"], "collections": "all"}`, `{"scopes": ["read"], "collections": ["x"]}`, `{"scopes": ["read"], "collections": {}}`,
		`{"scopes": ["read"], "collections": false}`, `{"scopes": ["read"], "collection": ["0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a"]}`, `{"scopes": ["read", null]}`,
		`{}`, `{"scopes": null}`, `{"scopes": [], "collections": null}`,
	} {
		w.Exec(`update api_keys set permissions = $2 where id = $1`, id, stored)
		who, err := w.Users.Authenticate(t.Context(), secret)
		require.NoError(t, err, stored)
		require.Empty(t, who.Scopes, stored)
		for _, scope := range auth.Scopes() {
			_, err := auth.RequireScope(auth.WithIdentity(t.Context(), who), scope)
			require.ErrorIs(t, err, auth.ErrScopeMissing, stored)
		}
		w.Request(testworld.Scenario{Token: "Bearer " + secret, Method: http.MethodGet, URL: "/api/v2/collections", Status: http.StatusForbidden, Pure: true})
	}
	require.Contains(t, w.Log(), "permissions cannot be read")
	keys := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: apiKeysPath, Status: http.StatusOK, Has: []string{`"scopes":[]`}})
	require.NotContains(t, keys.Body, `"read"`)
}

// lastUsed is when the key was last used, as far as it was written down.
func lastUsed(w *testworld.World, id uuid.UUID) *time.Time {
	return testworld.Value[*time.Time](w, `select last_used_at from api_keys where id = $1`, id)
}

func TestKeyUses_AreWrittenTogetherAndAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ids, secrets := make([]uuid.UUID, 3), make([]string, 3)
	for i := range ids {
		ids[i], secrets[i] = w.NewKey(w.Root, nil, auth.ScopeRead)
	}
	use := func() {
		t.Helper()
		for _, secret := range secrets {
			for range 3 {
				_, err := w.Users.Authenticate(t.Context(), secret)
				require.NoError(t, err)
			}
		}
	}
	flushed := func() []testworld.Statement {
		return w.Trace.Record(func() { require.NoError(t, w.KeyUses.Flush(t.Context())) })
	}
	use()
	require.Len(t, flushed(), 1, "one statement for all")
	first := lastUsed(w, ids[0])
	require.NotNil(t, first)
	require.WithinDuration(t, time.Now(), *first, time.Minute)
	use()
	require.Empty(t, flushed(), "within the minute nothing is written")

	w.Exec(`update api_keys set last_used_at = now() - interval '61 seconds' where id = $1`, ids[1])
	use()
	require.Len(t, flushed(), 1)
	require.Equal(t, first, lastUsed(w, ids[0]))
	require.WithinDuration(t, time.Now(), *lastUsed(w, ids[1]), 30*time.Second)

	t.Run("another process has written meanwhile", func(t *testing.T) {
		w.Exec(`update api_keys set last_used_at = null where id = $1`, ids[2])
		use()
		theirs := testworld.Value[time.Time](w, `update api_keys set last_used_at = now() - interval '10 seconds' where id = $1 returning last_used_at`, ids[2])
		require.Len(t, flushed(), 1)
		require.True(t, theirs.Equal(*lastUsed(w, ids[2])), "it was within the minute, and stays")
	})
	t.Run("a key that is gone meanwhile", func(t *testing.T) {
		w.Exec(`update api_keys set last_used_at = null`)
		use()
		w.Exec(`delete from api_keys where id = $1`, ids[0])
		require.NoError(t, w.KeyUses.Flush(t.Context()))
		require.NotNil(t, lastUsed(w, ids[1]))
	})
}

// Whoever holds the row of a key back holds no request back.
func TestKeyUses_KeepNoRequestWaiting(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	id, secret := w.NewKey(w.Root, nil, auth.ScopeRead)
	tx, err := w.DB.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), `select 1 from api_keys where id = $1 for update`, id)
	require.NoError(t, err)
	// The writer is at its statement, and waits for the row.
	_, err = w.Users.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	pause := w.Trace.PauseAt("set last_used_at")
	written := make(chan error, 1)
	go func() { written <- w.KeyUses.Flush(t.Context()) }()
	<-pause.Reached()
	pause.Resume()
	for range 10 {
		w.Request(testworld.Scenario{Token: "Bearer " + secret, Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusOK})
	}
	require.Nil(t, lastUsed(w, id))
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, <-written)
	require.NotNil(t, lastUsed(w, id))
}

func TestKeyUses_WhatCouldNotBeWrittenIsWrittenTheNextTime(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	id, secret := w.NewKey(w.Root, nil, auth.ScopeRead)
	_, err := w.Users.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	w.Exec(`alter table api_keys rename column last_used_at to hidden`)
	require.Error(t, w.KeyUses.Flush(t.Context()))
	require.Contains(t, w.Log(), "it will be tried again")
	w.Exec(`alter table api_keys rename column hidden to last_used_at`)
	require.NoError(t, w.KeyUses.Flush(t.Context()))
	require.NotNil(t, lastUsed(w, id))
}

func TestKeyUses_TheEndWritesWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	id, secret := w.NewKey(w.Root, nil, auth.ScopeRead)
	_, err := w.Users.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Nil(t, lastUsed(w, id))
	w.KeyUses.Stop(t.Context())
	require.NotNil(t, lastUsed(w, id))
	w.KeyUses.Stop(t.Context()) // twice does no harm
	_, err = w.Users.Authenticate(t.Context(), secret)
	require.NoError(t, err, "a late request is served")
}

func TestKeyUses_NeverStartedItHoldsALimitedNumber(t *testing.T) {
	t.Parallel()
	uses := users.NewKeyUses(nil, nil)
	for range users.MaxKeyUses + 5 {
		uses.Note(uuid.New(), time.Now())
	}
	require.Equal(t, users.MaxKeyUses, uses.Waiting())
	uses.Stop(t.Context())
}
