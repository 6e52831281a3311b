package testworld_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/testworld"
)

// listing is a list of the API, with what makes it longer.
type listing struct {
	route string
	// as is who asks; the owner if empty.
	asSuperuser bool
	// fill adds n rows that the list then has, by themselves or through what they
	// refer to. It numbers them from the given one.
	fill func(w *testworld.World, l lists, first, n int)
}

// lists is what the lists are of.
type lists struct {
	owner      users.User
	collection collections.Collection
}

var listings = []listing{
	{route: "GET /api/v2/collections", fill: func(w *testworld.World, l lists, first, n int) {
		// One's own, and those of others that are public or shared, each with a
		// document that failed.
		w.Exec(`
with people as (
  insert into users (username, email, hashed_password)
  select 'owner_' || i, 'owner_' || i || '@example.com', 'x' from generate_series($1::int, $1 + $2 - 1) i
  returning id, username
), made as (
  insert into collections (name, owner_id, vector_store_name, status, is_public, document_count)
  select 'list ' || p.username, case when p.id % 3 = 0 then $3 else p.id end, 'v ' || p.username, 'ready', p.id % 3 = 1, 1 from people p
  returning *
), shared as (
  insert into collection_permissions (collection_id, user_id, permission) select id, $3, 'read' from made where owner_id <> $3 and not is_public
)
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status)
select id, partition_key, 'a', 'a', 0, repeat('0', 64), 'failed' from made`, first, n, l.owner.ID)
	}},
	{route: "GET /api/v2/collections/{collection_id}/documents", fill: func(w *testworld.World, l lists, first, n int) {
		w.Exec(`
insert into documents (collection_id, partition_key, source_id, file_path, file_name, file_size, content_hash, status)
select c.id, c.partition_key, s.id, 'd' || i, 'd' || i, 0, lpad(to_hex(i), 64, '0'), 'failed'
from collections c
join collection_sources s on s.collection_id = c.id
cross join generate_series($2::int, $2 + $3 - 1) i
where c.id = $1`, l.collection.ID, first, n)
		w.Exec(`update collections set document_count = document_count + $2 where id = $1`, l.collection.ID, n)
		w.Exec(`update collection_sources set document_count = document_count + $2 where collection_id = $1`, l.collection.ID, n)
	}},
	{route: "GET /api/v2/chunking/collections/{collection_id}/chunks", fill: func(w *testworld.World, l lists, first, n int) {
		w.Exec(`
insert into chunks (collection_id, partition_key, chunk_index, content)
select id, partition_key, i, 'chunk ' || i from collections cross join generate_series($2::int, $2 + $3 - 1) i where id = $1`,
			l.collection.ID, first, n)
		w.Exec(`
insert into chunk_search_backlog (collection_id, partition_key, load_id, first_index, last_index, new_chunks)
select id, partition_key, 0, $2::int, $2 + $3 - 1, 0 from collections where id = $1`, l.collection.ID, first, n)
		w.Exec(`update collections set chunk_count = chunk_count + $2 where id = $1`, l.collection.ID, n)
	}},
	{route: "GET /api/v2/collections/{collection_id}/permissions", fill: func(w *testworld.World, l lists, first, n int) {
		// Some to people and some to the keys of others.
		w.Exec(`
with people as (
  insert into users (username, email, hashed_password)
  select 'grantee_' || i, 'grantee_' || i || '@example.com', 'x' from generate_series($2::int, $2 + $3 - 1) i
  returning id
), keys as (
  insert into api_keys (user_id, name, prefix, key_hash)
  select id, 'k', 'smtk_0', repeat(md5(id::text), 2) from people where id % 2 = 0
  returning id, user_id
)
insert into collection_permissions (collection_id, user_id, api_key_id, permission, granted_by)
select $1, case when k.id is null then p.id end, k.id, 'read', p.id
from people p
left join keys k on k.user_id = p.id`, l.collection.ID, first, n)
	}},
	{route: "GET /api/v2/collections/{collection_id}/sync/runs", fill: func(w *testworld.World, l lists, first, n int) {
		w.Exec(`
insert into sync_runs (collection_id, triggered_by, status)
select $1, 'manual', 'success' from generate_series($2::int, $2 + $3 - 1)`, l.collection.ID, first, n)
	}},
	{route: "GET /api/v2/collections/{collection_id}/sources", fill: func(w *testworld.World, l lists, first, n int) {
		w.Exec(`
insert into collection_sources (collection_id, source_type, source_path)
select $1, 'directory', '/srv/' || i from generate_series($2::int, $2 + $3 - 1) i`, l.collection.ID, first, n)
	}},
	{route: "GET /api/v2/operations", fill: fillOperations},
	{route: "GET /api/v2/collections/{collection_id}/operations", fill: fillOperations},
	{route: "GET /api/v2/api-keys", fill: func(w *testworld.World, l lists, first, n int) {
		w.Exec(`
insert into api_keys (user_id, name, prefix, key_hash, is_active)
select $1, 'key ' || i, 'smtk_0', repeat(md5('k' || i), 2), i % 10 = 0 from generate_series($2::int, $2 + $3 - 1) i`, l.owner.ID, first, n)
	}},
	{route: "GET /api/v2/users", asSuperuser: true, fill: func(w *testworld.World, _ lists, first, n int) {
		w.Exec(`
insert into users (username, email, hashed_password)
select 'user_' || i, 'user_' || i || '@example.com', 'x' from generate_series($1::int, $1 + $2 - 1) i`, first, n)
	}},
	{route: "GET /api/v2/audit-log", fill: func(w *testworld.World, l lists, first, n int) {
		w.Exec(`
insert into audit_log (user_id, actor, action, object_type, object_id)
select $1, $2, 'collection.update', 'collection', $3::text from generate_series($4::int, $4 + $5 - 1)`,
			l.owner.ID, l.owner.Username, l.collection.ID, first, n)
	}},
}

