package testworld_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/users"
	"semantik/testworld"
)

// roles are who may ask, in the order of the matrix. The reader by public asks
// about a public collection, all others about a private one.
var roles = []string{"anonymous", "stranger", "reader by public", "reader", "writer", "admin", "owner", "superuser"}

// matrix says what each route answers to each role.
var matrix = map[string][]int{
	//                                                                       anon str  pub  read writ adm  own  super
	"POST /api/auth/register":                                            {201, 201, 201, 201, 201, 201, 201, 201},
	"POST /api/auth/login":                                               {200, 200, 200, 200, 200, 200, 200, 200},
	"GET /api/auth/me":                                                   {401, 200, 200, 200, 200, 200, 200, 200},
	"POST /api/v2/collections":                                           {401, 201, 201, 201, 201, 201, 201, 201},
	"GET /api/v2/collections":                                            {401, 200, 200, 200, 200, 200, 200, 200},
	"GET /api/v2/collections/{collection_id}":                            {401, 404, 200, 200, 200, 200, 200, 200},
	"POST /api/v2/collections/{collection_id}/documents":                 {401, 404, 403, 403, 202, 202, 202, 202},
	"GET /api/v2/collections/{collection_id}/documents":                  {401, 404, 200, 200, 200, 200, 200, 200},
	"GET /api/v2/collections/{collection_id}/documents/{document_id}":    {401, 404, 200, 200, 200, 200, 200, 200},
	"GET /api/v2/chunking/collections/{collection_id}/chunks":            {401, 404, 200, 200, 200, 200, 200, 200},
	"GET /api/v2/chunking/collections/{collection_id}/chunks/{chunk_id}": {401, 404, 200, 200, 200, 200, 200, 200},
	"POST /api/v2/search":                                                {401, 404, 200, 200, 200, 200, 200, 200},
	"GET /api/v2/operations":                                             {401, 200, 200, 200, 200, 200, 200, 200},
	"GET /api/v2/operations/{operation_id}":                              {401, 404, 200, 200, 200, 200, 200, 200},
}

// forEverybody are the routes that are about the server itself.
var forEverybody = []string{"GET /api/health", "GET /api/health/", "GET /health"}

// target is a collection with something in it.
type target struct {
	collection uuid.UUID
	document   uuid.UUID
	chunk      int64
	operation  uuid.UUID
}

type cast struct {
	w       *testworld.World
	people  map[string]users.User
	private target
	public  target
}

func furnish(w *testworld.World, owner users.User, options ...testworld.CollectionOption) target {
	c := w.Collection(owner, options...)
	d := w.AddDocuments(c, testworld.File{Path: "secret.txt", Content: "The walrus is a secret of " + c.Name})[0]
	return target{
		collection: c.ID, document: d.ID,
		chunk:     w.Int(`select id from chunks where collection_id = $1`, c.ID),
		operation: testworld.Value[uuid.UUID](w, `select uuid from operations where collection_id = $1 and type = 'append'`, c.ID),
	}
}

func assemble(t *testing.T) cast {
	t.Helper()
	w := testworld.New(t)
	c := cast{w: w, people: map[string]users.User{"superuser": w.Root}}
	for _, role := range roles[1 : len(roles)-1] {
		c.people[role] = w.User(strings.ReplaceAll(role, " ", "_"))
	}
	c.private = furnish(w, c.people["owner"])
	c.public = furnish(w, c.people["owner"], testworld.Public())
	private := w.Read(c.private.collection)
	w.Grant(private, c.people["reader"], collections.Read)
	w.Grant(private, c.people["writer"], collections.Write)
	w.Grant(private, c.people["admin"], collections.Admin)
	// What the stranger may do elsewhere does not help here.
	w.Grant(w.Collection(c.people["owner"]), c.people["stranger"], collections.Admin)
	furnish(w, c.people["stranger"])
	return c
}

