package collections_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

// names lists the names of what a query finds, all pages one after another.
func names(t *testing.T, w *testworld.World, as users.User, q collections.ListQuery) []string {
	t.Helper()
	found := []string{}
	for q.Page.Limit = 2; ; q.Page.Offset += 2 {
		page, total, err := w.Collections.List(w.As(as), q)
		require.NoError(t, err)
		for _, c := range page {
			found = append(found, c.Name)
		}
		if len(page) < 2 {
			require.EqualValues(t, len(found), total, "the total is of what the filters leave")
			return found
		}
	}
}

func TestList_FiltersInSQLBeforeItPages(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	add := func(owner users.User, name, description, status string, options ...testworld.CollectionOption) collections.Collection {
		c := w.Collection(owner, append(options, testworld.Named(name))...)
		w.Exec(`update collections set description = nullif($2, ''), status = $3 where id = $1`, c.ID, description, status)
		return c
	}
	add(alice, "Ärzte 100%", "", "ready")
	add(alice, "b_c", "Über ÄRZTE und andere", "error")
	add(alice, "backslash", `a\b`, "ready")
	add(bob, "bob's public", "ärzte", "degraded", testworld.Public())
	add(bob, "bob's secret", "ärzte", "error")
	shared := add(bob, "bob's shared", "", "error")
	w.Grant(shared, alice, collections.Read)

	for name, c := range map[string]struct {
		q    collections.ListQuery
		want []string
	}{
		"what is one's own or shared":   {collections.ListQuery{}, []string{"b_c", "backslash", "bob's shared", "Ärzte 100%"}},
		"and public":                    {collections.ListQuery{IncludePublic: true}, []string{"b_c", "backslash", "bob's public", "bob's shared", "Ärzte 100%"}},
		"a text in whatever case":       {collections.ListQuery{IncludePublic: true, Text: " äRZTE "}, []string{"b_c", "bob's public", "Ärzte 100%"}},
		"a text in its decomposed form": {collections.ListQuery{Text: "A\u0308rzte 1"}, []string{"Ärzte 100%"}},
		"a percent sign is one":         {collections.ListQuery{IncludePublic: true, Text: "%"}, []string{"Ärzte 100%"}},
		"an underscore is one":          {collections.ListQuery{IncludePublic: true, Text: "b_c"}, []string{"b_c"}},
		"a backslash is one":            {collections.ListQuery{IncludePublic: true, Text: `\`}, []string{"backslash"}},
		"a quote is one":                {collections.ListQuery{IncludePublic: true, Text: `b's s`}, []string{"bob's shared"}},
		"a status":                      {collections.ListQuery{IncludePublic: true, Status: "ERROR"}, []string{"b_c", "bob's shared"}},
		"an owner in whatever case":     {collections.ListQuery{IncludePublic: true, Owner: "BOB"}, []string{"bob's public", "bob's shared"}},
		"an owner without any":          {collections.ListQuery{IncludePublic: true, Owner: "root"}, []string{}},
		"an owner whom there is not":    {collections.ListQuery{IncludePublic: true, Owner: "nobody' or true --"}, []string{}},
		"all at once":                   {collections.ListQuery{IncludePublic: true, Text: "ärzte", Status: "error", Owner: "alice"}, []string{"b_c"}},
		"nothing":                       {collections.ListQuery{Text: "no such thing"}, []string{}},
		"everybody's is not for her":    {collections.ListQuery{Owner: "bob"}, []string{"bob's shared"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.Sort = "name"
			require.ElementsMatch(t, c.want, names(t, w.In(t), alice, c.q))
		})
	}
	require.Len(t, names(t, w, w.Root, collections.ListQuery{All: true}), 6)
	require.Equal(t, []string{"bob's secret", "bob's shared"}, names(t, w, w.Root, collections.ListQuery{All: true, Owner: "bob", Status: "error", Sort: "name"}))
}

func TestList_SortedBothWaysAndTotally(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	for i := range 6 {
		c := w.Collection(alice, testworld.Named(string("cAbBaC"[i])))
		w.Exec(`update collections set created_at = $2, updated_at = $3 where id = $1`, c.ID,
			time.Date(2026, 1, 1+i/2, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 9-i/2, 0, 0, 0, 0, time.UTC))
	}
	require.Equal(t, "aabbcc", strings.ToLower(strings.Join(names(t, w, alice, collections.ListQuery{Sort: "name"}), "")))
	require.Equal(t, "ccbbaa", strings.ToLower(strings.Join(names(t, w, alice, collections.ListQuery{Sort: "-name"}), "")))
	groups := func(sort string) string {
		found := strings.Join(names(t, w, alice, collections.ListQuery{Sort: sort}), "")
		require.Len(t, found, 6, "each once")
		var b strings.Builder
		for _, group := range slices.Collect(slices.Chunk([]byte(found), 2)) {
			slices.Sort(group)
			b.Write(group)
			b.WriteByte(' ')
		}
		return b.String()
	}
	require.Equal(t, "Ca Bb Ac ", groups(""), "the newest first")
	require.Equal(t, "Ac Bb Ca ", groups("created_at"))
	require.Equal(t, "Ca Bb Ac ", groups("updated_at"))
	require.Equal(t, "Ac Bb Ca ", groups("-updated_at"))
	for _, sort := range collections.SortNames {
		require.Len(t, names(t, w, alice, collections.ListQuery{Sort: sort}), 6, sort)
		require.Len(t, names(t, w, alice, collections.ListQuery{Sort: "-" + sort}), 6, sort)
	}
}

func TestList_AnImpossibleFilterIsRefusedAndNotDropped(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.Collection(alice)
	for name, c := range map[string]struct {
		q    collections.ListQuery
		code string
	}{
		"status":                    {collections.ListQuery{Status: "deleted"}, "unknown_collection_status"},
		"sort":                      {collections.ListQuery{Sort: "owner_id"}, "unknown_collection_sort"},
		"two dashes":                {collections.ListQuery{Sort: "--name"}, "unknown_collection_sort"},
		"SQL":                       {collections.ListQuery{Sort: "name; drop table users"}, "unknown_collection_sort"},
		"a long text":               {collections.ListQuery{Text: strings.Repeat("x", 256)}, "invalid_input"},
		"everybody's, no superuser": {collections.ListQuery{All: true}, "superuser_required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := w.Collections.List(w.As(alice), c.q)
			require.Equal(t, c.code, apperr.CodeOf(err))
		})
	}
	ctx := auth.WithIdentity(t.Context(), auth.Identity{UserID: w.Root.ID, IsSuperuser: true, APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeRead}})
	_, _, err := w.Collections.List(ctx, collections.ListQuery{All: true, Page: database.Page{Limit: 1}})
	require.ErrorIs(t, err, auth.ErrSuperuserRequired, "not through a key either")

	ask := func(query string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Method: http.MethodGet, URL: "/api/v2/collections?" + query, As: &alice, Status: status, Has: has, Pure: true}
	}
	w.HTTP(t,
		ask("status=gone", http.StatusBadRequest, "unknown_collection_status", "degraded"),
		ask("sort=-size", http.StatusBadRequest, "unknown_collection_sort", "total_size_bytes"),
		ask("all=true", http.StatusForbidden, "superuser_required"),
		ask("all=perhaps", http.StatusUnprocessableEntity),
		ask("q="+strings.Repeat("x", 256), http.StatusUnprocessableEntity, "query.q"),
		ask("q="+url.QueryEscape("%_\\'"), http.StatusOK, `"total":0`, `"collections":[]`),
		ask("q=collection&owner=ALICE&status=ready&sort=-document_count&per_page=1", http.StatusOK, `"total":1`, `"per_page":1`),
		ask("page=3&per_page=1", http.StatusOK, `"total":1`, `"collections":[]`),
	)
}

