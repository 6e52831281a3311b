package users_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

func userID(u users.User) string { return strconv.FormatInt(u.ID, 10) }

func userURL(u users.User) string { return "/api/v2/users/" + userID(u) }

func no() *bool { value := false; return &value }

func yes() *bool { value := true; return &value }

func TestUsers_AreListedByNameForSuperusers(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("Alice")
	w.User("bob_100")
	w.User("bobx100")
	full := "Robert Müller"
	_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: "carol", Email: "c%d@example.org", Password: testworld.Password, FullName: &full})
	require.NoError(t, err)
	list := func(name, query string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodGet, URL: "/api/v2/users" + query, Status: status, Has: has, HasNot: []string{"hashed", "$2a$"}}
	}
	w.HTTP(t,
		list("all", "", http.StatusOK, `"total":5,"page":1,"per_page":50`),
		list("the second page", "?page=2&per_page=2", http.StatusOK, `"users":[{"username":"bobx100"`, `"total":5,"page":2,"per_page":2`),
		list("beyond the end", "?page=9", http.StatusOK, `"users":[]`, `"total":5`),
		list("by a part of the name, in another case", "?q=LIC", http.StatusOK, `"Alice"`, `"total":1`),
		list("what means something in a pattern means itself", "?q=b_1", http.StatusOK, `"bob_100"`, `"total":1`),
		list("so does a percent sign", "?q=c%25d", http.StatusOK, `"carol"`, `"total":1`),
		list("by the full name", "?q=m%C3%BCller", http.StatusOK, `"carol"`, `"total":1`),
		list("by the address", "?q=example.org", http.StatusOK, `"carol"`, `"total":1`),
		list("nobody", "?q=mallory", http.StatusOK, `"users":[]`, `"total":0`),
		list("a NUL", "?q=%00", http.StatusBadRequest),
		list("a page that is none", "?page=0", http.StatusUnprocessableEntity),
		list("too many at once", "?per_page=101", http.StatusUnprocessableEntity),
		testworld.Scenario{Name: "not for others", As: &alice, Method: http.MethodGet, URL: "/api/v2/users", Status: http.StatusForbidden, HasNot: []string{"carol"}},
	)
	_, _, err = w.Users.List(t.Context(), "", database.Page{})
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
}

// A longer list takes no more statements.
func TestUsers_AListTakesAsManyStatementsForOneAsForMany(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	count := func() int {
		return len(w.Trace.Record(func() {
			_, _, err := w.Users.List(w.As(w.Root), "", database.Page{Limit: 100})
			require.NoError(t, err)
		}))
	}
	one := count()
	for i := range 20 {
		w.User(fmt.Sprintf("user_%d", i))
	}
	require.Equal(t, one, count())
}

