package users_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/testworld"
)

// stored is what is kept of alice's password.
func stored(w *testworld.World) string {
	return testworld.Value[string](w, `select hashed_password from users where username = 'alice'`)
}

func costOf(t *testing.T, hash string) int {
	t.Helper()
	cost, err := bcrypt.Cost([]byte(strings.TrimPrefix(hash, "{hmac-sha256}")))
	require.NoError(t, err)
	return cost
}

func TestLogin_AHashIsReplacedWhenTheCostHasRisenAndNotWhenItHasFallen(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	require.Equal(t, 4, costOf(t, stored(w)))
	raised := testworld.New(t, testworld.NoWorker(), testworld.On(w), testworld.Setting("BCRYPT_COST=6"))
	before := stored(w)
	_, err := raised.Users.Login(t.Context(), "alice", "wrong password", browser)
	require.ErrorIs(t, err, users.ErrWrongPassword)
	require.Equal(t, before, stored(w), "a wrong password replaces nothing")
	first := signIn(t, raised, "alice")
	require.Equal(t, 6, costOf(t, stored(w)))
	refresh(t, raised, first.Refresh, browser) // the password is the same one, and no session ends
	before = stored(w)
	signIn(t, raised, "alice")
	signIn(t, w, "alice")
	require.Equal(t, before, stored(w))
}

func TestLogin_AHashOfTheFirstImplementationIsReplaced(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	// It read 72 bytes of the password and no more; whoever has a longer one gets
	// in, and every byte counts from then on.
	long := strings.Repeat("0123456789", 9)
	plain, err := bcrypt.GenerateFromPassword([]byte(long[:72]), bcrypt.MinCost)
	require.NoError(t, err)
	w.Exec(`update users set hashed_password = $1 where username = 'alice'`, strings.Replace(string(plain), "$2a$", "$2b$", 1))
	_, err = w.Users.Login(t.Context(), "alice", long, browser)
	require.NoError(t, err)
	require.Contains(t, stored(w), "{hmac-sha256}$2a$")
	_, err = w.Users.Login(t.Context(), "alice", long[:72], browser)
	require.ErrorIs(t, err, users.ErrWrongPassword)
	_, err = w.Users.Login(t.Context(), "alice", long, browser)
	require.NoError(t, err)
}

func TestLogin_ABrokenHashLetsNobodyInAndIsToldInTheLog(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	for _, broken := range []string{"", "x", "{hmac-sha256}", "$2a$04$short", "{hmac-sha256}$2a$99$" + strings.Repeat("a", 53), testworld.Password} {
		w.Exec(`update users set hashed_password = $1 where id = $2`, broken, alice.ID)
		for _, password := range []string{testworld.Password, "", broken} {
			w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/auth/login", Status: http.StatusUnauthorized, Has: []string{"Incorrect username or password"},
				Body: map[string]any{"username": "alice", "password": password}})
		}
		require.ErrorIs(t, w.Users.ChangePassword(w.As(alice), broken, otherPassword, browser), users.ErrCurrentPassword)
	}
	require.Contains(t, lastEntry(t, w, "user.login_failed").details["reason"], "cannot be read")
	_, next, err := w.Users.ResetPassword(w.As(w.Root), "alice", "")
	require.NoError(t, err)
	_, err = w.Users.Login(t.Context(), "alice", next, browser)
	require.NoError(t, err)
}

// A name has no @ and an address has one, so that a login means one user at the
// most, whatever others call themselves.
func TestLogin_ANameIsNobodysAddress(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	for _, name := range []string{"alice@example.com", "alice@localhost", "@alice"} {
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: name, Email: "b@example.com", Password: testworld.Password})
		require.ErrorContains(t, err, "body.username")
	}
	for _, email := range []string{"alice", "localhost", "alice.example.com"} {
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: "bob", Email: email, Password: testworld.Password})
		require.ErrorContains(t, err, "body.email")
	}
	_, err := w.Users.Login(t.Context(), strings.Repeat("a", 5000)+"@example.com", testworld.Password, browser)
	require.ErrorIs(t, err, users.ErrWrongPassword)
}

// An address in whichever of Unicode's forms is one address.
func TestLogin_AnAddressIsOneHoweverItIsComposed(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	composed, decomposed := "m\u00fcller@example.com", "mu\u0308ller@example.com"
	u, err := w.Users.Register(t.Context(), users.RegisterInput{Username: "mueller", Email: decomposed, Password: testworld.Password})
	require.NoError(t, err)
	require.Equal(t, composed, u.Email)
	_, err = w.Users.Register(t.Context(), users.RegisterInput{Username: "other", Email: composed, Password: testworld.Password})
	require.ErrorIs(t, err, users.ErrEmailTaken)
	for _, login := range []string{composed, decomposed} {
		_, err = w.Users.Login(t.Context(), login, testworld.Password, browser)
		require.NoError(t, err)
	}
	_, err = w.Users.Update(w.As(u), u.ID, users.UpdateInput{Email: &decomposed})
	require.NoError(t, err)
	require.EqualValues(t, 1, w.Int(`select count(*) from users where email = $1`, composed))
}

func TestLogin_TheOperatorsTokenIsOfNoSessionAndEndsWithAll(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	_, token, err := w.Users.OperatorToken(t.Context(), "root")
	require.NoError(t, err)
	who, err := w.Users.Authenticate(t.Context(), token)
	require.NoError(t, err)
	require.True(t, who.IsSuperuser)
	require.NoError(t, w.Users.Logout(auth.WithIdentity(t.Context(), who), ""))
	require.NoError(t, w.Users.ChangePassword(w.As(w.Root), testworld.Password, otherPassword, browser))
	_, err = w.Users.Authenticate(t.Context(), token)
	require.ErrorIs(t, err, users.ErrSessionEnded)
	_, token, err = w.Users.OperatorToken(t.Context(), "root")
	require.NoError(t, err)
	_, err = w.Users.Authenticate(t.Context(), token)
	require.NoError(t, err)
}
