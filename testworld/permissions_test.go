package testworld_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/testworld"
)

func TestPermissions_EachRouteAnswersEachAskerAsTheMatrixSays(t *testing.T) {
	t.Parallel()
	for _, section := range testworld.Matrix() {
		t.Run(section.Name, func(t *testing.T) {
			t.Parallel()
			cast := testworld.NewCast(t)
			for _, row := range section.Rows {
				t.Run(row.Route, func(t *testing.T) { askAll(t, cast.In(t), row) })
			}
		})
	}
}

// askAll sends the request of each asker: first those that are refused, none of
// which may change anything, then those that are let through.
func askAll(t *testing.T, c *testworld.Cast, row testworld.Row) {
	t.Helper()
	if row.Ends { // another row may have used up what there was
		c.Renew()
	}
	c.AwaitQuiet()
	before := c.Snapshot()
	for i, asker := range testworld.Askers {
		require.NotZero(t, row.Statuses[i], "%s has no answer", asker)
		if row.Statuses[i] < http.StatusBadRequest {
			continue
		}
		t.Run(string(asker), func(t *testing.T) {
			c := c.In(t)
			c.Request(c.Scenario(row, asker, c.Matter(asker)))
			after := c.Snapshot()
			require.Empty(t, before.Changed(after), "tables that a refused request changed")
		})
	}
	for i, asker := range testworld.Askers {
		if row.Statuses[i] >= http.StatusBadRequest {
			continue
		}
		t.Run(string(asker), func(t *testing.T) {
			c := c.In(t)
			answer := c.Request(c.Scenario(row, asker, c.Matter(asker)))
			if asker == testworld.Stranger || asker == testworld.KeyElsewhere {
				require.NotContains(t, answer.Body, c.Matter(testworld.Owner).Collection.String(), "what is not theirs")
			}
		})
		if row.Ends {
			c.Renew()
		}
	}
}

