package upkeep_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/testworld"
)

// old adds operations to a collection that ended so many days ago, the second a minute
// before the first, and so on.
func old(w *testworld.World, c collections.Collection, n, days int) {
	w.Exec(`
insert into operations (collection_id, user_id, type, status, config, attempt, created_at, completed_at)
select $1, $2, 'append', 'completed', '{"a": 1}', 1, at, at from (
  select now() - make_interval(days => $4, mins => i) as at from generate_series(1, $3) i
) as ended`, c.ID, w.Root.ID, n, days)
}

func TestOperations_WhatEndedLongAgoGoesAndTheNewestHundredOfEachCollectionStay(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("PURGE_ROWS=30"), testworld.Setting("PURGE_PAUSE=0"))
	busy, quiet, young := w.Collection(w.Root), w.Collection(w.Root), w.Collection(w.Root)
	of := func(c collections.Collection) int64 {
		return w.Int(`select count(*) from operations where collection_id = $1`, c.ID)
	}
	// Each has the operation that made it ready, besides.
	old(w, busy, 80, 10)
	old(w, busy, 150, 91)
	old(w, quiet, 99, 400)
	old(w, young, 300, 89)
	require.Equal(t, forgot(0, 131), do(t, w, "operations"))
	require.Equal(t, []int64{100, 100, 301}, []int64{of(busy), of(quiet), of(young)})
	require.EqualValues(t, 80, w.Int(`select count(*) from operations where collection_id = $1 and created_at > now() - interval '11 days' and created_at < now() - interval '9 days'`, busy.ID),
		"those that went are the oldest")
	require.Equal(t, forgot(0, 0), do(t, w, "operations"))
}

func TestOperations_WhatHasNotEndedStaysHoweverOldItIs(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, active := w.Upload(w.Root, c, files(1)...)
	w.Exec(`update operations set created_at = now() - interval '2 years'`)
	old(w, c, 100, 10)
	require.Equal(t, forgot(0, 0), do(t, w, "operations"), "the other has ended today")
	w.Exec(`update operations set completed_at = completed_at - interval '2 years' where uuid <> $1`, *active)
	require.Equal(t, forgot(0, 1), do(t, w, "operations"))
	require.Equal(t, operations.StatusPending, w.Operation(*active).Status)
}

func TestOperations_ADeletedCollectionIsForgottenOnceItsTimeIsOver(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting(smallSlices), testworld.Setting("PURGE_PAUSE=0"))
	long, lately, living := w.Collection(w.Root), w.Collection(w.Root), w.Collection(w.Root)
	for _, c := range []collections.Collection{long, lately} {
		w.AddDocuments(c, files(3)...)
		old(w, c, 250, 1)
		w.AwaitOperation(w.Delete(c))
	}
	age := func(c collections.Collection, days int) {
		w.Exec(`update collections set deleted_at = now() - make_interval(days => $2) where id = $1`, c.ID, days)
	}
	before := w.Int(`select count(*) from operations where collection_id = $1`, long.ID)
	require.Greater(t, before, int64(250))
	age(long, 91)
	age(lately, 89)
	require.Equal(t, forgot(1, before), do(t, w, "operations"))
	rows := func(c collections.Collection) []int64 {
		return []int64{w.Int(`select count(*) from collections where id = $1`, c.ID), w.Int(`select least(count(*), 1) from operations where collection_id = $1`, c.ID)}
	}
	require.Equal(t, []int64{0, 0}, rows(long))
	require.Equal(t, []int64{1, 1}, rows(lately))
	require.Equal(t, []int64{1, 1}, rows(living))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.delete' and object_id = $1`, long.ID.String()), "the audit log keeps what was done")
}

func TestOperations_ADeletedCollectionThatIsStillPurgedStays(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	w.Delete(c)
	w.Exec(`update collections set deleted_at = now() - interval '1 year'`)
	require.Equal(t, forgot(0, 0), do(t, w, "operations"))
	require.EqualValues(t, 1, w.Int(`select count(*) from collections`))
}

