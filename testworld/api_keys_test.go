package testworld_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

// keys are the askers that use one.
var keys = []testworld.Asker{testworld.KeyToRead, testworld.KeyToWrite, testworld.KeyToAdmin, testworld.KeyElsewhere}

// keysMay reports whether a key of the right scope may do it at all.
func keysMay(r testworld.Row) bool {
	return slices.ContainsFunc(keys, func(a testworld.Asker) bool { return r.Status(a) < http.StatusBadRequest })
}

// bound reports whether the route is about one collection: a key that is confined
// to another one does not find it.
func bound(r testworld.Row) bool { return r.Status(testworld.KeyElsewhere) == http.StatusNotFound }

// askThrough sends the request of each row through a key: what it is answered is
// for the test to say, and 0 for a row that is not asked. prepare is called for
// each new matter.
func askThrough(t *testing.T, c *testworld.Cast, secret string, prepare func(m testworld.Matter), want func(r testworld.Row) int) {
	t.Helper()
	prepare(c.Matter(testworld.Owner))
	asked := 0
	for _, section := range testworld.Matrix() {
		for _, row := range section.Rows {
			status := want(row)
			if status == 0 {
				continue
			}
			asked++
			t.Run(row.Route, func(t *testing.T) {
				c := c.In(t)
				if row.Ends {
					c.AwaitQuiet() // what came before may have started an operation
				}
				s := c.Scenario(row, testworld.Owner, c.Matter(testworld.Owner))
				s.Token, s.Status, s.HasNot = "Bearer "+secret, status, nil
				if status >= http.StatusBadRequest {
					s.HasNot = []string{testworld.Secret}
				}
				c.Request(s)
			})
			if row.Ends && status < http.StatusBadRequest {
				c.Renew()
				prepare(c.Matter(testworld.Owner))
			}
		}
	}
	require.GreaterOrEqual(t, asked, 5, "the test asks for something")
}

func nothing(testworld.Matter) {}

// A superuser's key may do what anybody's may, and nothing of what a superuser may.
func TestAPIKeys_ASuperusersIsNoSuperuser(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	secret := c.Key(c.Root, nil, auth.Scopes()...)
	askThrough(t, c, secret, nothing, func(r testworld.Row) int {
		switch stranger := r.Status(testworld.Stranger); {
		case r.Status(testworld.Superuser) >= http.StatusBadRequest || stranger < http.StatusBadRequest:
			return 0
		case bound(r):
			return http.StatusNotFound
		case r.Status(testworld.KeyElsewhere) < http.StatusBadRequest:
			return stranger // a key may ask, and finds what anybody would
		default:
			return http.StatusForbidden
		}
	})
}

// A key that is confined to the very collection, and has every scope, does what its
// owner does there.
func TestAPIKeys_OneThatIsConfinedToTheCollectionActsAsItsOwnerThere(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	id, secret := c.NewKey(c.People[testworld.Owner], []uuid.UUID{uuid.New()}, auth.Scopes()...)
	confine := func(m testworld.Matter) {
		c.Exec(`update api_keys set permissions = jsonb_set(permissions, '{collections}', jsonb_build_array($2::text)) where id = $1`, id, m.Collection.String())
	}
	askThrough(t, c, secret, confine, func(r testworld.Row) int {
		if !bound(r) || !keysMay(r) {
			return 0
		}
		return r.Status(testworld.Owner)
	})
}