// request is what a role sends to a route.
func (c cast) request(role, route string) testworld.Scenario {
	at := c.private
	if role == "reader by public" {
		at = c.public
	}
	method, path, _ := strings.Cut(route, " ")
	s := testworld.Scenario{Name: role, Method: method, URL: strings.NewReplacer(
		"{collection_id}", at.collection.String(), "{document_id}", at.document.String(),
		"{chunk_id}", strconv.FormatInt(at.chunk, 10), "{operation_id}", at.operation.String()).Replace(path)}
	if who, ok := c.people[role]; ok {
		s.As = &who
	}
	name := "n" + strings.ReplaceAll(uuid.NewString(), "-", "")
	switch route {
	case "POST /api/auth/register":
		s.Body = map[string]any{"username": name, "email": name + "@example.com", "password": testworld.Password}
	case "POST /api/auth/login":
		s.Body = map[string]any{"username": "root", "password": testworld.Password}
	case "POST /api/v2/collections":
		s.Body = map[string]any{"name": name}
	case "POST /api/v2/collections/{collection_id}/documents":
		s.Body = testworld.Form{Files: []testworld.File{{Path: name + ".txt", Content: name}}}
	case "POST /api/v2/search":
		s.Body = map[string]any{"collection_uuids": []string{at.collection.String()}, "query": "walrus"}
	}
	return s
}