// The cascade of the row is no purge: it would take what nobody knows to be there.
func TestOperations_ADeletedCollectionOfWhichSomethingIsLeftStaysAndIsReported(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	leftovers := map[string]string{
		"documents": `
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash)
select id, partition_key, 'a', 'a', 1, repeat('0', 64) from collections where id = $1`,
		"chunks": `insert into chunks (collection_id, partition_key, chunk_index, content) select id, partition_key, 0, 'left' from collections where id = $1`,
		"chunk_search": `
insert into chunk_search (collection_id, partition_key, chunk_id, search) select id, partition_key, 1, '' from collections where id = $1`,
		"chunk_search_backlog": `
insert into chunk_search_backlog (collection_id, partition_key, load_id, first_index, last_index, new_chunks)
select id, partition_key, 1, 0, 0, 0 from collections where id = $1`,
		"collection_sources":     `insert into collection_sources (collection_id, source_type, source_path) values ($1, 'upload', 'x')`,
		"sync_runs":              `insert into sync_runs (collection_id, triggered_by) values ($1, 'manual')`,
		"collection_permissions": `insert into collection_permissions (collection_id, user_id, permission) select $1, id, 'read' from users`,
	}
	for table, leave := range leftovers {
		c := w.Collection(w.Root)
		w.AwaitOperation(w.Delete(c))
		w.Exec(`update collections set deleted_at = now() - interval '1 year' where id = $1`, c.ID)
		w.Exec(leave, c.ID)
		require.Equal(t, forgot(0, 0)+" Deleted collections of which something is left although they were purged: 1.",
			do(t, w, "operations"), table)
		require.Equal(t, map[string]int64{table: 1}, w.Left(c.ID))
		w.Exec(`delete from `+table+` where collection_id = $1`, c.ID)
		require.Equal(t, forgot(1, 2), do(t, w, "operations"), table)
	}
	require.Contains(t, w.Log(), "please report it")
}

func TestExpired_TokensAndKeysGoWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting(smallSlices), testworld.Setting("PURGE_PAUSE=0"))
	w.Exec(`
insert into refresh_tokens (user_id, token_hash, family, expires_at)
select $1, encode(sha256(i::text::bytea), 'hex'), gen_random_uuid(), now() + make_interval(mins => i) from generate_series(-350, 2) i where i <> 0`, w.Root.ID)
	w.Exec(`
insert into idempotency_keys (user_id, key, endpoint, request_hash, response_status, expires_at)
select $1, 'key ' || i, 'POST /', '', 201, now() + make_interval(mins => i) from generate_series(-250, 3) i where i <> 0`, w.Root.ID)
	require.Equal(t, "Refresh tokens removed: 350; API keys: 0; idempotency keys: 250; sync runs: 0; jobs of processes that are gone: 0.", do(t, w, "expired"))
	require.EqualValues(t, 2, w.Int(`select count(*) from refresh_tokens`))
	require.EqualValues(t, 3, w.Int(`select count(*) from idempotency_keys`))
}

func TestExpired_TheNewestHundredSyncRunsOfEachCollectionStay(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	many, few := w.Collection(w.Root), w.Collection(w.Root)
	for c, n := range map[*collections.Collection]int{&many: 130, &few: 100} {
		w.Exec(`
insert into sync_runs (collection_id, triggered_by, status, started_at)
select $1, 'scheduler', case when i = 120 then 'running' else 'success' end, now() - make_interval(hours => i) from generate_series(1, $2) i`, c.ID, n)
	}
	require.Equal(t, "Refresh tokens removed: 0; API keys: 0; idempotency keys: 0; sync runs: 29; jobs of processes that are gone: 0.", do(t, w, "expired"))
	require.EqualValues(t, 101, w.Int(`select count(*) from sync_runs where collection_id = $1`, many.ID), "one of the old is running")
	require.EqualValues(t, 100, w.Int(`select count(*) from sync_runs where collection_id = $1`, few.ID))
	require.EqualValues(t, 100, w.Int(`select count(*) from sync_runs where collection_id = $1 and started_at > now() - interval '100 hours 30 minutes'`, many.ID))
}

