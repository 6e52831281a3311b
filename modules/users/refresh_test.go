package users_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/testworld"
)

// The clients of these tests.
var (
	browser = users.ClientInfo{Address: "192.0.2.1", UserAgent: "browser"}
	moved   = users.ClientInfo{Address: "192.0.2.2", UserAgent: "browser"}
	curl    = users.ClientInfo{Address: "192.0.2.1", UserAgent: "curl"}
)

func signIn(t *testing.T, w *testworld.World, name string) users.TokenPair {
	t.Helper()
	pair, err := w.Users.Login(t.Context(), name, testworld.Password, browser)
	require.NoError(t, err)
	return pair
}

func refresh(t *testing.T, w *testworld.World, token string, client users.ClientInfo) users.TokenPair {
	t.Helper()
	pair, err := w.Users.Refresh(t.Context(), token, client)
	require.NoError(t, err)
	return pair
}

func requireRefused(t *testing.T, w *testworld.World, token string, client users.ClientInfo) {
	t.Helper()
	pair, err := w.Users.Refresh(t.Context(), token, client)
	require.ErrorIs(t, err, users.ErrRefreshTokenInvalid)
	require.Empty(t, pair)
}

// age lets time pass for what has become of a token.
func age(w *testworld.World, token string) {
	w.Exec(`
update refresh_tokens
set revoked_at = revoked_at - interval '61 seconds',
    last_used_at = last_used_at - interval '61 seconds'
where token_hash = $1`, auth.HashToken(token))
}

// entries counts those of the audit log.
func entries(w *testworld.World, action string) int64 {
	return w.Int(`select count(*) from audit_log where action = $1`, action)
}

func TestRefresh_ATokenIsGoodOnceAndGivesTwoNewOnes(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	first := signIn(t, w, "alice")
	second := refresh(t, w, first.Refresh, browser)
	require.NotEqual(t, first.Access, second.Access)
	require.NotEqual(t, first.Refresh, second.Refresh)
	for _, access := range []string{first.Access, second.Access} {
		who, err := w.Users.Authenticate(t.Context(), access)
		require.NoError(t, err)
		require.Equal(t, alice.ID, who.UserID)
	}
	require.EqualValues(t, 1, w.Int(`
select count(*)
from refresh_tokens old
join refresh_tokens new on new.id = old.replaced_by
where old.token_hash = $1
  and new.token_hash = $2
  and new.family = old.family
  and new.user_id = old.user_id
  and old.revoked_at is not null
  and old.last_used_at is not null
  and new.revoked_at is null
  and new.client_address = '192.0.2.1'
  and new.user_agent = 'browser'`, auth.HashToken(first.Refresh), auth.HashToken(second.Refresh)))
	// A live token may come from anywhere: people move.
	third := refresh(t, w, second.Refresh, moved)
	require.Zero(t, entries(w, "session.reuse_detected")+entries(w, "session.family_revoked"))
	require.EqualValues(t, 1, w.Int(`select count(*) from refresh_tokens where revoked_at is null`))
	refresh(t, w, third.Refresh, browser)
}

func TestRefresh_WithinAMinuteTheSameClientGetsTheSameSuccessor(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	first := signIn(t, w, "alice")
	second := refresh(t, w, first.Refresh, browser)
	again := refresh(t, w, first.Refresh, browser)
	require.Equal(t, second.Refresh, again.Refresh)
	require.NotEqual(t, second.Access, again.Access, "the access token is fresh")
	require.EqualValues(t, 2, w.Int(`select count(*) from refresh_tokens`))

	t.Run("and where that was exchanged too, the one at the end", func(t *testing.T) {
		third := refresh(t, w, second.Refresh, browser)
		fourth := refresh(t, w, third.Refresh, browser)
		require.Equal(t, fourth.Refresh, refresh(t, w, first.Refresh, browser).Refresh)
		require.Equal(t, fourth.Refresh, refresh(t, w, second.Refresh, browser).Refresh)
		refresh(t, w, fourth.Refresh, browser)
	})
	t.Run("but its own successor where another client went on", func(t *testing.T) {
		first := signIn(t, w, "alice")
		second := refresh(t, w, first.Refresh, browser)
		stolen := refresh(t, w, second.Refresh, moved)
		require.Equal(t, second.Refresh, refresh(t, w, first.Refresh, browser).Refresh)
		// Which shows what has happened as soon as it is presented.
		requireRefused(t, w, second.Refresh, browser)
		requireRefused(t, w, stolen.Refresh, moved)
		require.EqualValues(t, 1, entries(w, "session.family_revoked"))
	})
	require.Zero(t, w.Int(`select count(*) from audit_log where action = 'session.reuse_detected' and details->>'token' is null`))
}