func TestPermissions_EachRouteAnswersEachRoleAsTheMatrixSays(t *testing.T) {
	t.Parallel()
	c := assemble(t)
	for route, statuses := range matrix {
		t.Run(route, func(t *testing.T) {
			require.Len(t, statuses, len(roles))
			for i, role := range roles {
				s := c.request(role, route)
				s.Status = statuses[i]
				if s.Status >= http.StatusBadRequest {
					s.Pure = true
					s.HasNot = []string{"walrus", "secret"}
				}
				if route == "GET /api/v2/collections" && role == "stranger" {
					s.HasNot = []string{c.private.collection.String()}
				}
				t.Run(role, func(t *testing.T) { c.w.In(t).Request(s) })
			}
			// What was uploaded is worked on before the next look at all tables.
			c.w.In(t).Await("all is done", func() bool {
				return c.w.Int(`select count(*) from operations where status in ('pending', 'processing')`) == 0
			})
		})
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
	for route := range described {
		known := matrix[route] != nil || slices.ContainsFunc(forEverybody, func(prefix string) bool { return strings.HasPrefix(route, prefix) })
		require.True(t, known, "%s is missing in the matrix of permissions", route)
	}
	for _, route := range slices.Sorted(maps.Keys(matrix)) {
		require.True(t, described[route], "%s is in the matrix and does not exist", route)
	}
	// What is not described is not there either, or is about the server itself.
	parameter := regexp.MustCompile(`:([a-z_]+)`)
	for _, r := range w.Server.Echo().Routes() {
		route := r.Method + " " + parameter.ReplaceAllString(r.Path, "{$1}")
		known := described[route] || slices.Contains(undescribed, route) || strings.HasPrefix(route, "GET /docs/")
		require.True(t, known, "%s is served and neither described nor named here", route)
	}
}

// undescribed are the routes that no description of the API has.
var undescribed = []string{"GET /openapi.json", "GET /openapi.yaml", "GET /docs", "GET /health"}

// Who has no right learns nothing, not even that it exists.
func TestPermissions_WhatIsNotYoursDoesNotExist(t *testing.T) {
	t.Parallel()
	c := assemble(t)
	stranger := c.people["stranger"]
	same := []string{"code", "detail", "title", "status"}
	for _, route := range slices.Sorted(maps.Keys(matrix)) {
		if matrix[route][1] != http.StatusNotFound {
			continue
		}
		t.Run(route, func(t *testing.T) {
			s := c.request("stranger", route)
			s.Status = http.StatusNotFound
			theirs := c.w.In(t).Request(s).JSON(t)
			absent := c
			absent.private = target{collection: uuid.New(), document: uuid.New(), chunk: 1 << 40, operation: uuid.New()}
			s = absent.request("stranger", route)
			s.Status = http.StatusNotFound
			nobodys := c.w.In(t).Request(s).JSON(t)
			for _, member := range same {
				require.Equal(t, nobodys[member], theirs[member])
			}
		})
	}
	t.Run("by the way of one's own collection", func(t *testing.T) {
		own := c.w.NewCollection(stranger)
		through := c
		through.private.collection = own.ID
		for _, route := range []string{
			"GET /api/v2/collections/{collection_id}/documents/{document_id}",
			"GET /api/v2/chunking/collections/{collection_id}/chunks/{chunk_id}",
		} {
			s := through.request("stranger", route)
			s.Status = http.StatusNotFound
			c.w.In(t).Request(s)
		}
		s := through.request("stranger", "GET /api/v2/chunking/collections/{collection_id}/chunks")
		s.URL += "?document_id=" + c.private.document.String()
		s.Status = http.StatusNotFound
		c.w.In(t).Request(s)
	})
	t.Run("a search that has one collection too many fails as a whole", func(t *testing.T) {
		s := c.request("stranger", "POST /api/v2/search")
		s.Body = map[string]any{"collection_uuids": []string{c.public.collection.String(), c.private.collection.String()}, "query": "walrus"}
		s.Status, s.HasNot = http.StatusNotFound, []string{"secret"}
		c.w.In(t).Request(s)
	})
}

// A right that is taken back is gone with the next request.
func TestPermissions_WhatIsTakenBackIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	c := assemble(t)
	ask := func(t *testing.T, role, route string, status int) {
		t.Helper()
		s := c.request(role, route)
		s.Status = status
		c.w.In(t).Request(s)
	}
	const read, search = "GET /api/v2/collections/{collection_id}", "POST /api/v2/search"
	ask(t, "reader", search, http.StatusOK)
	c.w.Exec(`delete from collection_permissions where user_id = $1`, c.people["reader"].ID)
	ask(t, "reader", read, http.StatusNotFound)
	ask(t, "reader", search, http.StatusNotFound)

	c.w.Exec(`update collection_permissions set permission = 'read' where user_id = $1`, c.people["writer"].ID)
	ask(t, "writer", "POST /api/v2/collections/{collection_id}/documents", http.StatusForbidden)
	ask(t, "writer", read, http.StatusOK)

	c.w.Exec(`update collections set is_public = false where id = $1`, c.public.collection)
	ask(t, "reader by public", read, http.StatusNotFound)

	c.w.Exec(`update users set is_superuser = false where id = $1`, c.w.Root.ID)
	ask(t, "superuser", read, http.StatusNotFound)
	c.w.Exec(`update users set is_superuser = true where id = $1`, c.w.Root.ID)

	require.NoError(t, collections.NewRepository(c.w.DB).Delete(t.Context(), c.w.Scope(c.private.collection)))
	for _, role := range []string{"admin", "owner", "superuser"} {
		ask(t, role, read, http.StatusNotFound)
		ask(t, role, search, http.StatusNotFound)
	}
}

// The service itself asks for the right, whoever calls it.
func TestPermissions_WithoutAnIdentityNoServiceDoesAnything(t *testing.T) {
	t.Parallel()
	c := assemble(t)
	ctx := t.Context()
	before := c.w.Snapshot()
	for name, err := range map[string]error{
		"get":       second(c.w.Collections.Get(ctx, c.public.collection)),
		"authorize": second(c.w.Collections.Authorize(ctx, c.public.collection, collections.None)),
		"create":    second(c.w.Collections.Create(ctx, collections.CreateInput{Name: "n"})),
		"document":  second(c.w.Documents.Get(ctx, c.public.collection, c.public.document)),
		"chunk":     second(c.w.Chunks.Get(ctx, c.public.collection, c.public.chunk)),
		"operation": second(c.w.Operations.Get(ctx, c.public.operation)),
		"upload":    third(c.w.Documents.Upload(ctx, c.public.collection, documents.Upload{Next: testworld.Sequence()})),
	} {
		require.ErrorContains(t, err, "Sign in", name)
	}
	require.Empty(t, before.Changed(c.w.Snapshot()))
}

func second[A any](_ A, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }
