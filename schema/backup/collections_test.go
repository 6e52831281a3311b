package backup_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
	"semantik/schema/backup"
	"semantik/testworld"
)

// contents says what a database has of a collection, whatever its ids.
const contents = `
select jsonb_build_object(
    'documents', (select jsonb_agg(jsonb_build_array(d.file_path, d.status, d.content_hash, d.chunk_count) order by d.file_path) from documents d where d.collection_id = c.id),
    'bytes', (select coalesce(sum(length(o.data)), 0) from document_contents o where o.collection_id = c.id),
    'chunks', (select md5(string_agg(k.content || k.chunk_index, '' order by k.id)) from chunks k where k.collection_id = c.id),
    'search', (select md5(string_agg(s.search::text, '' order by s.chunk_id)) from chunk_search s where s.collection_id = c.id),
    'sources', (select jsonb_agg(jsonb_build_array(s.source_path, s.document_count, s.size_bytes) order by s.source_path) from collection_sources s where s.collection_id = c.id),
    'copies', (select jsonb_agg(x.file_path) from source_copies x join collection_sources s on s.id = x.source_id where s.collection_id = c.id),
    'config', jsonb_build_array(c.name, c.status, c.chunk_size, c.chunking_strategy, c.document_count, c.chunk_count, c.vector_count, c.total_size_bytes))::text
from collections c
where c.name = $1
  and c.deleted_at is null`

// sourced gives the collection "notes" a source, to which its documents belong, with a
// copy.
func sourced(w *testworld.World) {
	w.Exec(`
with s as (
    insert into collection_sources (collection_id, source_type, source_path, last_run_status, document_count, size_bytes)
    select c.id, 'directory', '/srv/notes', 'running', c.document_count, c.total_size_bytes from collections c where name = 'notes'
    returning id, collection_id
), d as (
    update documents d set source_id = s.id from s where d.collection_id = s.collection_id
)
insert into source_copies (source_id, file_path, file_size, content_hash) select id, 'copy.md', 1, repeat('a', 64) from s`)
	w.Exec(`
update collection_sources s set document_count = 0, size_bytes = 0
from collections c
where c.id = s.collection_id and c.name = 'notes' and s.source_path <> '/srv/notes'`)
}

// inquire asks the world's database for one text.
func inquire(w *testworld.World, sql string, args ...any) string {
	return testworld.Value[string](w, sql, args...)
}

// noViolations says that every rule of the data holds.
func noViolations(t *testing.T, url string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	violations, err := schema.New(pool, schema.Options{}).CheckData(t.Context())
	require.NoError(t, err)
	require.Empty(t, violations)
}

func TestRestoreCollections_BringsADeletedOneBackWhileTheProgramRuns(t *testing.T) {
	t.Parallel()
	w := filled(t)
	sourced(w)
	before := inquire(w, contents, "notes")
	others := inquire(w, contents, "others")
	made := create(t, w, "file.tar")
	id := inquire(w, `select id::text from collections where name = 'notes'`)

	_, err := backup.RestoreCollections(t.Context(), w.URL, made, backup.CollectionOptions{Names: []string{"notes"}})
	var wrong *backup.CollectionError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "is there still")

	deleted(t, w, "notes")
	w.Collection(w.User("carol"), testworld.Named("notes"))
	_, err = backup.RestoreCollections(t.Context(), w.URL, made, backup.CollectionOptions{Names: []string{"notes"}})
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "--as")

	restored, err := backup.RestoreCollections(t.Context(), w.URL, made, backup.CollectionOptions{Names: []string{id}, As: "old notes"})
	require.NoError(t, err)
	require.Len(t, restored, 1)
	require.Equal(t, int64(12), restored[0].Documents)
	require.Equal(t, "alice", restored[0].Owner)
	w.Exec(`update collections set name = 'temporary' where name = 'notes'`)
	w.Exec(`update collections set name = 'notes' where name = 'old notes'`)
	require.JSONEq(t, before, inquire(w, contents, "notes"))
	require.JSONEq(t, others, inquire(w, contents, "others"), "nothing else has changed")
	require.Equal(t, id, inquire(w, `select id::text from collections where name = 'notes' and deleted_at is null`))
	require.Equal(t, "failed", inquire(w, `select last_run_status from collection_sources where source_path = '/srv/notes'`), "no run is at it")
	require.Equal(t, "old notes", inquire(w, `select details ->> 'name' from audit_log where action = 'collection.restore'`))
	noViolations(t, w.URL)
}

// deleted deletes a collection and waits until nothing is left of it.
func deleted(t *testing.T, w *testworld.World, name string) {
	t.Helper()
	id := inquire(w, `select id::text from collections where name = $1`, name)
	require.NoError(t, w.Collections.Delete(w.As(w.Root), uuid.MustParse(id)))
	w.Await("the purge", func() bool {
		return testworld.Value[bool](w, `select exists (select 1 from operations where collection_id = $1 and type = 'delete' and status = 'completed')`, id)
	})
}

func TestRestoreCollections_BringsThemToAnotherServer(t *testing.T) {
	t.Parallel()
	from := filled(t)
	sourced(from)
	made := create(t, from, "notes.tar", "notes")
	for _, table := range made.Manifest.Tables {
		require.NotContains(t, []string{"users", "api_keys", "refresh_tokens", "audit_log"}, table.Name, "nothing but the collection's own goes along")
	}
	to := testworld.New(t)
	_, err := backup.Restore(t.Context(), to.URL, made, backup.RestoreOptions{Force: true})
	require.ErrorIs(t, err, backup.ErrPartial)
	_, err = backup.RestoreCollections(t.Context(), to.URL, made, backup.CollectionOptions{})
	require.ErrorContains(t, err, "--owner")
	to.User("dora")
	_, err = backup.RestoreCollections(t.Context(), to.URL, made, backup.CollectionOptions{Owner: "dora"})
	require.NoError(t, err)
	require.JSONEq(t, inquire(from, contents, "notes"), inquire(to, contents, "notes"))
	_, err = backup.RestoreCollections(t.Context(), to.URL, made, backup.CollectionOptions{Owner: "dora", Names: []string{"others"}})
	require.ErrorContains(t, err, "is not in the backup")
	noViolations(t, to.URL)
}

func TestRestoreCollections_WhatWasUnderWayHasFailedAndCanBeTakenUp(t *testing.T) {
	t.Parallel()
	from := testworld.New(t, testworld.NoWorker())
	alice := from.User("alice")
	c := from.NewCollection(alice, testworld.Named("notes"))
	from.Upload(alice, c.Collection, files("note", 3)...)
	require.Equal(t, "pending", inquire(from, `select min(status) from documents`))
	made := create(t, from, "notes.tar", "notes")

	to := testworld.New(t)
	to.User("alice")
	restored, err := backup.RestoreCollections(t.Context(), to.URL, made, backup.CollectionOptions{})
	require.NoError(t, err)
	require.Equal(t, int64(3), restored[0].Unfinished)
	require.Equal(t, "failed", inquire(to, `select max(status) from documents`))
	require.Equal(t, "error", inquire(to, `select status from collections where name = 'notes'`))
	noViolations(t, to.URL)
}

func TestRestoreCollections_OfAnUnknownOneIsRefusedAtTheBackup(t *testing.T) {
	t.Parallel()
	w := filled(t)
	_, err := backup.Create(t.Context(), w.URL, backup.CreateOptions{To: t.TempDir() + "/x.tar", Collections: []string{"nots"}})
	var wrong *backup.CollectionError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, `"nots" is not there`)
}
