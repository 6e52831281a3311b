package users_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/testworld"
)

const otherPassword = "staple horse correct"

func TestPassword_AChangeEndsEverySessionAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), signIn(t, w, "root")
	here, there := signIn(t, w, "alice"), signIn(t, w, "alice")
	w.Request(testworld.Scenario{Token: "Bearer " + here.Access, Method: http.MethodPost, URL: "/api/auth/password", Status: http.StatusNoContent,
		Body: map[string]any{"current_password": testworld.Password, "new_password": otherPassword}})
	for _, pair := range []users.TokenPair{here, there} {
		w.Request(testworld.Scenario{Token: "Bearer " + pair.Access, Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusUnauthorized, Has: []string{"session_ended"}})
		requireRefused(t, w, pair.Refresh, browser)
	}
	refresh(t, w, bob.Refresh, browser)
	_, err := w.Users.Login(t.Context(), "alice", testworld.Password, browser)
	require.ErrorIs(t, err, users.ErrWrongPassword)
	pair, err := w.Users.Login(t.Context(), "alice", otherPassword, browser)
	require.NoError(t, err)
	who, err := w.Users.Authenticate(t.Context(), pair.Access)
	require.NoError(t, err)
	require.Equal(t, alice.ID, who.UserID)
	require.NotContains(t, w.Log(), otherPassword)
	require.Zero(t, w.Int(`select count(*) from audit_log a where a::text like '%staple%' or a::text like '%bcrypt%' or a::text like '%$2a$%'`))
}

func TestPassword_IsChangedByWhoeverKnowsTheCurrentOneAndNoOneElse(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	pair := signIn(t, w, "alice")
	change := func(name string, status int, current, next string, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, Token: "Bearer " + pair.Access, Method: http.MethodPost, URL: "/api/auth/password", Status: status, Has: has,
			HasNot: []string{testworld.Password}, Pure: status == http.StatusUnprocessableEntity, Body: map[string]any{"current_password": current, "new_password": next}}
	}
	w.HTTP(t,
		change("a wrong one", http.StatusUnauthorized, "wrong password", otherPassword, "current_password_wrong"),
		change("none", http.StatusUnauthorized, "", otherPassword),
		change("too short", http.StatusUnprocessableEntity, testworld.Password, "seven77", "body.new_password", "at least 8"),
		change("too long", http.StatusUnprocessableEntity, testworld.Password, strings.Repeat("xyz", 2000), "body.new_password", "4096 bytes"),
		change("a common one", http.StatusUnprocessableEntity, testworld.Password, "Trustno1", "body.new_password", "tried first"),
		change("the user's name", http.StatusUnprocessableEntity, testworld.Password, "alice@example.com", "body.new_password", "must not be the user name"),
		change("the same again", http.StatusUnprocessableEntity, testworld.Password, testworld.Password, "body.new_password", "another one than the current"),
		testworld.Scenario{Name: "no new one", Token: "Bearer " + pair.Access, Method: http.MethodPost, URL: "/api/auth/password", Status: http.StatusUnprocessableEntity,
			Body: map[string]any{"current_password": testworld.Password}, Pure: true},
	)
	key := auth.WithIdentity(t.Context(), auth.Identity{UserID: alice.ID, Username: "alice", APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeAdmin}})
	require.ErrorIs(t, w.Users.ChangePassword(key, testworld.Password, otherPassword, browser), auth.ErrPersonRequired)
	refresh(t, w, pair.Refresh, browser)
	require.EqualValues(t, 2, w.Int(`select count(*) from audit_log where action = 'user.password_change_failed' and object_id = $1 and actor = 'alice'`, userID(alice)))
}

func TestPassword_EveryByteOfALongOneCounts(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	long := strings.Repeat("Streng geheim! ", 10) // twice as long as bcrypt reads
	require.NoError(t, w.Users.ChangePassword(w.As(alice), testworld.Password, long, browser))
	for _, wrong := range []string{long[:72], long[:len(long)-1], long + "x", long[:75] + "X" + long[76:]} {
		_, err := w.Users.Login(t.Context(), "alice", wrong, browser)
		require.ErrorIs(t, err, users.ErrWrongPassword)
	}
	_, err := w.Users.Login(t.Context(), "alice", long, browser)
	require.NoError(t, err)
}

// Of two changes at once one is first, and for the other the current password is
// another one by then.
func TestPassword_OfManyChangesAtOnceOneIsMade(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	made := 0
	for _, err := range w.Race(6, func(i int) error {
		return w.Users.ChangePassword(w.As(alice), testworld.Password, otherPassword+strings.Repeat("!", i), browser)
	}) {
		if err == nil {
			made++
			continue
		}
		require.ErrorIs(t, err, users.ErrCurrentPassword)
	}
	require.Equal(t, 1, made)
	require.EqualValues(t, 1, w.Int(`select session_generation from users where id = $1`, alice.ID))
}

// A login with the old password that is under way when it is changed, at any
// point of it, begins no session that outlives the change.
func TestPassword_ALoginWithTheOldOneDoesNotOutliveTheChange(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	login := make(chan error, 1)
	p := w.Trace.PauseAt(`"last_login"`)
	go func() {
		_, err := w.Users.Login(context.WithoutCancel(t.Context()), "alice", testworld.Password, browser)
		login <- err
	}()
	<-p.Reached()
	require.NoError(t, w.Users.ChangePassword(w.As(alice), testworld.Password, otherPassword, browser))
	p.Resume()
	require.ErrorIs(t, <-login, users.ErrWrongPassword)
	require.Zero(t, w.Int(`select count(*) from refresh_tokens where revoked_at is null`))
	require.Zero(t, w.Int(`select count(*) from audit_log where action = 'user.login' and actor = 'alice'`))
}

// And one whose hash is replaced because the cost has risen does not bring the old
// password back.
func TestPassword_ARehashDoesNotBringTheOldOneBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	plain, err := bcrypt.GenerateFromPassword([]byte(testworld.Password), bcrypt.MinCost)
	require.NoError(t, err)
	w.Exec(`update users set hashed_password = $2 where id = $1`, alice.ID, string(plain))
	login := make(chan error, 1)
	p := w.Trace.PauseAt(`"last_login"`)
	go func() {
		_, err := w.Users.Login(context.WithoutCancel(t.Context()), "alice", testworld.Password, browser)
		login <- err
	}()
	<-p.Reached()
	_, next, err := w.Users.ResetPassword(w.As(w.Root), "alice", "")
	require.NoError(t, err)
	p.Resume()
	require.ErrorIs(t, <-login, users.ErrWrongPassword)
	_, err = w.Users.Login(t.Context(), "alice", next, browser)
	require.NoError(t, err)
}

func TestPassword_StoresAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice := w.User("alice")
	signIn(t, w, "alice")
	require.Equal(t, []string{"public.audit_log", "public.refresh_tokens", "public.users"}, w.FailEach(func() error {
		return w.Users.ChangePassword(w.As(alice), testworld.Password, otherPassword, browser)
	}))
}

func TestPassword_WhatIsTriedFirstIsRefusedWherever(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	operator := auth.WithIdentity(t.Context(), auth.Operator())
	for _, password := range []string{"password", "PassWord", "password123", "Trustno1", "qwertyuiop", "iloveyou!", "aaaaaaaaaa", "abababab", "alice@example.com"} {
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: "bob", Email: "alice@example.com", Password: password})
		require.Equal(t, apperr.Invalid, apperr.KindOf(err), password)
		require.Equal(t, "body.password", apperr.From(err).Fields[0].Location)
		require.Nil(t, apperr.From(err).Fields[0].Value)
		require.Equal(t, apperr.Invalid, apperr.KindOf(w.Users.ChangePassword(w.As(alice), testworld.Password, password, browser)), password)
		_, _, err = w.Users.ResetPassword(operator, "alice", password)
		require.Equal(t, apperr.Invalid, apperr.KindOf(err), password)
		_, _, err = w.Users.Create(operator, users.CreateInput{RegisterInput: users.RegisterInput{Username: "bob", Email: "alice@example.com", Password: password}})
		require.Equal(t, apperr.Invalid, apperr.KindOf(err), password)
	}
	for _, own := range []string{"Bob_Dylan", "robert.zimmerman@example.com", "ROBERT.Zimmerman"} {
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: "bob_dylan", Email: "robert.zimmerman@example.com", Password: own})
		require.ErrorContains(t, err, "must not be the user name or the e-mail address")
	}
	require.EqualValues(t, 2, w.Int(`select count(*) from users`))
}