func fillOperations(w *testworld.World, l lists, _, n int) {
	w.Exec(`
insert into operations (collection_id, user_id, type, status, config, attempt, completed_at)
select $1, $2, 'append', 'completed', '{"a": 1}', 1, now() from generate_series(1, $3)`, l.collection.ID, l.owner.ID, n)
}

// constantLists are as long whatever there is: those that have nothing in them, until
// there is something to list, those of the partitions, whose tests count their
// statements, the scheduled tasks, which code names, the slow statements, and the neighbours of a chunk, one
// statement for each side.
var constantLists = []string{
	"GET /api/v2/plugins", "GET /api/v2/plugins/available", "GET /api/v2/plugins/pipeline", "GET /api/v2/mcp/profiles",
	"GET /api/v2/benchmark-datasets", "GET /api/v2/benchmarks", "GET /api/v2/models", "GET /api/v2/agent/conversations",
	"GET /api/v2/collections/{collection_id}/projections",
	"GET /api/v2/partitions/health", "GET /api/v2/partitions/health-summary", "GET /api/v2/partitions/recommendations",
	"GET /api/v2/chunking/collections/{collection_id}/chunks/{chunk_id}",
	"GET /api/v2/system/tasks", "GET /api/v2/system/slow-queries",
}

// The statements of a list are the same for one row and for a hundred: nothing is
// asked for row by row.
func TestLists_AskNothingRowByRow(t *testing.T) {
	t.Parallel()
	for _, listing := range listings {
		t.Run(listing.route, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			l := lists{owner: w.User("alice")}
			l.collection = w.Collection(l.owner)
			w.Exec(`insert into collection_sources (collection_id, source_type, source_path) values ($1, 'upload', 'upload')`, l.collection.ID)
			method, path, _ := strings.Cut(listing.route, " ")
			asker := l.owner
			if listing.asSuperuser {
				asker = w.Root
			}
			request := testworld.Scenario{
				Method: method, URL: strings.ReplaceAll(path, "{collection_id}", l.collection.ID.String()) + "?per_page=100&limit=100&page_size=100",
				Token: "Bearer " + w.Token(asker), Status: http.StatusOK,
			}
			listing.fill(w, l, 1, 1)
			few, statements := ask(t, w, request)
			require.Less(t, few, 20)
			require.Positive(t, few)
			listing.fill(w, l, 2, 150)
			many, statementsOfMany := ask(t, w, request)
			require.Equal(t, 100, many)
			require.Equal(t, statements, statementsOfMany, "%d rows against %d", few, many)
			require.Less(t, len(statements), 10)
		})
	}
}

// ask gives the number of rows in the answer and the statements behind it.
func ask(t *testing.T, w *testworld.World, s testworld.Scenario) (rows int, statements []string) {
	t.Helper()
	w.Request(s) // what is prepared on the way is prepared
	var answer testworld.Answer
	for _, statement := range w.Trace.Record(func() { answer = w.Request(s) }) {
		statements = append(statements, statement.SQL)
	}
	var list []any
	if json.Unmarshal([]byte(answer.Body), &list) == nil {
		return len(list), statements
	}
	for _, member := range answer.JSON(t) {
		if found, ok := member.([]any); ok {
			list = found
		}
	}
	return len(list), statements
}

func TestLists_EachRouteThatAnswersWithAListIsAsked(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	api := w.Server.API().OpenAPI()
	known := slices.Clone(constantLists)
	for _, l := range listings {
		known = append(known, l.route)
	}
	found := 0
	for path, item := range api.Paths {
		if item.Get == nil || item.Get.Responses["200"] == nil || item.Get.Responses["200"].Content["application/json"] == nil {
			continue
		}
		if hasList(api.Components.Schemas, item.Get.Responses["200"].Content["application/json"].Schema) {
			found++
			require.Contains(t, known, "GET "+path, "it answers with a list: how many statements does it take?")
		}
	}
	require.Equal(t, len(known), found, "each of the table exists")
}

// hasList reports whether an answer is a list of objects, or has one as a member.
func hasList(schemas huma.Registry, s *huma.Schema) bool {
	s = resolved(schemas, s)
	if s.Type == huma.TypeArray {
		return resolved(schemas, s.Items).Type == huma.TypeObject
	}
	for _, property := range s.Properties {
		p := resolved(schemas, property)
		if p.Type == huma.TypeArray && resolved(schemas, p.Items).Type == huma.TypeObject {
			return true
		}
	}
	return false
}

func resolved(schemas huma.Registry, s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	if s == nil {
		return &huma.Schema{}
	}
	return s
}
