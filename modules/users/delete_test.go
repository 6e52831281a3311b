package users_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

// estate is one that keeps to what [users.Estate] says with statements of its own,
// so that what is tested here is what the users do with one.
type estate struct {
	db    *database.DB
	calls []string
	fail  error
}

func (e *estate) CountOwned(ctx context.Context, userID int64) (int64, error) {
	e.calls = append(e.calls, fmt.Sprintf("count %d", userID))
	var count int64
	err := e.db.Querier(ctx).QueryRow(ctx, `select count(*) from collections where owner_id = $1`, userID).Scan(&count)
	return count, err
}

func (e *estate) TransferOwned(ctx context.Context, from, to int64) error {
	e.calls = append(e.calls, fmt.Sprintf("transfer %d to %d", from, to))
	_, err := e.db.Querier(ctx).Exec(ctx, `update collections set owner_id = $2 where owner_id = $1`, from, to)
	return errors.Join(err, e.fail)
}

func (e *estate) DeleteOwned(ctx context.Context, userID int64) error {
	e.calls = append(e.calls, fmt.Sprintf("delete %d", userID))
	_, err := e.db.Querier(ctx).Exec(ctx, `delete from collections where owner_id = $1`, userID)
	return errors.Join(err, e.fail)
}

func (e *estate) Release(_ context.Context, userID int64) error {
	e.calls = append(e.calls, fmt.Sprintf("release %d", userID))
	return e.fail
}

func withEstate(t *testing.T, options ...testworld.Option) (*testworld.World, *estate) {
	t.Helper()
	w := testworld.New(t, append(options, testworld.NoWorker())...)
	e := &estate{db: w.DB}
	w.Users.ConnectEstate(e)
	return w, e
}

func TestDelete_TakesTheAccountWithAllThatIsTheirs(t *testing.T) {
	t.Parallel()
	w, e := withEstate(t)
	alice, bob := w.User("alice"), w.User("bob")
	pair := signIn(t, w, "alice")
	shared := w.Collection(bob)
	w.Grant(shared, alice, collections.Read)
	w.Key(alice, nil, auth.ScopeRead)
	w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodDelete, URL: userURL(alice), Status: http.StatusNoContent})
	require.Equal(t, []string{"count " + userID(alice), "release " + userID(alice)}, e.calls)
	require.Zero(t, w.Int(`
select (select count(*) from users where id = $1)
     + (select count(*) from refresh_tokens where user_id = $1)
     + (select count(*) from api_keys where user_id = $1)
     + (select count(*) from collection_permissions where user_id = $1)`, alice.ID))
	w.Request(testworld.Scenario{Token: "Bearer " + pair.Access, Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusUnauthorized})
	_, err := w.Users.Refresh(t.Context(), pair.Refresh, browser)
	require.ErrorIs(t, err, users.ErrRefreshTokenOrphan)
	_, err = w.Users.Login(t.Context(), "alice", testworld.Password, browser)
	require.ErrorIs(t, err, users.ErrWrongPassword)
	require.EqualValues(t, 1, w.Int(`
select count(*)
from audit_log
where action = 'user.delete'
  and object_id = $1
  and actor = 'root'
  and details @> '{"username": "alice", "email": "alice@example.com", "collections": 0}'`, userID(alice)), "it is told when there is nobody any more")
	again := w.User("alice")
	require.NotEqual(t, alice.ID, again.ID, "the name is free, and means somebody else")
}