// What is given to a key itself the key may do, although its owner may not; and
// neither its owner nor another of their keys gains anything by it.
func TestAPIKeys_APermissionOfTheKeysOwn(t *testing.T) {
	t.Parallel()
	for permission, as := range map[collections.Permission]testworld.Asker{
		collections.Read: testworld.Reader, collections.Write: testworld.Writer, collections.Admin: testworld.Administrator,
	} {
		t.Run(permission.String(), func(t *testing.T) {
			t.Parallel()
			c := testworld.NewCast(t)
			id, secret := c.NewKey(c.People[testworld.Stranger], nil, auth.Scopes()...)
			other := c.Key(c.People[testworld.Stranger], nil, auth.Scopes()...)
			elsewhere := c.Key(c.People[testworld.Stranger], []uuid.UUID{uuid.New()}, auth.Scopes()...)
			grant := func(m testworld.Matter) {
				c.Exec(`insert into collection_permissions (collection_id, api_key_id, permission) select $1, k.id, $2 from api_keys k where k.id = $3 or k.key_hash = $4`,
					m.Collection, permission.String(), id, auth.HashToken(elsewhere))
			}
			// The refused first, for what is let through may use the matter up.
			for _, secret := range []string{other, elsewhere} {
				askThrough(t, c, secret, nothing, func(r testworld.Row) int {
					if !bound(r) || !keysMay(r) {
						return 0
					}
					return http.StatusNotFound
				})
			}
			askThrough(t, c, secret, grant, func(r testworld.Row) int {
				if !bound(r) || !keysMay(r) {
					return 0
				}
				return r.Status(as)
			})
			for _, row := range rowsWith(testworld.Stranger, http.StatusNotFound) {
				c.Request(c.Scenario(row, testworld.Stranger, c.Matter(testworld.Stranger)))
			}
		})
	}
}

// One scope lets one kind of thing be done, on whatever the key reaches.
func TestAPIKeys_AScopeBindsAPermissionOfTheKeysOwn(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	for scope, as := range map[auth.Scope]testworld.Asker{
		auth.ScopeRead: testworld.KeyToRead, auth.ScopeWrite: testworld.KeyToWrite, auth.ScopeAdmin: testworld.KeyToAdmin,
	} {
		t.Run(string(scope), func(t *testing.T) {
			id, secret := c.NewKey(c.People[testworld.Stranger], nil, scope)
			grant := func(m testworld.Matter) {
				c.Exec(`insert into collection_permissions (collection_id, api_key_id, permission) values ($1, $2, 'admin')`, m.Collection, id)
			}
			askThrough(t, c, secret, grant, func(r testworld.Row) int {
				if !bound(r) || !keysMay(r) {
					return 0
				}
				return r.Status(as)
			})
		})
	}
}

// through is a context in which a key acts.
func through(t *testing.T, w *testworld.World, secret string) context.Context {
	t.Helper()
	who, err := w.Users.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	return auth.WithIdentity(t.Context(), who)
}

// seen lists what there is for the context: the collections, and those that it has
// operations on, each with the total that the list tells.
func seen(ctx context.Context, t *testing.T, w *testworld.World) (found, worked map[uuid.UUID]bool) {
	t.Helper()
	found, worked = map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	listed, total, err := w.Collections.List(ctx, collections.ListQuery{IncludePublic: true, Page: database.Page{Limit: 100}})
	require.NoError(t, err)
	require.Len(t, listed, int(total))
	for _, c := range listed {
		found[c.ID] = true
	}
	started, total, err := w.Operations.List(ctx, operations.ListQuery{Page: database.Page{Limit: 100}})
	require.NoError(t, err)
	require.Len(t, started, int(total))
	for _, o := range started {
		worked[o.CollectionID] = true
	}
	return found, worked
}

func ids(of ...uuid.UUID) map[uuid.UUID]bool {
	set := map[uuid.UUID]bool{}
	for _, id := range of {
		set[id] = true
	}
	return set
}

