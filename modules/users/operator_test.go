package users_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestOperator_WorksOnAccountsByName(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("ALLOW_REGISTRATION=false"))
	ctx := auth.WithIdentity(t.Context(), auth.Operator())

	made, password, err := w.Users.Create(ctx, users.CreateInput{RegisterInput: users.RegisterInput{Username: "Alice", Email: "alice@example.com"}})
	require.NoError(t, err)
	require.False(t, made.IsSuperuser)
	require.Regexp(t, `^[a-z2-7]{26}$`, password)
	pair, err := w.Users.Login(t.Context(), "alice", password, browser)
	require.NoError(t, err)

	boss, given, err := w.Users.Create(ctx, users.CreateInput{IsSuperuser: true, RegisterInput: users.RegisterInput{Username: "boss", Email: "boss@example.com", Password: otherPassword}})
	require.NoError(t, err)
	require.True(t, boss.IsSuperuser)
	require.Equal(t, otherPassword, given)
	_, _, err = w.Users.Create(ctx, users.CreateInput{RegisterInput: users.RegisterInput{Username: "ALICE", Email: "x@example.com"}})
	require.ErrorIs(t, err, users.ErrUsernameTaken)
	_, _, err = w.Users.Create(ctx, users.CreateInput{RegisterInput: users.RegisterInput{Username: "x", Email: "x"}})
	require.Len(t, apperr.From(err).Fields, 2)

	listed, total, err := w.Users.List(ctx, "ali", database.Page{Limit: 10})
	require.NoError(t, err)
	require.EqualValues(t, 1, total)
	require.Equal(t, made.ID, listed[0].ID)
	found, err := w.Users.FindByName(ctx, "aLICE")
	require.NoError(t, err)
	require.Equal(t, made.ID, found.ID)

	changed, err := w.Users.SetActive(ctx, "alice", false)
	require.NoError(t, err)
	require.False(t, changed.IsActive)
	_, err = w.Users.Authenticate(t.Context(), pair.Access)
	require.ErrorIs(t, err, users.ErrInactive)
	changed, err = w.Users.SetActive(ctx, "alice", true)
	require.NoError(t, err)
	require.True(t, changed.IsActive)
	changed, err = w.Users.SetSuperuser(ctx, "alice", true)
	require.NoError(t, err)
	require.True(t, changed.IsSuperuser)

	requireReset(t, w, password)
	require.NoError(t, w.Users.Delete(ctx, made.ID, users.DeleteInput{}))

	for _, action := range []string{"user.register", "user.activate", "user.deactivate", "user.update", "user.password_reset", "user.delete"} {
		require.EqualValues(t, 1, w.Int(`
select count(*)
from audit_log
where action = $1
  and object_type = 'user'
  and object_id = $2
  and actor = 'operator'
  and user_id is null`, action, userID(made)), action)
	}
}

// requireReset gives alice another password.
func requireReset(t *testing.T, w *testworld.World, password string) {
	t.Helper()
	pair, err := w.Users.Login(t.Context(), "alice", password, browser)
	require.NoError(t, err)
	_, generated, err := w.Users.ResetPassword(auth.WithIdentity(t.Context(), auth.Operator()), "alice", "")
	require.NoError(t, err)
	require.NotEqual(t, password, generated)
	_, err = w.Users.Authenticate(t.Context(), pair.Access)
	require.ErrorIs(t, err, users.ErrSessionEnded)
	requireRefused(t, w, pair.Refresh, browser)
	_, err = w.Users.Login(t.Context(), "alice", password, browser)
	require.ErrorIs(t, err, users.ErrWrongPassword)
	_, err = w.Users.Login(t.Context(), "alice", generated, browser)
	require.NoError(t, err)
	for _, secret := range []string{password, generated, otherPassword} {
		require.Zero(t, w.Int(`select count(*) from audit_log a where a::text like '%' || $1 || '%'`, secret))
		require.NotContains(t, w.Log(), secret)
	}
}

func TestOperator_NobodyElseDoes(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	before := w.Snapshot()
	for _, as := range []struct {
		name string
		err  error
		who  *auth.Identity
	}{
		{"nobody", auth.ErrUnauthenticated, nil},
		{"a user", auth.ErrSuperuserRequired, &auth.Identity{UserID: alice.ID, Username: "alice"}},
		{"a superuser's key", auth.ErrSuperuserRequired, &auth.Identity{UserID: w.Root.ID, Username: "root", APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeAdmin}}},
	} {
		ctx := t.Context()
		if as.who != nil {
			ctx = auth.WithIdentity(ctx, *as.who)
		}
		_, _, err := w.Users.Create(ctx, users.CreateInput{IsSuperuser: true, RegisterInput: users.RegisterInput{Username: "mallory", Email: "m@example.com", Password: otherPassword}})
		require.ErrorIs(t, err, as.err, as.name)
		_, _, err = w.Users.List(ctx, "", database.Page{})
		require.ErrorIs(t, err, as.err, as.name)
		_, err = w.Users.FindByName(ctx, "root")
		require.ErrorIs(t, err, as.err, as.name)
		_, err = w.Users.SetActive(ctx, "root", false)
		require.ErrorIs(t, err, as.err, as.name)
		_, err = w.Users.SetSuperuser(ctx, "alice", true)
		require.ErrorIs(t, err, as.err, as.name)
		_, _, err = w.Users.ResetPassword(ctx, "root", otherPassword)
		require.ErrorIs(t, err, as.err, as.name)
		require.ErrorIs(t, w.Users.Delete(ctx, w.Root.ID, users.DeleteInput{}), as.err, as.name)
	}
	require.Empty(t, before.Changed(w.Snapshot()))
	ctx := auth.WithIdentity(t.Context(), auth.Operator())
	_, err := w.Users.SetActive(ctx, "mallory", true)
	require.ErrorIs(t, err, users.ErrNotFound)
	_, _, err = w.Users.ResetPassword(ctx, "mallory", "")
	require.ErrorIs(t, err, users.ErrNotFound)
}

// Whoever is called what the audit log calls others would speak for them there.
func TestOperator_NobodyIsCalledThat(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	for _, name := range []string{"operator", "Operator", "SYSTEM", "anonymous"} {
		_, err := w.Users.Register(t.Context(), users.RegisterInput{Username: name, Email: "x@example.com", Password: testworld.Password})
		require.ErrorContains(t, err, "reserved", name)
	}
	w.User("operators")
}

func TestOperator_StoresAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	ctx := auth.WithIdentity(t.Context(), auth.Operator())
	require.Equal(t, []string{"public.audit_log", "public.users"}, w.FailEach(func() error {
		_, _, err := w.Users.Create(ctx, users.CreateInput{RegisterInput: users.RegisterInput{Username: "alice", Email: "a@example.com", Password: otherPassword}})
		return err
	}))
	require.Equal(t, []string{"public.audit_log", "public.users"}, w.FailEach(func() error {
		_, _, err := w.Users.ResetPassword(ctx, "alice", "")
		return err
	}))
}