func TestDelete_OneOfTwoMustBeSaidWhenTheUserOwnsCollections(t *testing.T) {
	t.Parallel()
	w, e := withEstate(t)
	alice, bob, carol := w.User("alice"), w.User("bob"), w.User("carol")
	asleep := w.User("asleep")
	w.Exec(`update users set is_active = false where id = $1`, asleep.ID)
	c := w.Collection(alice)
	remove := func(name string, whom users.User, query string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodDelete, URL: userURL(whom) + query, Status: status, Has: has}
	}
	w.Token(w.Root)
	before := w.Snapshot()
	w.HTTP(t,
		remove("neither", alice, "", http.StatusConflict, "user_owns_collections", "transfer_to", "delete_collections", `"collections":1`),
		remove("neither, in so many words", alice, "?delete_collections=false&transfer_to=", http.StatusConflict, "user_owns_collections"),
		remove("both", alice, "?delete_collections=true&transfer_to=bob", http.StatusUnprocessableEntity, "query.delete_collections"),
		remove("to nobody", alice, "?transfer_to=mallory", http.StatusNotFound, "no user of this name"),
		remove("to somebody's address", alice, "?transfer_to=bob@example.com", http.StatusNotFound),
		remove("to somebody deactivated", alice, "?transfer_to=asleep", http.StatusUnprocessableEntity, "query.transfer_to", "active"),
		remove("to themselves", alice, "?transfer_to=ALICE", http.StatusUnprocessableEntity, "query.transfer_to", "somebody else"),
		remove("not a boolean", alice, "?delete_collections=perhaps", http.StatusUnprocessableEntity),
		remove("somebody who is not there", users.User{ID: 4711}, "?delete_collections=true", http.StatusNotFound),
		testworld.Scenario{Name: "not by themselves", As: &alice, Method: http.MethodDelete, URL: userURL(alice) + "?delete_collections=true", Status: http.StatusForbidden},
	)
	require.Equal(t, []string{"public.audit_log", "public.refresh_tokens", "public.users"}, before.Changed(w.Snapshot()), "those of signing in")
	require.EqualValues(t, 4+1, w.Int(`select count(*) from users`))
	e.calls = nil

	w.HTTP(t, remove("transferred", alice, "?transfer_to=Bob", http.StatusNoContent))
	require.Equal(t, []string{"count " + userID(alice), "transfer " + userID(alice) + " to " + userID(bob), "release " + userID(alice)}, e.calls)
	require.Equal(t, bob.ID, w.Read(c.ID).OwnerID)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'user.delete' and details @> '{"transferred_to": "bob", "collections": 1}'`))

	w.HTTP(t, remove("deleted with them", bob, "?delete_collections=true", http.StatusNoContent))
	require.Zero(t, w.Int(`select count(*) from collections`))
	w.HTTP(t, remove("said though there is nothing", carol, "?delete_collections=true", http.StatusNoContent))
	require.NotContains(t, w.Log(), "level=ERROR")
}

// What is not connected cannot let go of what it owns.
func TestDelete_WithoutAnEstateTheDatabaseKeepsWhoOwnsSomething(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.Users.ConnectEstate(nil)
	alice, bob := w.User("alice"), w.User("bob")
	w.Collection(alice)
	err := w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{TransferTo: "bob"})
	require.Equal(t, apperr.Conflict, apperr.KindOf(err))
	require.NoError(t, w.Users.Delete(w.As(w.Root), bob.ID, users.DeleteInput{}))
}

func TestDelete_AllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w, e := withEstate(t, testworld.NoRetry())
	alice := w.User("alice")
	w.User("bob")
	w.Collection(alice)
	signIn(t, w, "alice")
	before := w.Snapshot()
	e.fail = errors.New("broken by a test")
	require.ErrorIs(t, w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{TransferTo: "bob"}), e.fail)
	require.Empty(t, before.Changed(w.Snapshot()))
	e.fail = nil
	changed := w.FailEach(func() error {
		return w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{TransferTo: "bob"})
	})
	require.Subset(t, changed, []string{"public.audit_log", "public.collections", "public.refresh_tokens", "public.users"})
}

// Somebody who makes a collection while they are deleted: it is theirs and they
// stay, or they are gone and it never was.
func TestDelete_NothingIsOrphanedThatIsMadeMeanwhile(t *testing.T) {
	t.Parallel()
	w, _ := withEstate(t)
	for i := range 8 {
		alice := w.User(fmt.Sprintf("alice_%d", i))
		errs := w.Race(2, func(n int) error {
			if n == 0 {
				return w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{})
			}
			_, err := w.Collections.Create(w.As(alice), collections.CreateInput{Name: alice.Username})
			return err
		})
		there := w.Int(`select count(*) from users where id = $1`, alice.ID)
		made := w.Int(`select count(*) from collections where owner_id = $1`, alice.ID)
		require.Equal(t, errs[0] != nil, there == 1, errs)
		require.Equal(t, errs[1] == nil, made == 1, errs)
		require.Equal(t, there, made, errs)
	}
}
