package users_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/testworld"
)

func TestRefresh_OfManyAtOnceAllGetTheSameSuccessor(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	first := signIn(t, w, "alice")
	got := make([]users.TokenPair, 12)
	for _, err := range w.Race(len(got), func(i int) (err error) {
		got[i], err = w.Users.Refresh(t.Context(), first.Refresh, browser)
		return err
	}) {
		require.NoError(t, err)
	}
	for _, pair := range got {
		require.Equal(t, got[0].Refresh, pair.Refresh)
	}
	require.EqualValues(t, 2, w.Int(`select count(*) from refresh_tokens`))
}

// Whatever ends sessions while a refresh is under way, in whichever order, none is
// left.
func TestRefresh_NoneSurvivesWhatEndsThemAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	asAlice := func(pair users.TokenPair) context.Context {
		who, err := w.Users.Authenticate(t.Context(), pair.Access)
		require.NoError(t, err)
		return auth.WithIdentity(t.Context(), who)
	}
	for name, end := range map[string]func(users.TokenPair) error{
		"the sign-out": func(pair users.TokenPair) error { return w.Users.Logout(asAlice(pair), "") },
		"a thief": func(pair users.TokenPair) error {
			_, err := w.Users.Refresh(t.Context(), pair.Refresh, moved)
			return err
		},
		"a new password": func(users.TokenPair) error {
			_, _, err := w.Users.ResetPassword(w.As(w.Root), "alice", testworld.Password)
			return err
		},
		"the deactivation": func(users.TokenPair) error {
			_, err := w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: no()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 10 {
				_, err := w.Users.Update(w.As(w.Root), alice.ID, users.UpdateInput{IsActive: yes()})
				require.NoError(t, err)
				first := signIn(t, w, "alice")
				var pair users.TokenPair
				errs := w.Race(2, func(i int) (err error) {
					if i == 0 {
						return end(first)
					}
					pair, err = w.Users.Refresh(t.Context(), first.Refresh, browser)
					return err
				})
				if name == "a thief" {
					// One of the two exchanged it, and the other one gave that away.
					require.NotEqual(t, errs[0] == nil, errs[1] == nil, errs)
				} else {
					require.NoError(t, errs[0])
				}
				require.Zero(t, w.Int(`select count(*) from refresh_tokens where revoked_at is null`))
				if pair.Access != "" && name != "the sign-out" && name != "a thief" {
					_, err = w.Users.Authenticate(t.Context(), pair.Access)
					require.Error(t, err)
				}
			}
		})
	}
}

func TestRefresh_ExpiredTokensArePurgedByTheTrafficThatMakesThem(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.User("alice")
	const expired = 130
	w.Exec(`
insert into refresh_tokens (user_id, token_hash, family, expires_at)
select $1, encode(sha256(i::text::bytea), 'hex'), gen_random_uuid(), now() - interval '1 second' * i
from generate_series(1, $2::int) i`, w.Root.ID, expired)
	left := func() int64 { return w.Int(`select count(*) from refresh_tokens where expires_at <= now()`) }
	pair := signIn(t, w, "alice")
	require.EqualValues(t, expired-50, left())
	pair = refresh(t, w, pair.Refresh, browser)
	require.EqualValues(t, expired-100, left())
	refresh(t, w, pair.Refresh, browser)
	require.Zero(t, left())
	require.EqualValues(t, 3, w.Int(`select count(*) from refresh_tokens`), "what has not expired stays")
}