func TestExpired_AJobOfAKilledProcessEndsOnceNobodyHoldsItsOperation(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	_, held := w.Upload(w.Root, c, files(1)...)
	_, ended := w.Upload(w.Root, other, files(1)...)
	w.Exec(`update river.river_job set state = 'running', attempt = 1, attempted_at = now() - interval '2 days'
where id in (select task_id from operations where uuid in ($1, $2))`, *held, *ended)
	w.Exec(`update operations set status = 'processing', attempt = 1, worker = 'somebody', lease_until = now() + interval '1 minute' where uuid in ($1, $2)`, *held, *ended)
	_, err := w.Operations.Cancel(w.As(w.Root), *ended)
	require.NoError(t, err)
	states := func() []string {
		state := `select j.state::text from river.river_job j join operations o on o.task_id = j.id where o.uuid = $1`
		return []string{testworld.Value[string](w, state, *held), testworld.Value[string](w, state, *ended)}
	}
	require.Contains(t, do(t, w, "expired"), "jobs of processes that are gone: 1.")
	require.Equal(t, []string{"running", "discarded"}, states(), "a long operation is left alone")
	w.Exec(`update operations set lease_until = now() - interval '1 second' where uuid = $1`, *held)
	require.Contains(t, do(t, w, "expired"), "jobs of processes that are gone: 1.")
	require.Equal(t, []string{"discarded", "discarded"}, states())
}

func TestExpired_APIKeysGoOnceTheyHaveBeenNoGoodForLong(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("API_KEY_RETENTION_DAYS=30"), testworld.Setting(smallSlices), testworld.Setting("PURGE_PAUSE=0"))
	c := w.Collection(w.Root)
	w.Exec(`
insert into api_keys (user_id, name, prefix, key_hash, expires_at, is_active, revoked_at)
select $1, name, 'smtk_', encode(sha256(name::bytea), 'hex'), now() + expires, revoked is null, now() + revoked
from (values
  ('expired long ago', interval '-31 days', null::interval), ('expired lately', '-29 days', null), ('good', '1 day', null), ('for ever', null, null),
  ('revoked long ago', '300 days', '-31 days'), ('revoked lately', '300 days', '-29 days')) as key (name, expires, revoked)`, w.Root.ID)
	w.Exec(`
insert into api_keys (user_id, name, prefix, key_hash, expires_at)
select $1, 'key ' || i, 'smtk_', encode(sha256(i::text::bytea), 'hex'), now() - interval '1 year' from generate_series(1, 250) i`, w.Root.ID)
	w.Exec(`insert into collection_permissions (collection_id, api_key_id, permission) select $1, id, 'read' from api_keys where name in ('revoked long ago', 'good')`, c.ID)
	require.Equal(t, "Refresh tokens removed: 0; API keys: 252; idempotency keys: 0; sync runs: 0; jobs of processes that are gone: 0.", do(t, w, "expired"))
	require.Equal(t, "expired lately, for ever, good, revoked lately", testworld.Value[string](w, `select string_agg(name, ', ' order by name) from api_keys`))
	require.EqualValues(t, 1, w.Int(`select count(*) from collection_permissions`), "what a key may goes with it")
}

func TestExpired_AKeyIsRevokedFromWhenItWasAndNoMoreOnceThatIsTakenBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	created, err := w.Users.CreateAPIKey(w.As(w.Root), users.CreateAPIKeyInput{Name: "a"})
	require.NoError(t, err)
	for _, active := range []bool{false, true, false} {
		_, err := w.Users.SetAPIKeyActive(w.As(w.Root), created.ID, active)
		require.NoError(t, err)
		require.Equal(t, !active, testworld.Value[bool](w, `select coalesce(revoked_at > now() - interval '1 minute', false) from api_keys`))
	}
	w.Exec(`update api_keys set revoked_at = now() - interval '91 days'`)
	_, err = w.Users.SetAPIKeyActive(w.As(w.Root), created.ID, true)
	require.NoError(t, err)
	require.Contains(t, do(t, w, "expired"), "API keys: 0;")
}
