package users_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/testworld"
)

func TestSuite_AccountsUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		alice := w.User("alice")
		require.False(t, alice.IsSuperuser)
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: "Alice", Email: "other@example.com", Password: testworld.Password})
		require.ErrorIs(t, err, users.ErrUsernameTaken)
		for _, err := range w.Race(4, func(i int) error {
			_, err := w.Users.Register(t.Context(), users.RegisterInput{
				Username: []string{"bob", "carol", "dave", "erin"}[i], Email: []string{"b", "c", "d", "e"}[i] + "@example.com", Password: testworld.Password})
			return err
		}) {
			require.NoError(t, err)
		}
		for _, err := range w.Race(4, func(int) error {
			pair, err := w.Users.Login(t.Context(), "alice", testworld.Password, users.ClientInfo{})
			if err != nil {
				return err
			}
			_, err = w.Users.Authenticate(t.Context(), pair.Access)
			return err
		}) {
			require.NoError(t, err)
		}
		me, err := w.Users.Me(w.As(alice))
		require.NoError(t, err)
		require.NotNil(t, me.LastLogin)
		require.EqualValues(t, 6, w.Int(`select count(*) from users`))
		require.EqualValues(t, 1, w.Int(`select count(*) from users where is_superuser`))
		require.EqualValues(t, 4, w.Int(`select count(*) from refresh_tokens`))
	}, testworld.NoWorker())
}

func TestSuite_SessionsUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		alice := w.User("alice")
		first := signIn(t, w, "alice")
		got := make([]users.TokenPair, 4)
		for _, err := range w.Race(len(got), func(i int) (err error) {
			got[i], err = w.Users.Refresh(t.Context(), first.Refresh, browser)
			return err
		}) {
			require.NoError(t, err)
		}
		for _, pair := range got {
			require.Equal(t, got[0].Refresh, pair.Refresh)
		}
		requireRefused(t, w, first.Refresh, moved)
		requireRefused(t, w, got[0].Refresh, browser)
		require.EqualValues(t, 1, entries(w, "session.family_revoked"))
		require.EqualValues(t, 1, entries(w, "session.reuse_detected"))

		second := signIn(t, w, "alice")
		require.NoError(t, w.Users.Logout(w.As(alice), second.Refresh))
		third := signIn(t, w, "alice")
		require.NoError(t, w.Users.ChangePassword(w.As(alice), testworld.Password, otherPassword, browser))
		requireRefused(t, w, third.Refresh, browser)
		require.EqualValues(t, 1, w.Int(`select session_generation from users where id = $1`, alice.ID), "ended once, however often it is tried")
		_, err := w.Users.Login(t.Context(), "alice", testworld.Password, browser)
		require.ErrorIs(t, err, users.ErrWrongPassword)
		require.EqualValues(t, 1, entries(w, "user.login_failed"))
	}, testworld.NoWorker())
}

func TestSuite_SuperusersUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		a, b := w.Root, superuser(t, w, "b")
		errs := w.Race(2, func(i int) error {
			as, whom := a, b
			if i == 1 {
				as, whom = b, a
			}
			_, err := w.Users.Update(w.As(as), whom.ID, users.UpdateInput{IsActive: no()})
			return err
		})
		require.NotEqual(t, errs[0] == nil, errs[1] == nil, errs)
		require.EqualValues(t, 1, w.Int(activeSuperusers))
		require.EqualValues(t, 1, entries(w, "user.deactivate"))
		left := a
		if errs[1] == nil {
			left = b
		}
		require.ErrorIs(t, w.Users.Delete(w.As(left), left.ID, users.DeleteInput{}), users.ErrLastSuperuser)
		alice := w.User("alice")
		require.NoError(t, w.Users.Delete(w.As(left), alice.ID, users.DeleteInput{}))
		require.EqualValues(t, 1, entries(w, "user.delete"))
	}, testworld.NoWorker())
}