func TestAPIKeys_ListsAndTotalsHaveNothingBeyondTheKeysReach(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	a, b := w.NewCollection(alice).ID, w.NewCollection(alice).ID
	public, private := w.NewCollection(bob, testworld.Public()).ID, w.NewCollection(bob).ID
	shared := w.NewCollection(bob)
	w.Grant(shared.Collection, alice, collections.Read)

	for name, c := range map[string]struct {
		within            []uuid.UUID
		found, operations map[uuid.UUID]bool
	}{
		"everywhere":                   {nil, ids(a, b, public, shared.ID), ids(a, b)},
		"nowhere":                      {[]uuid.UUID{}, ids(), ids()},
		"one's own":                    {[]uuid.UUID{a}, ids(a), ids(a)},
		"a public one":                 {[]uuid.UUID{public}, ids(public), ids()},
		"one's own and a shared one":   {[]uuid.UUID{b, shared.ID}, ids(b, shared.ID), ids(b)},
		"another's":                    {[]uuid.UUID{private}, ids(), ids()},
		"one that does not exist":      {[]uuid.UUID{uuid.New()}, ids(), ids()},
		"one's own and what is not to": {[]uuid.UUID{uuid.New(), a, private}, ids(a), ids(a)},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := through(t, w, w.In(t).Key(alice, c.within, auth.ScopeRead))
			found, worked := seen(ctx, t, w)
			require.Equal(t, c.found, found)
			require.Equal(t, c.operations, worked)
			for _, id := range []uuid.UUID{a, b, public, private, shared.ID} {
				_, err := w.Collections.Get(ctx, id)
				require.Equal(t, c.found[id], err == nil)
			}
		})
	}
	t.Run("what is given to the key is in its list, and in no other", func(t *testing.T) {
		id, secret := w.NewKey(alice, []uuid.UUID{a, private}, auth.ScopeRead)
		w.Exec(`insert into collection_permissions (collection_id, api_key_id, permission) values ($1, $2, 'read')`, private, id)
		found, _ := seen(through(t, w, secret), t, w)
		require.Equal(t, ids(a, private), found)
		found, _ = seen(w.As(alice), t, w)
		require.Equal(t, ids(a, b, public, shared.ID), found)
		w.Exec(`delete from collection_permissions where api_key_id = $1`, id)
		found, _ = seen(through(t, w, secret), t, w)
		require.Equal(t, ids(a), found)
	})
	t.Run("a superuser's key lists what is theirs", func(t *testing.T) {
		found, worked := seen(through(t, w, w.Key(w.Root, nil, auth.ScopeRead)), t, w)
		require.Equal(t, ids(public), found)
		require.Empty(t, worked)
	})
}

func TestAPIKeys_WhatAKeyStartsWhereItAloneMayWrite(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice, bob := w.User("alice"), w.User("bob")
	c := w.Collection(bob)
	id, secret := w.NewKey(alice, nil, auth.ScopeRead, auth.ScopeWrite)
	w.Exec(`insert into collection_permissions (collection_id, api_key_id, permission) values ($1, $2, 'write')`, c.ID, id)
	ctx := through(t, w, secret)

	results, operation, err := w.Documents.Upload(ctx, c.ID, documents.Upload{Next: testworld.Sequence(testworld.File{Path: "a.txt", Content: "walrus"})})
	require.NoError(t, err)
	require.NotNil(t, operation)
	w.AwaitOperation(*operation)
	_, err = w.Documents.Get(ctx, c.ID, results[0].Document.ID)
	require.NoError(t, err)

	t.Run("the key sees its operation and the collection's others", func(t *testing.T) {
		o, err := w.Operations.Get(ctx, *operation)
		require.NoError(t, err)
		require.Equal(t, c.ID, o.CollectionID)
		require.Equal(t, alice.ID, *o.UserID)
		index := testworld.Value[uuid.UUID](w, `select uuid from operations where collection_id = $1 and type = 'index'`, c.ID)
		_, err = w.Operations.Get(ctx, index)
		require.NoError(t, err, "bob's, on a collection that the key may read")
		_, err = w.Operations.Get(w.As(alice), index)
		require.ErrorIs(t, err, operations.ErrNotFound)
		_, worked := seen(ctx, t, w)
		require.Equal(t, ids(c.ID), worked)
	})
	t.Run("a key of the same owner that is confined elsewhere does not", func(t *testing.T) {
		confined := through(t, w, w.Key(alice, []uuid.UUID{uuid.New()}, auth.ScopeRead))
		_, err := w.Operations.Get(confined, *operation)
		require.ErrorIs(t, err, operations.ErrNotFound)
		_, worked := seen(confined, t, w)
		require.Empty(t, worked)
	})
	t.Run("taken back, it is gone with the next request", func(t *testing.T) {
		w.Exec(`delete from collection_permissions where api_key_id = $1`, id)
		_, err := w.Collections.Get(ctx, c.ID)
		require.ErrorIs(t, err, collections.ErrNotFound)
		_, _, err = w.Documents.Upload(ctx, c.ID, documents.Upload{Next: testworld.Sequence(testworld.File{Path: "b.txt", Content: "b"})})
		require.ErrorIs(t, err, collections.ErrNotFound)
	})
}

