package users_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/testworld"
)

func TestRegister_OfManyWhoComeFirstOneBecomesSuperuser(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	empty, err := w.Users.IsEmpty(t.Context())
	require.NoError(t, err)
	require.True(t, empty)
	for _, err := range w.Race(8, func(i int) error {
		name := fmt.Sprintf("user_%d", i)
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: name, Email: name + "@example.com", Password: testworld.Password})
		return err
	}) {
		require.NoError(t, err)
	}
	require.EqualValues(t, 8, w.Int(`select count(*) from users`))
	require.EqualValues(t, 1, w.Int(`select count(*) from users where is_superuser`))
	_, err = w.Users.RegisterFirst(t.Context(), users.RegisterInput{Username: "late", Email: "late@example.com", Password: testworld.Password})
	require.ErrorIs(t, err, users.ErrRegistrationClosed)
}

func TestRegister_OfManyWhoWantOneNameOneGetsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	names := []string{"alice", "Alice", "ALICE", "aLiCe"}
	won := 0
	for _, err := range w.Race(len(names), func(i int) error {
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: names[i], Email: fmt.Sprintf("%d@example.com", i), Password: testworld.Password})
		return err
	}) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, users.ErrUsernameTaken)
	}
	require.Equal(t, 1, won)
}

func TestRegister_StoresAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	changed := w.FailEach(func() error {
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: "alice", Email: "a@example.com", Password: testworld.Password})
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.users"}, changed)
	changed = w.FailEach(func() error {
		_, err := w.Users.Login(t.Context(), "alice", testworld.Password, users.ClientInfo{Address: "192.0.2.1", UserAgent: "test"})
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.refresh_tokens", "public.users"}, changed)
}

func TestRegister_ClosedForAllButTheFirst(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty(), testworld.Setting("ALLOW_REGISTRATION=false"))
	require.True(t, w.User("first").IsSuperuser)
	w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/auth/register", Status: http.StatusForbidden, Has: []string{"registration_closed"}, Pure: true,
		Body: map[string]any{"username": "second", "email": "s@example.com", "password": testworld.Password}})
}

func TestRegister_EveryBadFieldIsReportedAtOnceAndNoPasswordIsEchoed(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	cases := map[string]struct {
		username, email, password string
		fields                    []string
	}{
		"short name":       {"ab", "a@example.com", testworld.Password, []string{"body.username"}},
		"long name":        {strings.Repeat("a", 65), "a@example.com", testworld.Password, []string{"body.username"}},
		"umlaut":           {"älice", "a@example.com", testworld.Password, []string{"body.username"}},
		"space":            {"ali ce", "a@example.com", testworld.Password, []string{"body.username"}},
		"newline":          {"alice\n", "a@example.com", testworld.Password, []string{"body.username"}},
		"NUL":              {"ali\x00ce", "a@example.com", testworld.Password, []string{"body.username"}},
		"no address":       {"alice", "example.com", testworld.Password, []string{"body.email"}},
		"no domain":        {"alice", "a@", testworld.Password, []string{"body.email"}},
		"a display name":   {"alice", "Alice <a@example.com>", testworld.Password, []string{"body.email"}},
		"two addresses":    {"alice", "a@example.com,b@example.com", testworld.Password, []string{"body.email"}},
		"long address":     {"alice", strings.Repeat("a", 250) + "@example.com", testworld.Password, []string{"body.email"}},
		"short password":   {"alice", "a@example.com", "seven77", []string{"body.password"}},
		"long password":    {"alice", "a@example.com", strings.Repeat("x", auth.MaxPasswordBytes+1), []string{"body.password"}},
		"everything wrong": {"", "", "", []string{"body.username", "body.email", "body.password"}},
	}
	before := w.Snapshot()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: c.username, Email: c.email, Password: c.password})
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
			var fields []string
			for _, f := range apperr.From(err).Fields {
				fields = append(fields, f.Location)
				if f.Location == "body.password" {
					require.Nil(t, f.Value)
				}
			}
			require.Equal(t, c.fields, fields)
		})
	}
	require.Empty(t, before.Changed(w.Snapshot()))
	w.HTTP(t,
		testworld.Scenario{Name: "over HTTP", Method: http.MethodPost, URL: "/api/auth/register", Status: http.StatusUnprocessableEntity,
			Body: map[string]any{"username": "a", "email": "b", "password": "secret!"}, Has: []string{"body.username", "body.email", "body.password"}, HasNot: []string{"secret!"}, Pure: true},
		testworld.Scenario{Name: "a field is missing", Method: http.MethodPost, URL: "/api/auth/register", Status: http.StatusUnprocessableEntity,
			Body: map[string]any{"username": "alice"}, Pure: true},
		testworld.Scenario{Name: "taken, in another case", Method: http.MethodPost, URL: "/api/auth/register", Status: http.StatusConflict,
			Body: map[string]any{"username": "Root", "email": "b@example.com", "password": testworld.Password}, Has: []string{"username_taken"}, Pure: true},
		testworld.Scenario{Name: "fields that are not known are ignored", Method: http.MethodPost, URL: "/api/auth/register", Status: http.StatusCreated,
			Body: map[string]any{"username": "alice", "email": "b@example.com", "password": testworld.Password, "is_superuser": true, "id": 1, "full_name": " A\u0301nn\u0000 "},
			Has:  []string{`"is_superuser":false`, `"full_name":"Ánn"`}, HasNot: []string{"password", testworld.Password}},
	)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	login := func(name, username, password string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, Method: http.MethodPost, URL: "/api/auth/login", Status: status, Has: has, Pure: status == http.StatusUnprocessableEntity,
			Body: map[string]any{"username": username, "password": password}, HasNot: []string{testworld.Password}}
	}
	w.HTTP(t,
		login("by name", "alice", testworld.Password, http.StatusOK, "access_token", "refresh_token", `"token_type":"bearer"`),
		login("in another case", "ALICE", testworld.Password, http.StatusOK),
		login("by address", "Alice@Example.com", testworld.Password, http.StatusOK),
		login("a wrong password", "alice", testworld.Password+"x", http.StatusUnauthorized, "Incorrect username or password"),
		login("the password in another case", "alice", strings.ToUpper(testworld.Password), http.StatusUnauthorized),
		login("nobody by that name", "mallory", testworld.Password, http.StatusUnauthorized, "Incorrect username or password"),
		login("no password", "alice", "", http.StatusUnauthorized),
		login("no name", "", testworld.Password, http.StatusUnauthorized),
		login("a name with a NUL character", "ali\x00ce", testworld.Password, http.StatusUnprocessableEntity),
		login("a pattern", "a%", testworld.Password, http.StatusUnauthorized),
		login("a very long password", "alice", strings.Repeat("x", 10_000), http.StatusUnauthorized),
	)
	require.NotContains(t, w.Log(), testworld.Password)

	t.Run("a refresh token is kept by its hash alone", func(t *testing.T) {
		pair, err := w.Users.Login(t.Context(), "alice", testworld.Password, users.ClientInfo{Address: "192.0.2.1"})
		require.NoError(t, err)
		require.EqualValues(t, 1, w.Int(`select count(*) from refresh_tokens where token_hash = $1 and client_address = '192.0.2.1' and user_agent is null`, auth.HashToken(pair.Refresh)))
		require.Zero(t, w.Int(`select count(*) from refresh_tokens r where r::text like '%' || $1 || '%'`, pair.Refresh))
		_, err = w.Users.Authenticate(t.Context(), pair.Refresh)
		require.Equal(t, apperr.Unauthenticated, apperr.KindOf(err), "a refresh token opens nothing")
	})
	t.Run("somebody deactivated may sign in and then do nothing", func(t *testing.T) {
		token := w.Token(alice)
		w.Exec(`update users set is_active = false where id = $1`, alice.ID)
		w.In(t).Request(testworld.Scenario{Token: "Bearer " + token, Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusForbidden, Has: []string{"Inactive user"}})
		w.In(t).Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/v2/collections", Status: http.StatusForbidden})
	})
	t.Run("a token outlives its user and opens nothing", func(t *testing.T) {
		bob := w.User("bob")
		token := w.Token(bob)
		require.NoError(t, users.NewRepository(w.DB).Delete(t.Context(), bob.ID))
		w.In(t).Request(testworld.Scenario{Token: "Bearer " + token, Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusUnauthorized})
	})
}

// Who does not exist costs a hash too, so that the time tells nothing. The cost is
// raised until a hash is much of the time, and the best of several is compared.
func TestLogin_TakesAsLongForNobodyAsForSomebody(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("BCRYPT_COST=8"))
	// One after the other, so that whatever else the machine does meets both.
	fastest := map[string]time.Duration{"root": time.Hour, "mallory": time.Hour}
	for range 12 {
		for name := range fastest {
			begun := time.Now()
			_, err := w.Users.Login(t.Context(), name, "wrong password", users.ClientInfo{})
			require.ErrorIs(t, err, users.ErrWrongPassword)
			fastest[name] = min(fastest[name], time.Since(begun))
		}
	}
	somebody, nobody := fastest["root"], fastest["mallory"]
	require.Greater(t, nobody, somebody/4, "nobody %s, somebody %s", nobody, somebody)
	require.Less(t, nobody, somebody*4, "nobody %s, somebody %s", nobody, somebody)
}