// Who may see everything does not see a key's confinement lifted, and a
// confinement holds with every filter.
func TestList_WithinWhatAnAPIKeyIsConfinedTo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	inside := w.Collection(alice, testworld.Named("inside"))
	w.Collection(alice, testworld.Named("outside"))
	identity := auth.Identity{UserID: alice.ID, APIKeyID: uuid.New(), Scopes: []auth.Scope{auth.ScopeRead}, Resources: []uuid.UUID{inside.ID}}
	for i, q := range []collections.ListQuery{{}, {IncludePublic: true}, {Text: "side"}, {Owner: "alice"}, {Status: "ready"}, {Sort: "name"}} {
		q.Page.Limit = 10
		found, total, err := w.Collections.List(auth.WithIdentity(t.Context(), identity), q)
		require.NoError(t, err)
		require.EqualValues(t, 1, total, "query %d", i)
		require.Equal(t, inside.ID, found[0].ID)
	}
}

func FuzzListQuery_FindsNothingThatIsNotThere(f *testing.F) {
	w := testworld.New(f, testworld.NoWorker())
	alice := w.User("alice")
	w.Collection(alice, testworld.Named("Needle_100%"))
	for _, seed := range []string{"needle", "%", "_", `\`, `\%`, "'", "100%", "é", "", "\x00", "\xff", "İ"} {
		f.Add(seed, "ready", "alice", "-name")
	}
	f.Fuzz(func(t *testing.T, text, status, owner, sort string) {
		found, total, err := w.Collections.List(w.In(t).As(alice), collections.ListQuery{Text: text, Status: status, Owner: owner, Sort: sort, Page: database.Page{Limit: 10}})
		if err != nil {
			require.Contains(t, []apperr.Kind{apperr.Malformed, apperr.Invalid}, apperr.KindOf(err), "%v", err)
			return
		}
		require.EqualValues(t, len(found), total)
		if clean := strings.TrimSpace(text); total == 1 && isASCII(clean) {
			require.Contains(t, "needle_100%", strings.ToLower(clean))
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}
