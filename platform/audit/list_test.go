package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/testworld"
)

// write adds an entry of the user's.
func write(as context.Context, t *testing.T, w *testworld.World, action, id string) {
	t.Helper()
	kind, _, _ := strings.Cut(action, ".")
	who, _ := auth.FromContext(as)
	require.NoError(t, w.DB.InTx(as, func(ctx context.Context) error {
		return w.Audit.Record(ctx, audit.Entry{Action: action, ObjectType: kind, ObjectID: id, Details: map[string]any{"of": who.Username}})
	}))
}

// all pages through the log and gives "action object" of each entry.
func all(ctx context.Context, t *testing.T, w *testworld.World, q audit.Query) []string {
	t.Helper()
	found := []string{}
	for {
		page, err := w.Audit.List(ctx, q)
		require.NoError(t, err)
		for _, i := range page.Items {
			found = append(found, i.Action+" "+*i.ObjectID)
		}
		if page.Next == nil {
			return found
		}
		require.Len(t, page.Items, q.PageSize)
		q.After = page.Next
	}
}

func TestList_GivesOnesOwnNewestFirstAndASuperuserAll(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	w.Exec(`delete from audit_log`)
	for i := range 5 {
		write(w.As(alice), t, w, "thing.make", fmt.Sprint("a", i))
		write(w.As(bob), t, w, "thing.make", fmt.Sprint("b", i))
	}
	hers := []string{"thing.make a4", "thing.make a3", "thing.make a2", "thing.make a1", "thing.make a0"}
	for size := 1; size <= 6; size++ {
		require.Equal(t, hers, all(w.As(alice), t, w, audit.Query{PageSize: size}), size)
	}
	require.Empty(t, all(w.As(alice), t, w, audit.Query{Actor: "bob", PageSize: 3}))
	require.Len(t, all(w.As(w.Root), t, w, audit.Query{PageSize: 3}), 10)
	require.Equal(t, hers, all(w.As(w.Root), t, w, audit.Query{Actor: "ALICE", PageSize: 2}), "names are compared without regard to case")

	_, err := w.Audit.List(t.Context(), audit.Query{})
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
}

// What was written in one transaction has one instant.
func TestList_PagesThroughEntriesOfOneInstant(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.Exec(`delete from audit_log`)
	require.NoError(t, w.DB.InTx(w.As(alice), func(ctx context.Context) error {
		for i := range 10 {
			if err := w.Audit.Record(ctx, audit.Entry{Action: "thing.make", ObjectType: "thing", ObjectID: strconv.Itoa(i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	require.EqualValues(t, 1, w.Int(`select count(distinct created_at) from audit_log`))
	found := all(w.As(alice), t, w, audit.Query{PageSize: 3})
	require.Len(t, found, 10)
	require.Equal(t, "thing.make 9", found[0])
	require.Equal(t, "thing.make 0", found[9])
}

func TestList_Filters(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	root := w.Root
	w.Exec(`delete from audit_log`)
	write(w.As(root), t, w, "thing.make", "1")
	write(w.As(root), t, w, "thing.break", "1")
	write(w.As(root), t, w, "user.make", "1")
	write(w.As(root), t, w, "thing.make", "2")
	first := testworld.Value[time.Time](w, `select min(created_at) from audit_log`)
	last := testworld.Value[time.Time](w, `select max(created_at) from audit_log`)
	for name, c := range map[string]struct {
		q        audit.Query
		expected []string
	}{
		"by action":                     {audit.Query{Action: "thing.make"}, []string{"thing.make 2", "thing.make 1"}},
		"by kind":                       {audit.Query{ObjectType: "user"}, []string{"user.make 1"}},
		"by object":                     {audit.Query{ObjectID: "1"}, []string{"user.make 1", "thing.break 1", "thing.make 1"}},
		"by kind and object":            {audit.Query{ObjectType: "thing", ObjectID: "1"}, []string{"thing.break 1", "thing.make 1"}},
		"since an instant, inclusive":   {audit.Query{Since: &last}, []string{"thing.make 2"}},
		"until an instant, exclusive":   {audit.Query{Until: &last}, []string{"user.make 1", "thing.break 1", "thing.make 1"}},
		"between instants":              {audit.Query{Since: &first, Until: &last, Action: "thing.make"}, []string{"thing.make 1"}},
		"what nobody did finds nothing": {audit.Query{Action: "thing.eat"}, []string{}},
	} {
		c.q.PageSize = 1
		require.Equal(t, c.expected, all(w.As(root), t, w, c.q), name)
	}
}

func TestList_AnAPIKeyNeedsTheScopeAdminAndReadsItsOwnersEntries(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.Exec(`delete from audit_log`)
	alice := w.User("alice")
	write(w.As(alice), t, w, "thing.make", "hers")
	write(w.As(w.Root), t, w, "thing.make", "roots")
	key := func(resources []uuid.UUID, scopes ...auth.Scope) context.Context {
		return auth.WithIdentity(t.Context(), auth.Identity{
			UserID: w.Root.ID, Username: w.Root.Username, APIKeyID: uuid.New(), Scopes: scopes, Resources: resources,
		})
	}
	id := uuid.New()
	byKey := auth.WithIdentity(t.Context(), auth.Identity{UserID: w.Root.ID, Username: w.Root.Username, APIKeyID: id, Scopes: []auth.Scope{auth.ScopeWrite}})
	write(byKey, t, w, "other.make", "by key")
	require.Equal(t, []string{"other.make by key"}, all(w.As(w.Root), t, w, audit.Query{APIKeyID: &id, PageSize: 9}))
	require.Equal(t, []string{"thing.make roots"}, all(key(nil, auth.ScopeAdmin), t, w, audit.Query{ObjectType: "thing", PageSize: 9}))
	for _, refused := range []context.Context{
		key(nil, auth.ScopeRead, auth.ScopeWrite), key(nil), key([]uuid.UUID{uuid.New()}, auth.ScopeAdmin), key([]uuid.UUID{}, auth.ScopeAdmin),
	} {
		_, err := w.Audit.List(refused, audit.Query{})
		require.ErrorIs(t, err, auth.ErrScopeMissing)
	}
}

func TestRoutes_AuditLog(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	token := "Bearer " + w.Token(alice)
	w.Exec(`delete from audit_log`)
	for i := range 60 {
		write(w.As(alice), t, w, "thing.make", strconv.Itoa(i))
	}
	get := func(query string, status int, has ...string) testworld.Answer {
		return w.In(t).Request(testworld.Scenario{
			Method: http.MethodGet, URL: "/api/v2/audit-log" + query, Token: token, Status: status, Has: has, Pure: true,
		})
	}
	answer := get("", http.StatusOK, `"actor":"alice"`, `"api_key_id":null`, `"details":{"of":"alice"}`, `"object_id":"59"`, `"ip_address":null`).JSON(t)
	require.Len(t, answer["items"], audit.DefaultPageSize)
	next, ok := answer["next"].(string)
	require.True(t, ok)
	answer = get("?page_size=1000&after="+next, http.StatusOK).JSON(t)
	require.Len(t, answer["items"], 10)
	require.Nil(t, answer["next"])
	require.Len(t, get("?page_size=1000", http.StatusOK).JSON(t)["items"], 60)
	require.Empty(t, get("?until=0001-01-01T00:00:00Z", http.StatusOK).JSON(t)["items"], "the year 1 is an instant, too")
	require.Empty(t, get("?since=9999-12-31T23:59:59.999999Z", http.StatusOK).JSON(t)["items"])
	require.Len(t, get("?action=thing.make&object_type=thing&object_id=7", http.StatusOK).JSON(t)["items"], 1)

	for query, location := range map[string]string{
		"since=yesterday": "since", "until=2026-13-01T00:00:00Z": "until", "since=2026-02-30T00:00:00Z": "since",
		"since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z": "until", "since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z": "until",
		"page_size=0": "page_size", "page_size=1001": "page_size", "page_size=x": "page_size", "page_size=-1": "page_size",
		"action=Collection.delete": "action", "action=collection": "action", "action=x%27%20or%201=1": "action",
		"object_type=two+words": "object_type", "object_type=a.b": "object_type",
		"object_id=" + strings.Repeat("x", 256): "object_id",
		"actor=" + strings.Repeat("x", 256):     "actor",
		"after=x":                               "after", "after=bnVsbA": "after", "after=" + url.QueryEscape(`{"t":"2026-01-01T00:00:00Z","id":1}`): "after",
	} {
		get("?"+query, http.StatusUnprocessableEntity, location)
	}
	get("?actor=a%00", http.StatusBadRequest)
	get("?api_key_id=nightly", http.StatusBadRequest, "invalid_api_key_id")
	get("?object_id=%ff", http.StatusBadRequest)
	w.In(t).Request(testworld.Scenario{Method: http.MethodGet, URL: "/api/v2/audit-log", Status: http.StatusUnauthorized, Pure: true})
}

func TestQuery_ReportsEveryImpossibleValueAtOnce(t *testing.T) {
	t.Parallel()
	since := time.Now()
	err := audit.Query{Action: "X", ObjectType: "X", ObjectID: "\x00", Actor: "\x00", Since: &since, Until: &since, After: &audit.Key{}}.Validate()
	require.Equal(t, apperr.Invalid, apperr.KindOf(err))
	require.Len(t, apperr.From(err).Fields, 6)
	require.NoError(t, audit.Query{Actor: "jürgen@example.org", ObjectID: "a/b c", ObjectType: "api_key", Action: "api_key.create"}.Validate())
}
