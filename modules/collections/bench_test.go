package collections_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

// What the permission check costs: one statement, however many permissions the
// collection has.
func BenchmarkAuthorize(b *testing.B) {
	for _, grants := range []int{1, 100, 10_000} {
		w := testworld.New(b, testworld.NoWorker())
		alice, bob := w.User("alice"), w.User("bob")
		c := w.Collection(alice)
		w.Exec(`
with people as (
  insert into users (username, email, hashed_password)
  select 'grantee_' || i, 'grantee_' || i || '@example.com', 'x' from generate_series(2, $2::int) i
  returning id
), keys as (
  insert into api_keys (user_id, name, prefix, key_hash)
  select id, 'k', 'smtk_0', repeat(md5(id::text), 2) from people where id % 2 = 0
  returning id, user_id
)
insert into collection_permissions (collection_id, user_id, api_key_id, permission)
select $1, case when k.id is null then p.id end, k.id, 'read'
from people p
left join keys k on k.user_id = p.id`, c.ID, grants)
		w.Grant(c, bob, collections.Read)
		key, _ := w.NewKey(bob, nil, auth.ScopeRead)
		w.Exec(`analyze`)
		for name, ctx := range map[string]auth.Identity{
			"owner":  {UserID: alice.ID},
			"reader": {UserID: bob.ID},
			"key":    {UserID: bob.ID, APIKeyID: key, Scopes: []auth.Scope{auth.ScopeRead}},
		} {
			b.Run(fmt.Sprintf("%s among %d", name, grants), func(b *testing.B) {
				as := auth.WithIdentity(b.Context(), ctx)
				statements := w.In(b).Trace.Record(func() {
					_, err := w.Collections.Authorize(as, c.ID, collections.Read)
					require.NoError(b, err)
				})
				require.Len(b, statements, 1)
				for b.Loop() {
					if _, err := w.Collections.Authorize(as, c.ID, collections.Read); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		// What the round trip costs by itself.
		b.Run(fmt.Sprintf("select 1 beside %d", grants), func(b *testing.B) {
			for b.Loop() {
				var one int
				if err := w.DB.Querier(b.Context()).QueryRow(b.Context(), `select 1`).Scan(&one); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchRows are 10,000 collections of 100 owners, of whom $1 is one; 1,000 are public,
// and 20 of others are shared with each owner.
const benchRows = `
with people as (
  insert into users (username, email, hashed_password)
  select 'owner_' || i, 'owner_' || i || '@example.com', 'x' from generate_series(1, 99) i
  returning id
), owners as (
  select row_number() over () - 1 as n, id from (select id from people union all select $1) p
), made as (
  insert into collections (name, description, owner_id, vector_store_name, status, is_public, created_at)
  select 'Collection number ' || i, 'A description of it, ' || md5(i::text), o.id, 'v ' || i,
         case when i % 50 = 0 then 'error' else 'ready' end, i % 10 = 0, now() - make_interval(hours => i)
  from generate_series(1, 10000) i
  join owners o on o.n = i % 100
  returning id, owner_id, substr(vector_store_name, 3)::int as n
)
insert into collection_permissions (collection_id, user_id, permission)
select m.id, o.id, 'read'
from owners o
join made m on m.n % 500 = o.n * 5 % 500 and m.owner_id <> o.id`

// What a page of collections costs with benchRows.
func BenchmarkList(b *testing.B) {
	w := testworld.New(b, testworld.NoWorker())
	alice := w.User("alice")
	w.Exec(benchRows, alice.ID)
	w.Exec(`analyze`)
	for _, c := range []struct {
		name string
		as   users.User
		q    collections.ListQuery
	}{
		{"own and shared", alice, collections.ListQuery{}},
		{"and public", alice, collections.ListQuery{IncludePublic: true}},
		{"by name", alice, collections.ListQuery{IncludePublic: true, Sort: "name"}},
		{"by text", alice, collections.ListQuery{IncludePublic: true, Text: "number 77"}},
		{"by owner", alice, collections.ListQuery{IncludePublic: true, Owner: "owner_5"}},
		{"by status", alice, collections.ListQuery{IncludePublic: true, Status: "error"}},
		{"everybody's", w.Root, collections.ListQuery{All: true}},
		{"everybody's by text", w.Root, collections.ListQuery{All: true, Text: "number 77"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			ctx := w.In(b).As(c.as)
			c.q.Page = database.Page{Limit: 50}
			for b.Loop() {
				if _, _, err := w.Collections.List(ctx, c.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
