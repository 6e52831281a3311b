package users_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/testworld"
)

// takings are the ways to take away a superuser.
func takings(w *testworld.World) map[string]func(ctx context.Context, whom users.User) error {
	return map[string]func(ctx context.Context, whom users.User) error{
		"demoted": func(ctx context.Context, whom users.User) error {
			_, err := w.Users.Update(ctx, whom.ID, users.UpdateInput{IsSuperuser: no()})
			return err
		},
		"deactivated": func(ctx context.Context, whom users.User) error {
			_, err := w.Users.Update(ctx, whom.ID, users.UpdateInput{IsActive: no()})
			return err
		},
		"deleted": func(ctx context.Context, whom users.User) error {
			return w.Users.Delete(ctx, whom.ID, users.DeleteInput{DeleteCollections: true})
		},
	}
}

const activeSuperusers = `select count(*) from users where is_superuser and is_active`

func TestSuperusers_TheLastActiveOneStays(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.Exec(`insert into users (username, email, hashed_password, is_active, is_superuser) values ('asleep', 'asleep@example.com', 'h', false, true)`)
	operator := auth.WithIdentity(t.Context(), auth.Operator())
	before := w.Snapshot()
	for name, take := range takings(w) {
		require.ErrorIs(t, take(w.As(w.Root), w.Root), users.ErrLastSuperuser, "%s by themselves", name)
		require.ErrorIs(t, take(operator, w.Root), users.ErrLastSuperuser, "%s by the operator", name)
	}
	w.HTTP(t,
		testworld.Scenario{As: &w.Root, Method: http.MethodPatch, URL: userURL(w.Root), Body: map[string]any{"is_superuser": false}, Status: http.StatusConflict, Has: []string{"last_superuser", "Make somebody else superuser first"}},
		testworld.Scenario{As: &w.Root, Method: http.MethodDelete, URL: userURL(w.Root), Status: http.StatusConflict, Has: []string{"last_superuser"}},
	)
	require.Equal(t, []string{"public.audit_log", "public.refresh_tokens", "public.users"}, before.Changed(w.Snapshot()), "those of signing in")
	require.EqualValues(t, 1, w.Int(activeSuperusers))

	// With another one it is allowed, also to oneself.
	for name, take := range takings(w) {
		u := w.User(name)
		_, err := w.Users.Update(w.As(w.Root), u.ID, users.UpdateInput{IsSuperuser: yes()})
		require.NoError(t, err)
		u.IsSuperuser = true
		require.NoError(t, take(w.As(u), u))
	}
}

// Two superusers who take each other's right away at the same moment: one is
// first, and the other one has no right any more. Whatever the ways, and whoever
// comes first, one of them is left.
func TestSuperusers_OfTwoWhoTakeEachOtherAwayOneIsLeft(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ways := takings(w)
	first := [2]int{}
	for mine, way := range ways {
		for theirs, other := range ways {
			for range 3 {
				a := superuser(t, w, "a")
				b := superuser(t, w, "b")
				w.Exec(`update users set is_superuser = false where id not in ($1, $2)`, a.ID, b.ID)
				errs := w.Race(2, func(i int) error {
					if i == 0 {
						return way(w.As(a), b)
					}
					return other(w.As(b), a)
				})
				lost := 0
				if errs[0] == nil {
					lost = 1
				}
				first[lost]++
				require.NoError(t, errs[1-lost], "%s and %s", mine, theirs)
				require.ErrorIs(t, errs[lost], auth.ErrSuperuserRequired, "%s and %s", mine, theirs)
				require.EqualValues(t, 1, w.Int(activeSuperusers))
				w.Exec(`delete from users where id in ($1, $2)`, a.ID, b.ID)
			}
		}
	}
	t.Logf("the first was first %d times, the second %d times", first[1], first[0])
}

// The operator has a right that nobody takes away, and still one is left.
func TestSuperusers_OfManyTakenAwayAtOnceOneIsLeft(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	operator := auth.WithIdentity(t.Context(), auth.Operator())
	for name, take := range takings(w) {
		all := []users.User{superuser(t, w, "a"), superuser(t, w, "b"), superuser(t, w, "c"), superuser(t, w, "d")}
		w.Exec(`update users set is_superuser = false where not username like 'super\_%'`)
		left := 0
		for _, err := range w.Race(len(all), func(i int) error { return take(operator, all[i]) }) {
			if err != nil {
				require.ErrorIs(t, err, users.ErrLastSuperuser)
				left++
			}
		}
		require.Equal(t, 1, left, name)
		require.EqualValues(t, 1, w.Int(activeSuperusers), name)
		w.Exec(`delete from users where username like 'super\_%'`)
	}
}

// Somebody who is a superuser no longer, with a request that was let in before.
func TestSuperusers_OneWhoIsNoneAnyMoreChangesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	was, alice := superuser(t, w, "was"), w.User("alice")
	before := w.As(was)
	w.Exec(`update users set is_superuser = false where id = $1`, was.ID)
	for name, take := range takings(w) {
		require.ErrorIs(t, take(before, alice), auth.ErrSuperuserRequired, name)
	}
	_, err := w.Users.Update(before, was.ID, users.UpdateInput{IsSuperuser: yes()})
	require.ErrorIs(t, err, auth.ErrSuperuserRequired)
}

func superuser(t *testing.T, w *testworld.World, name string) users.User {
	t.Helper()
	u, _, err := w.Users.Create(auth.WithIdentity(t.Context(), auth.Operator()), users.CreateInput{
		RegisterInput: users.RegisterInput{Username: "super_" + name, Email: name + "@example.com"}, IsSuperuser: true,
	})
	require.NoError(t, err)
	return u
}
