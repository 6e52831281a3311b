package users_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/testworld"
)

// entry is what the audit log has of one action.
type entry struct {
	userID              *int64
	actor, kind, object string
	details             map[string]any
}

func lastEntry(t *testing.T, w *testworld.World, action string) entry {
	t.Helper()
	var e entry
	var details []byte
	err := w.DB.Querier(t.Context()).QueryRow(t.Context(), `
select user_id, actor, object_type, coalesce(object_id, ''), details
from audit_log
where action = $1
order by id desc
limit 1`, action).Scan(&e.userID, &e.actor, &e.kind, &e.object, &details)
	require.NoError(t, err, action)
	require.NoError(t, json.Unmarshal(details, &e.details))
	return e
}

func TestAudit_TellsWhoDidWhatToWhichAccount(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	requireEntry := func(action string, by users.User, details string) {
		t.Helper()
		e := lastEntry(t, w, action)
		require.Equal(t, by.Username, e.actor, action)
		require.Equal(t, by.ID, *e.userID, action)
		require.Equal(t, "user", e.kind, action)
		require.Equal(t, userID(alice), e.object, action)
		if details != "" {
			have, err := json.Marshal(e.details)
			require.NoError(t, err)
			require.JSONEq(t, details, string(have), action)
		}
	}
	requireEntry("user.register", alice, `{"username": "alice", "is_superuser": false}`)
	pair := signIn(t, w, "alice")
	requireEntry("user.login", alice, "")
	require.Equal(t, testworld.Value[string](w, `select family::text from refresh_tokens where token_hash = $1`, auth.HashToken(pair.Refresh)),
		lastEntry(t, w, "user.login").details["session"])

	name, email := "Alice", "alice@example.org"
	_, err := w.Users.Update(w.As(alice), alice.ID, users.UpdateInput{FullName: &name, Email: &email})
	require.NoError(t, err)
	requireEntry("user.update", alice, `{"full_name": {"before": null, "after": "Alice"}, "email": {"before": "alice@example.com", "after": "alice@example.org"}}`)
	_, err = w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsSuperuser: yes()})
	require.NoError(t, err)
	requireEntry("user.update", w.Root, `{"is_superuser": {"before": false, "after": true}}`)
	require.NoError(t, w.Users.ChangePassword(w.As(alice), testworld.Password, otherPassword, browser))
	requireEntry("user.password_change", alice, `{"sessions_ended": 1}`)
	_, err = w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: no()})
	require.NoError(t, err)
	requireEntry("user.deactivate", w.Root, `{"sessions_ended": 0}`)
	_, err = w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: yes()})
	require.NoError(t, err)
	requireEntry("user.activate", w.Root, `{}`)
	second, err := w.Users.Login(t.Context(), "alice", otherPassword, browser)
	require.NoError(t, err)
	require.NoError(t, w.Users.Logout(w.As(alice), second.Refresh))
	requireEntry("user.logout", alice, "")
	require.NoError(t, w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{}))
	requireEntry("user.delete", w.Root, "")

	for _, secret := range []string{testworld.Password, otherPassword, pair.Access, pair.Refresh, second.Refresh, auth.HashToken(pair.Refresh), "hmac-sha256"} {
		require.Zero(t, w.Int(`select count(*) from audit_log a where a::text like '%' || $1 || '%'`, secret))
	}
}

func TestAudit_TellsWhereARequestCameFrom(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	login := testworld.Scenario{Method: http.MethodPost, URL: "/api/auth/login", Headers: map[string]string{"User-Agent": "a browser"}, Status: http.StatusOK,
		Body: map[string]any{"username": "alice", "password": testworld.Password}}
	w.Request(login)
	login.Status, login.Body = http.StatusUnauthorized, map[string]any{"username": "alice", "password": "wrong password"}
	w.Request(login)
	require.EqualValues(t, 2, w.Int(`
select count(*)
from audit_log
where action in ('user.login', 'user.login_failed')
  and ip_address = '127.0.0.1'
  and user_agent = 'a browser'`))
}

// Who guesses passwords must not be able to fill the log, nor to write into it
// what they like.
func TestAudit_AFloodOfWrongPasswordsIsNoFloodOfTheLog(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("DISABLE_RATE_LIMITING=true"))
	alice := w.User("alice")
	const attempts = 250
	for _, name := range []string{"alice", "ALICE@example.com"} {
		for range attempts / 2 {
			_, err := w.Users.Login(t.Context(), name, "wrong password", browser)
			require.ErrorIs(t, err, users.ErrWrongPassword)
		}
	}
	require.EqualValues(t, 2*5, entries(w, "user.login_failed"), "the first three, the tenth and the hundredth by each name")
	e := lastEntry(t, w, "user.login_failed")
	require.Equal(t, "anonymous", e.actor)
	require.Nil(t, e.userID)
	require.Equal(t, userID(alice), e.object)
	require.EqualValues(t, 100, e.details["failures"])

	t.Run("a name that nobody has is not told at all", func(t *testing.T) {
		before := w.Snapshot()
		for i := range 20 {
			_, err := w.Users.Login(t.Context(), fmt.Sprintf("my password is secret %d", i), "wrong password", browser)
			require.ErrorIs(t, err, users.ErrWrongPassword)
		}
		require.Empty(t, before.Changed(w.Snapshot()))
	})
	t.Run("and makes the same statements but for the end", func(t *testing.T) {
		statements := func(name string) int {
			return len(w.Trace.Record(func() {
				_, err := w.Users.Login(t.Context(), name, "wrong password", browser)
				require.ErrorIs(t, err, users.ErrWrongPassword)
			}))
		}
		w.User("bob")
		for range 5 {
			require.Equal(t, statements("bob"), statements("nobody"))
		}
	})
}

func TestAudit_WhatCannotBeToldDoesNotHappen(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.Exec(`alter table audit_log add constraint ck_audit_log_details_2 check (action not like 'user.%') not valid`)
	before := w.Snapshot()
	_, err := w.Users.Login(t.Context(), "alice", testworld.Password, browser)
	require.Error(t, err)
	require.Error(t, w.Users.ChangePassword(w.As(alice), testworld.Password, otherPassword, browser))
	require.Error(t, w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{}))
	_, err = w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: no()})
	require.Error(t, err)
	require.Empty(t, before.Changed(w.Snapshot()))
}