func TestUsers_OnesOwnAccountOrForASuperuserAnybodys(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	patch := func(name string, as, whom users.User, body any, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &as, Method: http.MethodPatch, URL: userURL(whom), Body: body, Status: status, Has: has}
	}
	object := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[fmt.Sprint(pairs[i])] = pairs[i+1]
		}
		return m
	}
	w.HTTP(t,
		testworld.Scenario{Name: "read one's own", As: &alice, Method: http.MethodGet, URL: userURL(alice), Status: http.StatusOK, Has: []string{`"username":"alice"`, `"is_superuser":false`}},
		testworld.Scenario{Name: "not another's", As: &alice, Method: http.MethodGet, URL: userURL(bob), Status: http.StatusNotFound, Has: []string{"user_not_found"}},
		testworld.Scenario{Name: "as one who is not there", As: &alice, Method: http.MethodGet, URL: "/api/v2/users/4711", Status: http.StatusNotFound, Has: []string{"user_not_found"}},
		testworld.Scenario{Name: "a superuser reads all", As: &w.Root, Method: http.MethodGet, URL: userURL(bob), Status: http.StatusOK, Has: []string{`"username":"bob"`}},
		testworld.Scenario{Name: "who is not there", As: &w.Root, Method: http.MethodGet, URL: "/api/v2/users/4711", Status: http.StatusNotFound},
		testworld.Scenario{Name: "no id", As: &w.Root, Method: http.MethodGet, URL: "/api/v2/users/x", Status: http.StatusUnprocessableEntity},
		testworld.Scenario{Name: "an id below 1", As: &w.Root, Method: http.MethodGet, URL: "/api/v2/users/0", Status: http.StatusUnprocessableEntity},
		testworld.Scenario{Name: "an id that is too large", As: &w.Root, Method: http.MethodGet, URL: "/api/v2/users/99999999999999999999", Status: http.StatusUnprocessableEntity},

		patch("one's own name", alice, alice, object("full_name", " A\u0301nn\u0000 "), http.StatusOK, `"full_name":"Ánn"`),
		patch("an empty one removes it", alice, alice, object("full_name", " "), http.StatusOK, `"full_name":null`),
		patch("one's own address", alice, alice, object("email", "ann@example.com", "full_name", "Ann"), http.StatusOK, `"email":"ann@example.com"`),
		patch("null leaves it alone", alice, alice, object("email", nil, "full_name", nil), http.StatusOK, `"email":"ann@example.com"`, `"full_name":"Ann"`),
		patch("the case of one's own address", alice, alice, object("email", "Ann@Example.com"), http.StatusOK, `"email":"Ann@Example.com"`),
		patch("another's address, in another case", alice, alice, object("email", "BOB@example.com"), http.StatusConflict, "email_taken"),
		patch("no address", alice, alice, object("email", "ann"), http.StatusUnprocessableEntity, "body.email"),
		patch("everything wrong", alice, alice, object("email", "", "full_name", strings.Repeat("x", 256)), http.StatusUnprocessableEntity, "body.email", "body.full_name"),
		patch("a name that stays", alice, alice, object("username", "anna"), http.StatusUnprocessableEntity, "username"),
		patch("a password that is changed elsewhere", alice, alice, object("password", "x"), http.StatusUnprocessableEntity),
		patch("another's", alice, bob, object("full_name", "x"), http.StatusNotFound),
		patch("another's rights", alice, bob, object("is_superuser", true), http.StatusNotFound),
		patch("one's own rights", alice, alice, object("is_superuser", true), http.StatusForbidden, "superuser_required"),
		patch("not even to what they are", alice, alice, object("is_active", true), http.StatusForbidden),
		patch("a superuser changes all", w.Root, bob, object("full_name", "Bob", "is_superuser", true), http.StatusOK, `"full_name":"Bob"`, `"is_superuser":true`),
		patch("who is not there", w.Root, users.User{ID: 4711}, object("is_active", false), http.StatusNotFound),
	)
	require.Zero(t, w.Int(`select count(*) from users where id = $1 and (is_superuser or not is_active)`, alice.ID))
	before := w.Snapshot()
	for _, in := range []users.UpdateInput{{}, {IsActive: yes()}, {IsSuperuser: no()}} {
		_, err := w.Users.Update(w.As(w.Root), alice.ID, in)
		require.NoError(t, err)
	}
	require.Empty(t, before.Changed(w.Snapshot()), "what changes nothing is not told")
	key := auth.WithIdentity(t.Context(), auth.Identity{UserID: alice.ID, Username: "alice", APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeAdmin}})
	_, err := w.Users.Update(key, alice.ID, users.UpdateInput{})
	require.ErrorIs(t, err, auth.ErrPersonRequired)
	_, err = w.Users.Get(key, alice.ID)
	require.Equal(t, apperr.Forbidden, apperr.KindOf(err), "without the scope to read")
}

func TestUsers_WhoIsDeactivatedIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	here, there := signIn(t, w, "alice"), signIn(t, w, "alice")
	_, err := w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: no()})
	require.NoError(t, err)
	ask := func(pair users.TokenPair, status int, has string) {
		t.Helper()
		w.Request(testworld.Scenario{Token: "Bearer " + pair.Access, Method: http.MethodGet, URL: "/api/auth/me", Status: status, Has: []string{has}})
	}
	for _, pair := range []users.TokenPair{here, there} {
		ask(pair, http.StatusForbidden, "Inactive user")
	}
	require.Zero(t, w.Int(`select count(*) from refresh_tokens where revoked_at is null`))
	_, err = w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: yes()})
	require.NoError(t, err)
	for _, pair := range []users.TokenPair{here, there} {
		ask(pair, http.StatusUnauthorized, "session_ended")
		requireRefused(t, w, pair.Refresh, browser)
	}
	ask(signIn(t, w, "alice"), http.StatusOK, "alice")
}

func TestUsers_ATokenOfTheFirstImplementationIsOfTheFirstGeneration(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("JWT_SECRET_KEY="+signingKey))
	alice := w.User("alice")
	old := forge(t, "", `{"sub":"alice","user_id":`+userID(alice)+`,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`)
	who, err := w.Users.Authenticate(t.Context(), old)
	require.NoError(t, err)
	require.Equal(t, alice.ID, who.UserID)
	require.NoError(t, w.Users.Logout(auth.WithIdentity(t.Context(), who), ""), "it has no session to end")
	require.NoError(t, w.Users.ChangePassword(w.As(alice), testworld.Password, otherPassword, browser))
	_, err = w.Users.Authenticate(t.Context(), old)
	require.ErrorIs(t, err, users.ErrSessionEnded)
}

func TestUsers_AnUpdateStoresAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice := w.User("alice")
	signIn(t, w, "alice")
	name, email := "Alice", "alice@example.org"
	require.Equal(t, []string{"public.audit_log", "public.refresh_tokens", "public.users"}, w.FailEach(func() error {
		_, err := w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{FullName: &name, Email: &email, IsActive: no(), IsSuperuser: yes()})
		return err
	}))
	require.EqualValues(t, 1, entries(w, "user.update"))
	require.EqualValues(t, 1, entries(w, "user.deactivate"))
}
