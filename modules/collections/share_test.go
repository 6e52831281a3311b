package collections_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

func withUser(name, permission string) collections.ShareInput {
	return collections.ShareInput{Username: &name, Permission: permission}
}

// keyOf is the id of an API key of the user's.
func keyOf(w *testworld.World, u users.User) uuid.UUID {
	id, _ := w.NewKey(u, nil, auth.ScopeRead, auth.ScopeWrite, auth.ScopeAdmin)
	return id
}

// through is a context in which the key acts.
func through(u users.User, key uuid.UUID, scopes ...auth.Scope) auth.Identity {
	return auth.Identity{UserID: u.ID, Username: u.Username, APIKeyID: key, Scopes: scopes}
}

func TestShare_GivesTheRightAtOnceAndLeavesAnEntry(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice, bob := w.User("alice"), w.User("bob")
	c := w.Collection(alice)
	_, err := w.Collections.Get(w.As(bob), c.ID)
	require.ErrorIs(t, err, collections.ErrNotFound)

	var grant collections.Grant
	changed := w.FailEach(func() (err error) {
		grant, err = w.Collections.Share(w.As(alice), c.ID, withUser(" BOB ", "read"))
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collection_permissions"}, changed)
	require.Equal(t, bob.ID, *grant.UserID)
	require.Equal(t, "bob", grant.Username)
	require.Equal(t, collections.Read, grant.Permission)
	require.Equal(t, alice.ID, *grant.GrantedBy)
	require.Equal(t, "alice", *grant.GrantedByName)
	_, err = w.Collections.Get(w.As(bob), c.ID)
	require.NoError(t, err)

	changed = w.FailEach(func() error {
		_, err := w.Collections.ChangeGrant(w.As(alice), c.ID, grant.ID, "write")
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collection_permissions"}, changed)
	scope, err := w.Collections.Authorize(w.As(bob), c.ID, collections.Write)
	require.NoError(t, err)
	require.Equal(t, collections.Write, scope.Granted())
	before := w.Snapshot()
	same, err := w.Collections.ChangeGrant(w.As(alice), c.ID, grant.ID, "write")
	require.NoError(t, err)
	require.Equal(t, collections.Write, same.Permission)
	require.Empty(t, before.Changed(w.Snapshot()), "nothing changed, and no entry says so")

	changed = w.FailEach(func() error { return w.Collections.Unshare(w.As(alice), c.ID, grant.ID) })
	require.Equal(t, []string{"public.audit_log", "public.collection_permissions"}, changed)
	_, err = w.Collections.Get(w.As(bob), c.ID)
	require.ErrorIs(t, err, collections.ErrNotFound)
	require.ErrorIs(t, w.Collections.Unshare(w.As(alice), c.ID, grant.ID), collections.ErrPermissionNotFound)

	require.Equal(t, fmt.Sprintf(`collection.share {"user_id": %[1]d, "username": "bob", "permission": "read"}; `+
		`collection.permission_change {"to": "write", "from": "read", "user_id": %[1]d, "username": "bob"}; `+
		`collection.unshare {"user_id": %[1]d, "username": "bob", "permission": "write"}`, bob.ID),
		testworld.Value[string](w, `
select string_agg(action || ' ' || (details - 'permission_id')::text, '; ' order by id)
from audit_log
where object_type = 'collection' and object_id = $1 and actor = 'alice'
  and (action like 'collection.%share' or action = 'collection.permission_change')`, c.ID.String()))
}

func TestShare_WhomItIsRefusedForAndWhy(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob, gone := w.User("alice"), w.User("bob"), w.User("gone")
	c := w.Collection(alice)
	revoked, expired, unusable, good := keyOf(w, bob), keyOf(w, bob), keyOf(w, gone), keyOf(w, bob)
	w.Exec(`update api_keys set is_active = false where id = $1`, revoked)
	w.Exec(`update api_keys set expires_at = now() where id = $1`, expired)
	w.Exec(`update users set is_active = false where id = $1`, gone.ID)
	there, err := w.Collections.Share(w.As(alice), c.ID, withUser("bob", "admin"))
	require.NoError(t, err)
	_, err = w.Collections.Share(w.As(alice), c.ID, collections.ShareInput{APIKeyID: &good, Permission: "read"})
	require.NoError(t, err)

	before := w.Snapshot()
	for name, refused := range map[string]struct {
		in   collections.ShareInput
		code string
	}{
		"nobody":                      {collections.ShareInput{Permission: "read"}, "invalid_input"},
		"two at once":                 {collections.ShareInput{Username: new("bob"), UserID: &bob.ID, Permission: "read"}, "invalid_input"},
		"all three":                   {collections.ShareInput{Username: new("bob"), UserID: &bob.ID, APIKeyID: &good, Permission: "read"}, "invalid_input"},
		"no permission":               {withUser("bob", ""), "invalid_input"},
		"no such permission":          {withUser("bob", "owner"), "invalid_input"},
		"an empty name":               {withUser("  ", "read"), "invalid_input"},
		"a name that nobody has":      {withUser("nobody", "read"), "grantee_not_found"},
		"a name that nobody can have": {withUser("a%_\x01é", "read"), "grantee_not_found"},
		"an id that nobody has":       {collections.ShareInput{UserID: new(int64(1 << 50)), Permission: "read"}, "grantee_not_found"},
		"no id":                       {collections.ShareInput{UserID: new(int64(0)), Permission: "read"}, "grantee_not_found"},
		"somebody deactivated":        {withUser("gone", "read"), "grantee_not_found"},
		"the owner":                   {withUser("Alice", "read"), "grantee_is_owner"},
		"a key that nobody has":       {collections.ShareInput{APIKeyID: new(uuid.New()), Permission: "read"}, "grantee_not_found"},
		"a revoked key":               {collections.ShareInput{APIKeyID: &revoked, Permission: "read"}, "grantee_not_found"},
		"an expired key":              {collections.ShareInput{APIKeyID: &expired, Permission: "read"}, "grantee_not_found"},
		"a key of one deactivated":    {collections.ShareInput{APIKeyID: &unusable, Permission: "read"}, "grantee_not_found"},
		"who has it":                  {withUser("bob", "read"), "permission_exists"},
		"a key that has it":           {collections.ShareInput{APIKeyID: &good, Permission: "admin"}, "permission_exists"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Collections.Share(w.As(alice), c.ID, refused.in)
			require.Equal(t, refused.code, apperr.CodeOf(err), "%v", err)
		})
	}
	require.Empty(t, before.Changed(w.Snapshot()))

	_, err = w.Collections.Share(w.As(alice), c.ID, withUser("bob", "read"))
	require.Equal(t, map[string]any{"permission_id": there.ID, "permission": "admin"}, apperr.From(err).Details)
	require.Equal(t, messageOf(w, alice, c, "nobody"), messageOf(w, alice, c, "gone"), "whether there is such an account, nobody learns")
}

func messageOf(w *testworld.World, as users.User, c collections.Collection, name string) string {
	_, err := w.Collections.Share(w.As(as), c.ID, withUser(name, "read"))
	return apperr.From(err).Message
}

func TestShare_ByAnAdminWhoCannotTakeTheOwnersRight(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	owner, admin, writer, bob := w.User("owner"), w.User("admin"), w.User("writer"), w.User("bob")
	c := w.Collection(owner)
	w.Grant(c, admin, collections.Admin)
	w.Grant(c, writer, collections.Write)
	_, err := w.Collections.Share(w.As(admin), c.ID, withUser("bob", "admin"))
	require.NoError(t, err)
	_, err = w.Collections.Share(w.As(admin), c.ID, withUser("owner", "read"))
	require.ErrorIs(t, err, collections.ErrGranteeIsOwner)
	// One that is there by accident takes nothing away.
	w.Exec(`insert into collection_permissions (collection_id, user_id, permission) values ($1, $2, 'read')`, c.ID, owner.ID)
	scope, err := w.Collections.Authorize(w.As(owner), c.ID, collections.Admin)
	require.NoError(t, err)
	require.Equal(t, collections.Admin, scope.Granted())

	before := w.Snapshot()
	for _, who := range []users.User{writer} {
		_, err = w.Collections.Share(w.As(who), c.ID, withUser("bob", "read"))
		require.ErrorIs(t, err, collections.ErrForbidden)
		_, _, err = w.Collections.Grants(w.As(who), c.ID, database.Page{Limit: 10})
		require.ErrorIs(t, err, collections.ErrForbidden)
	}
	require.Empty(t, before.Changed(w.Snapshot()))

	// Who gives up their own right has none from then on.
	grants, _, err := w.Collections.Grants(w.As(admin), c.ID, database.Page{Limit: 10})
	require.NoError(t, err)
	own := grants[slices.IndexFunc(grants, func(g collections.Grant) bool { return g.Username == "admin" })]
	require.NoError(t, w.Collections.Unshare(w.As(admin), c.ID, own.ID))
	_, _, err = w.Collections.Grants(w.As(admin), c.ID, database.Page{Limit: 10})
	require.ErrorIs(t, err, collections.ErrNotFound)
	_, err = w.Collections.Get(w.As(bob), c.ID)
	require.NoError(t, err, "what they gave stays")
}

func TestShare_WithAnAPIKeyWhoseOwnerMayNot(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	c := w.Collection(alice)
	key, other := keyOf(w, bob), keyOf(w, bob)
	grant, err := w.Collections.Share(w.As(alice), c.ID, collections.ShareInput{APIKeyID: &key, Permission: "write"})
	require.NoError(t, err)
	require.Equal(t, "bob", grant.Username)
	require.Nil(t, grant.UserID)
	require.NotEmpty(t, *grant.APIKeyPrefix)

	all := []auth.Scope{auth.ScopeRead, auth.ScopeWrite, auth.ScopeAdmin}
	_, err = w.Collections.Authorize(auth.WithIdentity(t.Context(), through(bob, key, all...)), c.ID, collections.Write)
	require.NoError(t, err)
	_, err = w.Collections.Authorize(auth.WithIdentity(t.Context(), through(bob, key, all...)), c.ID, collections.Admin)
	require.ErrorIs(t, err, collections.ErrForbidden)
	_, err = w.Collections.Authorize(auth.WithIdentity(t.Context(), through(bob, key, auth.ScopeRead)), c.ID, collections.Write)
	require.ErrorIs(t, err, auth.ErrScopeMissing, "the key's scopes bind all that it was given")
	_, err = w.Collections.Get(auth.WithIdentity(t.Context(), through(bob, other, all...)), c.ID)
	require.ErrorIs(t, err, collections.ErrNotFound)
	_, err = w.Collections.Get(w.As(bob), c.ID)
	require.ErrorIs(t, err, collections.ErrNotFound)

	// A key with the scope admin shares in its owner's name.
	hers := keyOf(w, alice)
	ctx := auth.WithIdentity(t.Context(), through(alice, hers, auth.ScopeAdmin))
	grant, err = w.Collections.Share(ctx, c.ID, withUser("bob", "read"))
	require.NoError(t, err)
	require.Equal(t, "alice", *grant.GrantedByName)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.share' and api_key_id = $1`, hers))
	ctx = auth.WithIdentity(t.Context(), through(alice, hers, auth.ScopeRead, auth.ScopeWrite))
	require.ErrorIs(t, w.Collections.Unshare(ctx, c.ID, grant.ID), auth.ErrScopeMissing)
}

func TestShare_OfManyWhoShareWithOneOneDoes(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.User("bob")
	c := w.Collection(alice)
	won := 0
	for _, err := range w.Race(6, func(i int) error {
		_, err := w.Collections.Share(w.As(alice), c.ID, withUser("bob", []string{"read", "write", "admin"}[i%3]))
		return err
	}) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, collections.ErrPermissionExists)
	}
	require.Equal(t, 1, won)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.share'`))
}

// Shared before the deletion or refused after it: a permission on what is gone
// would be left over.
func TestShare_AgainstADeletionLeavesNoPermissionOnWhatIsGone(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.User("bob")
	c := w.Collection(alice)
	held := w.Trace.PauseAt("insert into collection_permissions")
	shared := make(chan error, 1)
	go func() {
		_, err := w.Collections.Share(w.As(alice), c.ID, withUser("bob", "read"))
		shared <- err
	}()
	<-held.Reached()
	deleted := make(chan error, 1)
	go func() { deleted <- w.Collections.Delete(w.As(alice), c.ID) }()
	w.Await("the deletion waits for the share", func() bool {
		return w.Int(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%for no key update'`) == 1
	})
	held.Resume()
	require.NoError(t, <-shared)
	require.NoError(t, <-deleted)
	_, err := w.Collections.Share(w.As(alice), c.ID, withUser("bob", "read"))
	require.ErrorIs(t, err, collections.ErrNotFound)
}

func TestGrants_ListsWhoGaveWhatToWhomInPages(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, eve := w.User("alice"), w.User("eve")
	c := w.Collection(alice)
	w.Grant(c, eve, collections.Admin)
	for i := range 4 {
		w.User(fmt.Sprintf("user_%d", i))
		by := alice
		if i%2 == 1 {
			by = eve
		}
		_, err := w.Collections.Share(w.As(by), c.ID, withUser(fmt.Sprintf("USER_%d", i), "read"))
		require.NoError(t, err)
	}
	key := keyOf(w, eve)
	_, err := w.Collections.Share(w.As(alice), c.ID, collections.ShareInput{APIKeyID: &key, Permission: "write"})
	require.NoError(t, err)
	var seen []string
	for offset := 0; offset < 8; offset += 2 {
		page, total, err := w.Collections.Grants(w.As(alice), c.ID, database.Page{Offset: offset, Limit: 2})
		require.NoError(t, err)
		require.EqualValues(t, 6, total)
		for _, g := range page {
			seen = append(seen, fmt.Sprintf("%s %s by %s", g.Username, g.Permission, *g.GrantedByName))
		}
	}
	require.Equal(t, []string{"eve admin by alice", "user_0 read by alice", "user_1 read by eve", "user_2 read by alice", "user_3 read by eve", "eve write by alice"}, seen)

	w.Exec(`delete from users where id = $1`, eve.ID)
	page, total, err := w.Collections.Grants(w.As(alice), c.ID, database.Page{Limit: 10})
	require.NoError(t, err)
	require.EqualValues(t, 4, total, "what was given to her and to her key went with her")
	require.Nil(t, page[1].GrantedBy, "what she gave stays")
	require.Nil(t, page[1].GrantedByName)
	other := w.Collection(alice)
	_, err = w.Collections.ChangeGrant(w.As(alice), other.ID, page[0].ID, "admin")
	require.ErrorIs(t, err, collections.ErrPermissionNotFound, "another collection's")
	require.ErrorIs(t, w.Collections.Unshare(w.As(alice), other.ID, page[0].ID), collections.ErrPermissionNotFound)
}

func TestShare_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	c := w.Collection(alice)
	key := keyOf(w, bob)
	path := "/api/v2/collections/" + c.ID.String() + "/permissions"
	made := w.Request(testworld.Scenario{Method: http.MethodPost, URL: path, As: &alice, Status: http.StatusCreated,
		Body: map[string]any{"username": "Bob", "user_id": nil, "permission": "read", "more": 1},
		Has:  []string{`"username":"bob"`, `"granted_by_username":"alice"`, `"api_key_id":null`, `"api_key_name":null`, `"permission":"read"`, `"created_at":"20`}})
	id := fmt.Sprintf("%.0f", made.JSON(t)["id"])
	w.HTTP(t,
		testworld.Scenario{Method: http.MethodPost, URL: path, As: &alice, Status: http.StatusCreated,
			Body: map[string]any{"api_key_id": key, "permission": "write"}, Has: []string{`"user_id":null`, `"username":"bob"`, `"api_key_prefix":"smtk_`}},
		testworld.Scenario{Method: http.MethodPost, URL: path, As: &alice, Status: http.StatusConflict, Pure: true,
			Body: map[string]any{"username": "bob", "permission": "admin"}, Has: []string{"permission_exists", `"permission_id":` + id}},
		testworld.Scenario{Method: http.MethodPost, URL: path, As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: map[string]any{"permission": "all"}, Has: []string{"exactly one of", "body.permission"}},
		testworld.Scenario{Method: http.MethodPost, URL: path, As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: map[string]any{"username": "bob"}, Has: []string{"body.permission", "is required"}},
		testworld.Scenario{Method: http.MethodPost, URL: path, As: &alice, Status: http.StatusNotFound, Pure: true,
			Body: map[string]any{"username": "nobody", "permission": "read"}, Has: []string{"grantee_not_found"}},
		testworld.Scenario{Method: http.MethodPost, URL: path, As: &bob, Status: http.StatusForbidden, Pure: true,
			Body: map[string]any{"username": "alice", "permission": "read"}},
		testworld.Scenario{Method: http.MethodGet, URL: path + "?limit=1", As: &alice, Status: http.StatusOK, Pure: true,
			Has: []string{`"total":2`, `"offset":0`, `"limit":1`, `"items":[{`}},
		testworld.Scenario{Method: http.MethodGet, URL: path + "?offset=9", As: &alice, Status: http.StatusOK, Pure: true, Has: []string{`"items":[]`, `"total":2`}},
		testworld.Scenario{Method: http.MethodGet, URL: path + "?limit=101", As: &alice, Status: http.StatusUnprocessableEntity, Pure: true},
		testworld.Scenario{Method: http.MethodGet, URL: path, As: &bob, Status: http.StatusForbidden, Pure: true, HasNot: []string{"alice"}},
		testworld.Scenario{Method: http.MethodPatch, URL: path + "/" + id, As: &alice, Status: http.StatusOK,
			Body: map[string]any{"permission": "admin"}, Has: []string{`"permission":"admin"`}},
		testworld.Scenario{Method: http.MethodPatch, URL: path + "/" + id, As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: map[string]any{"permission": "own"}},
		testworld.Scenario{Method: http.MethodPatch, URL: path + "/4711", As: &alice, Status: http.StatusNotFound, Pure: true,
			Body: map[string]any{"permission": "read"}, Has: []string{"permission_not_found"}},
		testworld.Scenario{Method: http.MethodDelete, URL: path + "/" + id, As: &bob, Status: http.StatusNoContent},
		testworld.Scenario{Method: http.MethodDelete, URL: path + "/" + id, As: &alice, Status: http.StatusNotFound, Pure: true},
		testworld.Scenario{Method: http.MethodDelete, URL: path + "/x", As: &alice, Status: http.StatusUnprocessableEntity, Pure: true},
	)
}

func TestSuite_SharingUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		alice := w.User("alice")
		names := []string{"ben", "cleo", "dora", "emil"}
		for _, n := range names {
			w.User(n)
		}
		c := w.Collection(alice)
		grants := make([]collections.Grant, len(names))
		require.NoError(t, errors.Join(w.Race(len(names), func(i int) (err error) {
			grants[i], err = w.Collections.Share(w.As(alice), c.ID, withUser(names[i], "read"))
			return err
		})...))
		require.NoError(t, errors.Join(w.Race(len(names), func(i int) error {
			if i%2 == 0 {
				return w.Collections.Unshare(w.As(alice), c.ID, grants[i].ID)
			}
			_, err := w.Collections.ChangeGrant(w.As(alice), c.ID, grants[i].ID, "write")
			return err
		})...))
		left, total, err := w.Collections.Grants(w.As(alice), c.ID, database.Page{Limit: 10})
		require.NoError(t, err)
		require.EqualValues(t, 2, total)
		for _, g := range left {
			require.Equal(t, collections.Write, g.Permission)
		}
		require.EqualValues(t, 8, w.Int(`select count(*) from audit_log where action like 'collection.%share' or action = 'collection.permission_change'`),
			"one entry for each, however often it was tried")
	}, testworld.NoWorker())
}