func TestRefresh_LaterItIsRefusedAndAudited(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	first := signIn(t, w, "alice")
	second := refresh(t, w, first.Refresh, browser)
	age(w, first.Refresh)
	requireRefused(t, w, first.Refresh, browser)
	require.EqualValues(t, 1, w.Int(`
select count(*)
from audit_log a
join refresh_tokens t on t.family::text = a.object_id
where a.action = 'session.reuse_detected'
  and a.object_type = 'session'
  and a.actor = 'alice'
  and t.token_hash = $1`, auth.HashToken(second.Refresh)))

	t.Run("once a minute, however often it comes", func(t *testing.T) {
		for range 5 {
			requireRefused(t, w, first.Refresh, browser)
		}
		require.EqualValues(t, 1, entries(w, "session.reuse_detected"))
		age(w, first.Refresh)
		requireRefused(t, w, first.Refresh, browser)
		require.EqualValues(t, 2, entries(w, "session.reuse_detected"))
	})
	t.Run("and whoever has the successor is not bothered", func(t *testing.T) {
		refresh(t, w, second.Refresh, browser)
	})
}

func TestRefresh_FromAnotherClientTheWholeFamilyIsRevoked(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	for name, c := range map[string]struct {
		thief users.ClientInfo
		later bool
	}{
		"another address":                {moved, false},
		"another user agent":             {curl, false},
		"nothing at all":                 {users.ClientInfo{}, false},
		"another address, later":         {moved, true},
		"another user agent, much later": {curl, true},
	} {
		t.Run(name, func(t *testing.T) {
			w.Exec(`truncate audit_log`)
			first := signIn(t, w, "alice")
			elsewhere := signIn(t, w, "alice")
			second := refresh(t, w, first.Refresh, browser)
			if c.later {
				age(w, first.Refresh)
			}
			requireRefused(t, w, first.Refresh, c.thief)
			require.EqualValues(t, 1, entries(w, "session.family_revoked"))
			requireRefused(t, w, second.Refresh, browser)
			requireRefused(t, w, first.Refresh, browser)
			refresh(t, w, elsewhere.Refresh, browser) // another sign-in is another family
			// What is revoked is not revoked again.
			requireRefused(t, w, first.Refresh, c.thief)
			require.EqualValues(t, 1, entries(w, "session.family_revoked"))
		})
	}
}

func TestRefresh_WhatIsNoTokenOfOursIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("JWT_SECRET_KEY="+signingKey))
	alice := w.User("alice")
	pair := signIn(t, w, "alice")
	before := w.Snapshot()
	for name, token := range map[string]string{
		"an access token": pair.Access, "nonsense": "nonsense", "an API key": "smtk_00000000_" + strings.Repeat("a", 43),
		"cut": pair.Refresh[:len(pair.Refresh)-2], "a line break": pair.Refresh + "\n", "NUL": "\x00", "no UTF-8": "\xff.\xff.\xff",
		"a megabyte": strings.Repeat("a", 1<<20), "dots": "..",
	} {
		t.Run(name, func(t *testing.T) { requireRefused(t, w, token, browser) })
	}
	_, err := w.Users.Refresh(t.Context(), "", browser)
	require.ErrorIs(t, err, users.ErrRefreshTokenMissing)
	t.Run("one that we signed and never gave out", func(t *testing.T) {
		tokens, err := auth.NewTokens([]string{signingKey}, time.Now, time.Hour, time.Hour)
		require.NoError(t, err)
		forged, _, _, err := tokens.IssueRefresh("alice")
		require.NoError(t, err)
		requireRefused(t, w, forged, browser)
	})
	t.Run("one that has expired", func(t *testing.T) {
		past := func() time.Time { return time.Now().Add(-2 * time.Hour) }
		tokens, err := auth.NewTokens([]string{signingKey}, past, time.Hour, time.Hour)
		require.NoError(t, err)
		expired, _, _, err := tokens.IssueRefresh("alice")
		require.NoError(t, err)
		requireRefused(t, w, expired, browser)
	})
	require.Empty(t, before.Changed(w.Snapshot()))
	t.Run("one whose user is gone", func(t *testing.T) {
		require.NoError(t, users.NewRepository(w.DB).Delete(t.Context(), alice.ID))
		_, err := w.Users.Refresh(t.Context(), pair.Refresh, browser)
		require.ErrorIs(t, err, users.ErrRefreshTokenOrphan)
	})
}

func TestRefresh_SomebodyDeactivatedIsToldSo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	before := signIn(t, w, "alice")
	_, err := w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: no()})
	require.NoError(t, err)
	after := signIn(t, w, "alice")
	for _, token := range []string{before.Refresh, after.Refresh} {
		_, err := w.Users.Refresh(t.Context(), token, browser)
		require.ErrorIs(t, err, users.ErrInactive)
	}
	_, err = w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: yes()})
	require.NoError(t, err)
	requireRefused(t, w, before.Refresh, browser)
	refresh(t, w, after.Refresh, browser)
}

// The keys or the life of tokens are changed, and the program started again,
// within the minute in which an exchanged token may come again.
func TestRefresh_TheKeysAreChangedMeanwhile(t *testing.T) {
	t.Parallel()
	const newKey = "fedcba9876543210fedcba9876543210"
	for name, c := range map[string]struct {
		setting string
		refused bool
		same    bool
	}{
		"another key signs now, and the old one verifies": {"JWT_SECRET_KEY=" + newKey + "," + signingKey, false, true},
		"tokens live shorter now":                         {"REFRESH_TOKEN_EXPIRE_DAYS=7", false, false},
		"the old key is gone":                             {"JWT_SECRET_KEY=" + newKey, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker(), testworld.Setting("JWT_SECRET_KEY="+signingKey))
			w.User("alice")
			first := signIn(t, w, "alice")
			second := refresh(t, w, first.Refresh, browser)
			after := testworld.New(t, testworld.NoWorker(), testworld.On(w), testworld.Setting("JWT_SECRET_KEY="+signingKey), testworld.Setting(c.setting))
			if c.refused {
				requireRefused(t, after, first.Refresh, browser)
				return
			}
			again := refresh(t, after, first.Refresh, browser)
			require.Equal(t, c.same, again.Refresh == second.Refresh)
			// Whoever holds the other one comes to the same end.
			require.Equal(t, refresh(t, after, again.Refresh, browser).Refresh, refresh(t, after, second.Refresh, browser).Refresh)
			require.EqualValues(t, 1, w.Int(`select count(*) from refresh_tokens where revoked_at is null`))
		})
	}
}

func TestRefresh_StoresAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	w.User("alice")
	first := signIn(t, w, "alice")
	var second users.TokenPair
	changed := w.FailEach(func() (err error) {
		second, err = w.Users.Refresh(t.Context(), first.Refresh, browser)
		return err
	})
	require.Equal(t, []string{"public.refresh_tokens"}, changed)
	age(w, first.Refresh)
	for _, client := range []users.ClientInfo{browser, moved} {
		changed = w.FailEach(refusedAs(t, func() error {
			_, err := w.Users.Refresh(t.Context(), first.Refresh, client)
			return err
		}, users.ErrRefreshTokenInvalid))
		require.Equal(t, []string{"public.audit_log", "public.refresh_tokens"}, changed)
	}
	requireRefused(t, w, second.Refresh, browser)
}

// refusedAs makes a success of a refusal that commits what was done about it.
func refusedAs(t *testing.T, fn func() error, refusal error) func() error {
	t.Helper()
	return func() error {
		if err := fn(); !isExactly(err, refusal) {
			return err
		}
		return nil
	}
}

func isExactly(err, refusal error) bool { return err == refusal } //nolint:errorlint // with a cause it is another one

func TestRefresh_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	token := func() string {
		pair, err := w.Users.Login(t.Context(), "alice", testworld.Password, users.ClientInfo{Address: "127.0.0.1", UserAgent: "Go-http-client/1.1"})
		require.NoError(t, err)
		return pair.Refresh
	}
	const path = "/api/auth/refresh"
	ok := []string{`"token_type":"bearer"`, "access_token", "refresh_token"}
	missing := []string{`"detail":"Missing refresh token"`}
	for name, s := range map[string]testworld.Scenario{
		"in the body":                 {URL: path, Body: map[string]any{"refresh_token": token()}, Status: http.StatusOK, Has: ok},
		"in the query":                {URL: path + "?refresh_token=" + url.QueryEscape(token()), Status: http.StatusOK, Has: ok},
		"by the other path":           {URL: "/auth/refresh", Body: map[string]any{"refresh_token": token()}, Status: http.StatusOK, Has: ok},
		"there in the query":          {URL: "/auth/refresh?refresh_token=" + token(), Status: http.StatusOK, Has: ok},
		"with a slash at the end":     {URL: path + "/", Body: map[string]any{"refresh_token": token()}, Status: http.StatusOK, Has: ok},
		"beside what is not known":    {URL: path, Body: map[string]any{"refresh_token": token(), "x": 1}, Status: http.StatusOK, Has: ok},
		"null in the body":            {URL: path + "?refresh_token=" + token(), Body: map[string]any{"refresh_token": nil}, Status: http.StatusOK, Has: ok},
		"a body that is null":         {URL: path + "?refresh_token=" + token(), Body: "null", Status: http.StatusOK, Has: ok},
		"with a bad token besides":    {URL: path, Token: "Bearer nonsense", Body: map[string]any{"refresh_token": token()}, Status: http.StatusOK, Has: ok},
		"none":                        {URL: path, Status: http.StatusBadRequest, Has: missing, Pure: true},
		"none in the body":            {URL: path, Body: map[string]any{}, Status: http.StatusBadRequest, Has: missing, Pure: true},
		"an empty one":                {URL: path, Body: map[string]any{"refresh_token": ""}, Status: http.StatusBadRequest, Has: missing, Pure: true},
		"a bad one":                   {URL: path, Body: map[string]any{"refresh_token": "x"}, Status: http.StatusUnauthorized, Has: []string{`"detail":"Invalid refresh token"`}, Pure: true},
		"a bad one in the query":      {URL: path + "?refresh_token=x", Status: http.StatusUnauthorized, Has: []string{`"detail":"Invalid refresh token"`}, Pure: true},
		"a number":                    {URL: path, Body: map[string]any{"refresh_token": 1}, Status: http.StatusUnprocessableEntity, Pure: true},
		"a list":                      {URL: path, Body: "[]", Status: http.StatusUnprocessableEntity, Pure: true},
		"no JSON":                     {URL: path, Body: "{", Status: http.StatusBadRequest, Pure: true},
		"a body that is much too big": {URL: path, Body: map[string]any{"refresh_token": strings.Repeat("a", 100_000)}, Status: http.StatusRequestEntityTooLarge, Pure: true},
	} {
		s.Name, s.Method = name, http.MethodPost
		answer := w.In(t).Request(s)
		if s.Status == http.StatusUnauthorized {
			require.Equal(t, "Bearer", answer.Header.Get("WWW-Authenticate"), name)
		}
		require.NotContains(t, w.Log(), "refresh_token=ey", name)
	}
}