func TestAPIKeys_ASearchStaysWithinTheKeysReach(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	owner := c.People[testworld.Owner]
	mine, others := c.Matter(testworld.Owner).Collection, c.Matter(testworld.ReaderByPublic).Collection
	confined := c.Key(owner, []uuid.UUID{mine}, auth.ScopeRead)
	search := func(secret string, status int, of ...uuid.UUID) testworld.Answer {
		return c.Request(testworld.Scenario{Token: "Bearer " + secret, Method: http.MethodPost, URL: "/api/v2/search",
			Body: map[string]any{"collection_uuids": of, "query": testworld.Secret}, Status: status})
	}
	found := search(confined, http.StatusOK, mine)
	require.Contains(t, found.Body, testworld.Secret)
	for _, of := range [][]uuid.UUID{{others}, {mine, others}, {others, mine}, {uuid.New()}} {
		refused := search(confined, http.StatusNotFound, of...)
		require.NotContains(t, refused.Body, "secret of", "not even a part of the answer")
	}
	for _, scope := range []auth.Scope{auth.ScopeWrite, auth.ScopeAdmin} {
		search(c.Key(owner, nil, scope), http.StatusForbidden, mine)
	}
}

func TestAPIKeys_OneThatIsConfinedMakesNoCollection(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	create := func(ctx context.Context) error {
		_, err := w.Collections.Create(ctx, collections.CreateInput{Name: fmt.Sprint("c ", uuid.New())})
		return err
	}
	before := w.Snapshot()
	for _, within := range [][]uuid.UUID{{}, {uuid.New()}} {
		require.ErrorIs(t, create(through(t, w, w.Key(alice, within, auth.Scopes()...))), auth.ErrScopeMissing)
	}
	require.ErrorIs(t, create(through(t, w, w.Key(alice, nil, auth.ScopeRead, auth.ScopeAdmin))), auth.ErrScopeMissing)
	require.Equal(t, []string{"public.api_keys"}, before.Changed(w.Snapshot()))
	require.NoError(t, create(through(t, w, w.Key(alice, nil, auth.ScopeWrite))))
	require.EqualValues(t, 1, w.Int(`select count(*) from collections where owner_id = $1`, alice.ID), "it is its owner's")
}

func TestAPIKeys_TheAuditLogNamesTheKeyAndItsOwner(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	id, secret := w.NewKey(alice, nil, auth.ScopeAdmin)
	username := bob.Username
	_, err := w.Collections.Share(through(t, w, secret), w.NewCollection(alice).ID, collections.ShareInput{Username: &username, Permission: "read"})
	require.NoError(t, err)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.share' and user_id = $1 and actor = 'alice' and api_key_id = $2`, alice.ID, id))
}

// Whoever may not see a collection is told the same of it as of one that does not
// exist, whatever the key that they use was made for.
func TestAPIKeys_NoScopeTellsWhetherACollectionExists(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	theirs := w.NewCollection(bob).ID
	for _, scopes := range [][]auth.Scope{{auth.ScopeRead}, {auth.ScopeWrite}, {auth.ScopeAdmin}, {}} {
		ctx := through(t, w, w.Key(alice, nil, scopes...))
		for _, need := range []collections.Permission{collections.None, collections.Read, collections.Write, collections.Admin} {
			_, unseen := w.Collections.Authorize(ctx, theirs, need)
			_, absent := w.Collections.Authorize(ctx, uuid.New(), need)
			require.Equal(t, apperr.NotFound, apperr.KindOf(unseen))
			require.Equal(t, apperr.From(absent), apperr.From(unseen))
		}
	}
}