func TestPermissions_TheMatrixHasEveryRoute(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	described := map[string]bool{}
	paths, ok := w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/openapi.json", Status: http.StatusOK}).JSON(t)["paths"].(map[string]any)
	require.True(t, ok)
	for path, item := range paths {
		methods, ok := item.(map[string]any)
		require.True(t, ok)
		for method := range methods {
			if method != "parameters" {
				described[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	require.Greater(t, len(described), 10)
	rows := map[string]bool{}
	for _, section := range testworld.Matrix() {
		for _, row := range section.Rows {
			require.False(t, rows[row.Route], "%s is in the matrix twice", row.Route)
			require.True(t, described[row.Route], "%s is in the matrix and does not exist", row.Route)
			rows[row.Route] = true
		}
	}
	for route := range described {
		known := rows[route] || slices.ContainsFunc(testworld.ForEverybody, func(prefix string) bool { return strings.HasPrefix(route, prefix) })
		require.True(t, known, "%s is missing in the matrix of permissions", route)
	}
	// What is not described is not there either, or is about the server itself.
	parameter := regexp.MustCompile(`:([a-z_]+)`)
	for _, r := range w.Server.Echo().Routes() {
		route := r.Method + " " + parameter.ReplaceAllString(r.Path, "{$1}")
		known := described[route] || sockets[route] != "" || slices.Contains(undescribed, route) || strings.HasPrefix(route, "GET /docs/")
		require.True(t, known, "%s is served and neither described nor named here", route)
	}
}

// undescribed are the routes that no description of the API has.
var undescribed = []string{"GET /openapi.json", "GET /openapi.yaml", "GET /docs", "GET /health"}

// Who has no right learns nothing, not even that it exists: the answer is the
// same as for what does not exist, but for the time and the request's own id.
func TestPermissions_WhatIsNotYoursDoesNotExist(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	for _, asker := range []testworld.Asker{testworld.Stranger, testworld.KeyElsewhere} {
		for _, row := range rowsWith(asker, http.StatusNotFound) {
			t.Run(string(asker)+" "+row.Route, func(t *testing.T) {
				c := c.In(t)
				theirs := c.Request(c.Scenario(row, asker, c.Matter(asker)))
				nobodys := c.Request(c.Scenario(row, asker, c.Absent()))
				require.Equal(t, same(t, nobodys), same(t, theirs))
				for name := range nobodys.Header {
					if name != "Date" && name != "X-Correlation-Id" && name != "Content-Length" && !strings.HasPrefix(name, "X-Ratelimit-") {
						require.Equal(t, nobodys.Header[name], theirs.Header[name], name)
					}
				}
			})
		}
	}
}

// Nor does it take other statements: one reads the right together with the row, and
// what is nobody's goes the same way as what is somebody else's. And they bring no
// more out of the database than some keys: what is somebody else's may be large, and
// the time that it takes to read would tell that it is there.
func TestPermissions_WhatIsNotYoursTakesTheSameStatements(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	c.AwaitQuiet()
	require.NoError(t, c.Worker.Stop(t.Context()))
	for _, asker := range []testworld.Asker{testworld.Stranger, testworld.KeyElsewhere} {
		for _, row := range rowsWith(asker, http.StatusNotFound) {
			t.Run(string(asker)+" "+row.Route, func(t *testing.T) {
				c := c.In(t)
				record := func(m testworld.Matter) (texts []string, sizes []int) {
					for _, s := range c.Trace.Record(func() { c.Request(c.Scenario(row, asker, m)) }) {
						texts, sizes = append(texts, s.SQL), append(sizes, sizeOf(t, c, s))
					}
					return texts, sizes
				}
				absent, nothing := record(c.Absent())
				theirs, something := record(c.Matter(asker))
				require.Equal(t, absent, theirs)
				require.InDeltaSlice(t, nothing, something, 64, "bytes that the statements give: %q", theirs)
			})
		}
	}
}

// sizeOf is how many bytes the statement gives, if it does nothing but read.
func sizeOf(t *testing.T, c *testworld.Cast, s testworld.Statement) (size int) {
	t.Helper()
	text := strings.ToLower(strings.TrimSpace(s.SQL))
	if !strings.HasPrefix(text, "select") || strings.Contains(text, " for ") {
		return 0
	}
	rows, err := c.DB.Querier(t.Context()).Query(testworld.Beside(t.Context()), s.SQL, s.Args...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		for _, value := range rows.RawValues() {
			size += len(value)
		}
	}
	require.NoError(t, rows.Err())
	return size
}

// same is an answer without what differs from one request to the next.
func same(t *testing.T, a testworld.Answer) map[string]any {
	t.Helper()
	body := a.JSON(t)
	delete(body, "correlation_id")
	delete(body, "instance") // the path, which the caller has sent
	return body
}

func rowsWith(asker testworld.Asker, status int) []testworld.Row {
	var found []testworld.Row
	for _, section := range testworld.Matrix() {
		for _, row := range section.Rows {
			if row.Status(asker) == status {
				found = append(found, row)
			}
		}
	}
	return found
}

// An object is found by the path of its own collection only, whatever the caller
// may do with the other one.
func TestPermissions_AnObjectIsFoundByItsOwnCollectionOnly(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	stranger := c.People[testworld.Stranger]
	own := c.Furnish(stranger)
	theirs := c.Matter(testworld.Owner)
	objects := regexp.MustCompile(`\{(document|chunk|permission|source)_id\}`)
	probed := 0
	for _, section := range testworld.Matrix() {
		for _, row := range section.Rows {
			if !strings.Contains(row.Route, "{collection_id}") || !objects.MatchString(row.Route) {
				continue
			}
			probed++
			t.Run(row.Route, func(t *testing.T) {
				c := c.In(t)
				before := c.Snapshot()
				for name, probe := range map[string]struct {
					asker testworld.Asker
					m     testworld.Matter
				}{
					"one's own object through theirs":     {testworld.Stranger, own.Through(theirs)},
					"their object through one's own":      {testworld.Stranger, theirs.Through(own)},
					"the owner's through another's":       {testworld.Owner, theirs.Through(own)},
					"another's through the owner's":       {testworld.Owner, own.Through(theirs)},
					"a superuser's look through another":  {testworld.Superuser, own.Through(theirs)},
					"a reader's look through what exists": {testworld.Reader, own.Through(theirs)},
				} {
					probe.m.Name = c.Matter(probe.asker).Name
					s := c.Scenario(row, probe.asker, probe.m)
					s.Status, s.HasNot = http.StatusNotFound, []string{testworld.Secret}
					if probe.asker == testworld.Reader && row.Status(testworld.Reader) == http.StatusForbidden {
						s.Status = http.StatusForbidden
					}
					t.Run(name, func(t *testing.T) { c.In(t).Request(s) })
				}
				require.Empty(t, before.Changed(c.Snapshot()))
			})
		}
	}
	require.GreaterOrEqual(t, probed, 2)
	t.Run("a filter by what is in another collection", func(t *testing.T) {
		c := c.In(t)
		row := testworld.Row{Route: "GET /api/v2/chunking/collections/{collection_id}/chunks", Query: "?document_id=" + theirs.Document.String()}
		s := c.Scenario(row, testworld.Stranger, own)
		s.Status = http.StatusNotFound
		c.Request(s)
	})
	t.Run("a search that has one collection too many fails as a whole", func(t *testing.T) {
		c := c.In(t)
		c.Request(testworld.Scenario{
			As: &stranger, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusNotFound, HasNot: []string{"secret"},
			Body: map[string]any{"query": testworld.Secret, "collection_uuids": []string{own.Collection.String(), theirs.Collection.String()}},
		})
	})
}

// A right that is taken back is gone with the next request.
func TestPermissions_WhatIsTakenBackIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	read := testworld.Row{Route: "GET /api/v2/collections/{collection_id}"}
	search := find(t, "POST /api/v2/search")
	upload := find(t, "POST /api/v2/collections/{collection_id}/documents")
	ask := func(asker testworld.Asker, row testworld.Row, status int) {
		t.Helper()
		s := c.Scenario(row, asker, c.Matter(asker))
		s.Status = status
		c.Request(s)
	}
	ask(testworld.Reader, search, http.StatusOK)
	c.Exec(`delete from collection_permissions where user_id = $1`, c.People[testworld.Reader].ID)
	ask(testworld.Reader, read, http.StatusNotFound)
	ask(testworld.Reader, search, http.StatusNotFound)

	c.Exec(`update collection_permissions set permission = 'read' where user_id = $1`, c.People[testworld.Writer].ID)
	ask(testworld.Writer, upload, http.StatusForbidden)
	ask(testworld.Writer, read, http.StatusOK)

	c.Exec(`update collections set is_public = false where id = $1`, c.Matter(testworld.ReaderByPublic).Collection)
	ask(testworld.ReaderByPublic, read, http.StatusNotFound)

	c.Exec(`update users set is_superuser = false where id = $1`, c.Root.ID)
	ask(testworld.Superuser, read, http.StatusNotFound)
	c.Exec(`update users set is_superuser = true where id = $1`, c.Root.ID)

	ask(testworld.KeyToRead, read, http.StatusOK)
	c.Exec(`update api_keys set is_active = false`)
	ask(testworld.KeyToRead, read, http.StatusUnauthorized)
	ask(testworld.KeyElsewhere, read, http.StatusUnauthorized)
	c.Exec(`update api_keys set is_active = true, expires_at = now() - interval '1 second'`)
	ask(testworld.KeyToRead, read, http.StatusUnauthorized)

	c.Exec(`update users set is_active = false where id = $1`, c.People[testworld.Administrator].ID)
	ask(testworld.Administrator, read, http.StatusForbidden)
	c.Exec(`update users set is_active = true where id = $1`, c.People[testworld.Administrator].ID)

	c.Delete(c.Read(c.Matter(testworld.Owner).Collection))
	for _, asker := range []testworld.Asker{testworld.Administrator, testworld.Owner, testworld.Superuser} {
		ask(asker, read, http.StatusNotFound)
		ask(asker, search, http.StatusNotFound)
	}
}

func find(t *testing.T, route string) testworld.Row {
	t.Helper()
	for _, section := range testworld.Matrix() {
		for _, row := range section.Rows {
			if row.Route == route {
				return row
			}
		}
	}
	require.FailNow(t, "there is no "+route)
	return testworld.Row{}
}

// The service itself asks for the right, whoever calls it.
func TestPermissions_WithoutAnIdentityNoServiceDoesAnything(t *testing.T) {
	t.Parallel()
	c := testworld.NewCast(t)
	c.AwaitQuiet()
	ctx := t.Context()
	m := c.Matter(testworld.ReaderByPublic)
	before := c.Snapshot()
	for name, err := range map[string]error{
		"get":       second(c.Collections.Get(ctx, m.Collection)),
		"authorize": second(c.Collections.Authorize(ctx, m.Collection, collections.None)),
		"create":    second(c.Collections.Create(ctx, collections.CreateInput{Name: "n"})),
		"document":  second(c.Documents.Get(ctx, m.Collection, m.Document)),
		"content":   second(c.Documents.OpenContent(ctx, m.Collection, m.Document)),
		"documents": third(c.Documents.List(ctx, m.Collection, documents.ListQuery{})),
		"restore":   second(c.Documents.Restore(ctx, m.Collection, m.Document)),
		"failed":    second(c.Documents.CountFailed(ctx, m.Collection, false)),
		"chunk":     second(c.Chunks.Get(ctx, m.Collection, m.Chunk)),
		"operation": second(c.Operations.Get(ctx, m.Operation)),
		"upload":    third(c.Documents.Upload(ctx, m.Collection, documents.Upload{Next: testworld.Sequence()})),
	} {
		require.ErrorContains(t, err, "Sign in", name)
	}
	require.Empty(t, before.Changed(c.Snapshot()))
}

func second[A any](_ A, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }
