package operations_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestList_IsOnesOwnNewestFirstAndFiltered(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.Collection(w.Root)
	var mine uuid.UUID
	for i := range 5 {
		c := w.NewCollection(alice)
		mine = c.ID
		w.Exec(`update operations set created_at = now() + make_interval(secs => $2) where uuid = $1`, c.InitialOperationID, float64(i/2))
		if i == 0 {
			w.Finish(c.InitialOperationID)
		}
	}
	var seen []uuid.UUID
	last := time.Now().Add(time.Hour)
	for offset := 0; offset < 6; offset += 2 {
		page, total, err := w.Operations.List(w.As(alice), operations.ListQuery{Page: database.Page{Offset: offset, Limit: 2}})
		require.NoError(t, err)
		require.EqualValues(t, 5, total)
		for _, o := range page {
			require.False(t, o.CreatedAt.After(last))
			last = o.CreatedAt
			seen = append(seen, o.UUID)
		}
	}
	require.Len(t, seen, 5)
	slices.SortFunc(seen, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	require.Len(t, slices.Compact(seen), 5)
	for query, status := range map[string]int{
		"": 200, "?status=pending": 200, "?status=PENDING,%20completed": 200, "?operation_type=index": 200,
		"?status=lost": 400, "?status=pending,": 400, "?operation_type=juggle": 400, "?page=0": 422, "?per_page=101": 422, "?per_page=many": 422,
	} {
		t.Run(query, func(t *testing.T) {
			for _, path := range []string{"/api/v2/operations", "/api/v2/collections/" + mine.String() + "/operations"} {
				w.In(t).Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: path + query, Status: status})
			}
		})
	}
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/v2/operations?status=completed", Status: http.StatusOK, Has: []string{`"total":1`}})
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: fmt.Sprintf("/api/v2/operations/%s", uuid.New()), Status: http.StatusNotFound})
}

func TestList_OfOthersIsForSuperusers(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	mine, theirs, roots := w.NewCollection(alice), w.NewCollection(bob), w.NewCollection(w.Root)
	ids := func(ctx context.Context, q operations.ListQuery) []uuid.UUID {
		q.Page = database.Page{Limit: 10}
		found, total, err := w.Operations.List(ctx, q)
		require.NoError(t, err)
		require.EqualValues(t, len(found), total)
		var all []uuid.UUID
		for _, o := range found {
			all = append(all, o.UUID)
		}
		return all
	}
	require.Equal(t, []uuid.UUID{mine.InitialOperationID}, ids(w.As(w.Root), operations.ListQuery{User: "ALICE"}))
	require.Equal(t, []uuid.UUID{roots.InitialOperationID}, ids(w.As(w.Root), operations.ListQuery{}))
	require.Equal(t, []uuid.UUID{roots.InitialOperationID, theirs.InitialOperationID, mine.InitialOperationID},
		ids(w.As(w.Root), operations.ListQuery{All: true}))
	require.Equal(t, []uuid.UUID{theirs.InitialOperationID}, ids(w.As(w.Root), operations.ListQuery{All: true, User: "bob"}))
	require.Empty(t, ids(w.As(w.Root), operations.ListQuery{All: true, Type: "delete"}))
	require.Empty(t, ids(auth.WithIdentity(t.Context(), auth.Operator()), operations.ListQuery{}), "the operator has started none")

	key := w.Key(w.Root, nil, auth.ScopeRead, auth.ScopeWrite, auth.ScopeAdmin)
	get := func(name string, as *users.User, token, query string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: as, Token: token, Method: http.MethodGet, URL: "/api/v2/operations" + query, Status: status, Has: has}
	}
	w.HTTP(t,
		get("everybody's", &w.Root, "", "?all=true", http.StatusOK, `"total":3`),
		get("a user's", &w.Root, "", "?user=alice&status=pending", http.StatusOK, `"total":1`, mine.ID.String()),
		get("nobody's", &w.Root, "", "?user=mallory", http.StatusBadRequest, "unknown_operation_user", "mallory"),
		get("not a boolean", &w.Root, "", "?all=perhaps", http.StatusUnprocessableEntity),
		get("everybody's, by another", &alice, "", "?all=true", http.StatusForbidden, "superuser_required"),
		get("another's", &alice, "", "?user=bob", http.StatusForbidden, "superuser_required"),
		get("of somebody who does not exist, by another", &alice, "", "?user=mallory", http.StatusForbidden, "superuser_required"),
		get("by a superuser's API key", nil, "Bearer "+key, "?all=true", http.StatusForbidden, "superuser_required"),
	)
}

func TestListOf_IsTheCollectionsWhoeverStartedThem(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob, carol := w.User("alice"), w.User("bob"), w.User("carol")
	c := w.Collection(alice)
	w.NewCollection(alice)
	w.Grant(c, bob, collections.Write)
	_, operation := w.Upload(bob, c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	url := "/api/v2/collections/" + c.ID.String() + "/operations"
	answer := w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: url, Status: http.StatusOK})
	var found []map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.Body), &found), "an array and nothing else")
	require.Len(t, found, 2)
	require.Equal(t, operation.String(), found[0]["id"], "the newest first")
	get := func(query string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{As: &alice, Method: http.MethodGet, URL: url + query, Status: status, Has: has}
	}
	w.HTTP(t,
		get("?status=pending", http.StatusOK, operation.String()),
		get("?status=failed", http.StatusOK, "[]"),
		get("?operation_type=append&page=1&per_page=1", http.StatusOK, operation.String()),
		get("?page=2&per_page=1", http.StatusOK, `"type":"index"`),
		get("?page=9", http.StatusOK, "[]"),
		get("?status=lost", http.StatusBadRequest),
		get("?operation_type=juggle", http.StatusBadRequest),
		get("?per_page=0", http.StatusUnprocessableEntity),
		testworld.Scenario{Name: "a stranger", As: &carol, Method: http.MethodGet, URL: url, Status: http.StatusNotFound},
	)
}

// What becomes of a collection that was deleted is for its owner, and for who deleted it.
func TestGet_OfADeletedCollectionsOperationIsForItsOwnerAndWhoDeletedIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob, carol, dora := w.User("alice"), w.User("bob"), w.User("carol"), w.User("dora")
	c := w.Collection(alice, testworld.Public())
	w.Grant(c, bob, collections.Write)
	w.Grant(c, dora, collections.Admin)
	_, appended := w.Upload(bob, c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	_, err := w.Operations.Get(w.As(carol), *appended)
	require.NoError(t, err, "a public one")
	require.NoError(t, w.Collections.Delete(w.As(dora), c.ID))
	purge := testworld.Value[uuid.UUID](w, `select uuid from operations where collection_id = $1 and type = 'delete'`, c.ID)
	confined := auth.WithIdentity(t.Context(), auth.Identity{
		UserID: alice.ID, Username: "alice", APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeRead}, Resources: []uuid.UUID{uuid.New()},
	})
	for name, who := range map[string]struct {
		ctx           context.Context
		append, purge bool
	}{
		"the owner":                {w.As(alice), true, true},
		"who deleted it":           {w.As(dora), false, true},
		"who uploaded":             {w.As(bob), false, false},
		"who could read it":        {w.As(carol), false, false},
		"a superuser":              {w.As(w.Root), true, true},
		"a key confined to others": {confined, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for id, may := range map[uuid.UUID]bool{*appended: who.append, purge: who.purge} {
				_, err := w.Operations.Get(who.ctx, id)
				if may {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, operations.ErrNotFound)
			}
		})
	}
	for name, listed := range map[string]struct {
		who  users.User
		want []operations.Type
	}{
		"the owner":      {alice, []operations.Type{operations.TypeIndex}},
		"who deleted it": {dora, []operations.Type{operations.TypeDelete}},
		"who uploaded":   {bob, nil},
	} {
		found, total, err := w.Operations.List(w.As(listed.who), operations.ListQuery{Page: database.Page{Limit: 10}})
		require.NoError(t, err)
		require.EqualValues(t, len(listed.want), total, name)
		for i, o := range found {
			require.Equal(t, listed.want[i], o.Type, name)
		}
	}
}

// A right that was taken back does not come back with the deletion: the operation that
// somebody started goes on with what others add, and names it.
func TestGet_TheDeletionGivesNobodyARightBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	c := w.Collection(alice)
	w.Grant(c, bob, collections.Write)
	_, appended := w.Upload(bob, c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	_, joined := w.Upload(alice, c, testworld.File{Path: "secret.txt", Content: "The heron does not."})
	require.Equal(t, appended, joined, "one operation goes on with what both add")
	w.Exec(`delete from collection_permissions where user_id = $1`, bob.ID)
	w.Delete(c)
	_, err := w.Operations.Get(w.As(bob), *appended)
	require.ErrorIs(t, err, operations.ErrNotFound)
	_, total, err := w.Operations.List(w.As(bob), operations.ListQuery{Page: database.Page{Limit: 10}})
	require.NoError(t, err)
	require.Zero(t, total)
}
