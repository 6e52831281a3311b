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
