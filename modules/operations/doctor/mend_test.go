package doctor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations/doctor"
	"semantik/modules/operations/upkeep"
	"semantik/platform/auth"
	"semantik/testworld"
)

func operator(t *testing.T) context.Context {
	t.Helper()
	return auth.WithIdentity(t.Context(), auth.Operator())
}

// examine gives how many of what each check has found, those left out that are about the
// server that all tests share.
func examine(t *testing.T, w *testworld.World) (doctor.Report, map[string]int64) {
	t.Helper()
	report, err := w.Doctor.Examine(operator(t), nil)
	require.NoError(t, err)
	found := map[string]int64{}
	for _, f := range report.Findings {
		if !strings.HasPrefix(f.Key, "setting_") && !strings.HasPrefix(f.Key, "disk_") {
			found[f.Key] = f.Count
			require.NotEmpty(t, f.Examples, f.Key)
		}
	}
	return report, found
}

// fix mends, and requires that nothing was left over.
func fix(t *testing.T, w *testworld.World, r doctor.Report, destructive bool) map[string]int64 {
	t.Helper()
	mended, err := w.Doctor.Mend(operator(t), r, doctor.MendOptions{AllowDestructive: destructive}, nil)
	require.NoError(t, err)
	did := map[string]int64{}
	for _, m := range mended {
		require.Empty(t, m.Error, m.What)
		for _, key := range m.Keys {
			did[key] = m.Count
		}
	}
	return did
}

// injure runs statements with the foreign keys switched off.
func injure(t *testing.T, w *testworld.World, statements string) {
	t.Helper()
	tx, err := w.DB.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(testworld.Beside(t.Context()), "set local session_replication_role = replica; "+statements)
	require.NoError(t, err, statements)
	require.NoError(t, tx.Commit(t.Context()))
}

// hurt makes a collection with three documents of several chunks, and hurts it. In the
// statements %[1]s is its id.
func hurt(t *testing.T, w *testworld.World, statements string) collections.Collection {
	t.Helper()
	c := w.Collection(w.Root)
	files := make([]testworld.File, 3)
	for i := range files {
		files[i] = testworld.File{Path: fmt.Sprintf("%d.txt", i), Content: strings.Repeat(fmt.Sprintf("The house number %d stands by the river. ", i), 60)}
	}
	w.AddDocuments(c, files...)
	if statements != "" {
		injure(t, w, fmt.Sprintf(statements, "'"+c.ID.String()+"'"))
	}
	return c
}

// asleep is a world whose worker sleeps, with documents that it has worked on.
func asleep(t *testing.T) *testworld.World {
	t.Helper()
	return testworld.New(t, testworld.NoWorker(), testworld.Setting("PURGE_ROWS=50"))
}

func TestExamine_FindsNothingWhereAllIsWell(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := hurt(t, w, "")
	w.AwaitOperation(w.Delete(w.Collection(w.Root)))
	w.AwaitQuiet()
	before := w.Snapshot()
	report, found := examine(t, w)
	require.Empty(t, found)
	require.Empty(t, before.Changed(w.Snapshot()), "looking changes nothing")
	require.Len(t, doctor.Checks(), report.Checks)
	require.Contains(t, report.Server.Version, "PostgreSQL")
	require.False(t, report.Server.Embedded)
	require.Empty(t, fix(t, w, doctor.Report{}, true), "nothing found is nothing mended")
	_, err := w.Doctor.Examine(w.As(w.User("alice")), nil)
	require.Error(t, err, "it is for administrators")
	_, err = w.Doctor.Mend(t.Context(), report, doctor.MendOptions{}, nil)
	require.Error(t, err)
	require.EqualValues(t, 3, w.Read(c.ID).DocumentCount)
}

func TestExamine_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, cancel := context.WithCancel(operator(t))
	_, err := w.Doctor.Examine(ctx, func(done, total int, what string) {
		require.NotEmpty(t, what)
		require.Less(t, done, total)
		cancel()
	})
	require.ErrorIs(t, err, context.Canceled)
	w.Await("PostgreSQL has ended the statement", func() bool {
		return w.Int(`select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`) == 0
	})
}

func TestMend_PutsTheDataRight(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	counts := hurt(t, w, `update collections set document_count = 7, total_size_bytes = 1, chunk_count = 90, vector_count = 99 where id = %[1]s`)
	gap := hurt(t, w, `delete from chunks where collection_id = %[1]s and chunk_index = 1 and document_id = (select id from documents where collection_id = %[1]s and file_path = '1.txt')`)
	unfound := hurt(t, w, `delete from chunk_search where collection_id = %[1]s`)
	twice := hurt(t, w, `
drop index ix_documents_collection_content_hash;
insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash, status)
select collection_id, partition_key, 'again.txt', 'again.txt', 0, content_hash, 'completed' from documents where collection_id = %[1]s and file_path = '0.txt'`)
	source := hurt(t, w, `update documents set source_id = 4711 where collection_id = %[1]s`)
	w.Exec(`update documents set chunk_count = chunk_count + 1 where collection_id = $1 and file_path = '2.txt'`, source.ID)
	injure(t, w, `
update operations set lease_until = now(), worker = 'w' where id = (select min(id) from operations);
insert into river.river_job (kind, args, max_attempts, scheduled_at, state) values ('operation', '{"operation_id": "lost"}', 1, now() + interval '1 day', 'scheduled');
insert into sync_runs (collection_id, triggered_by, started_at) select id, 'manual', now() - interval '2 hours' from collections order by id limit 1;`)

	report, found := examine(t, w)
	require.EqualValues(t, 1, found["schema_drift"], "the unique index is gone")
	delete(found, "schema_drift")
	require.Equal(t, map[string]int64{
		"collection_document_count": 2, "collection_bytes": 1, "collection_chunk_count": 2, "collection_vector_count": 2,
		"chunk_index_gap": 1, "document_chunk_count": 2, "search_row_chunk": 1, "chunk_search_row": w.Read(unfound.ID).ChunkCount,
		"document_duplicate": 1, "document_source": 3, "source_count": 1, "operation_lease": 1, "job_operation": 1, "sync_run_unfinished": 1,
	}, found)
	did := fix(t, w, report, false)
	require.Len(t, did, len(found), "each of them is mended")
	require.EqualValues(t, 1, did["document_duplicate"])
	require.EqualValues(t, 3, did["chunk_search_row"], "documents noted")
	w.Exec(`create unique index ix_documents_collection_content_hash on documents (collection_id, content_hash) where status <> 'deleted'`)
	w.AwaitQuiet()
	w.Index()

	_, found = examine(t, w)
	require.Empty(t, found)
	require.EqualValues(t, 3, w.Read(counts.ID).DocumentCount)
	require.EqualValues(t, 3, w.Read(gap.ID).DocumentCount)
	require.EqualValues(t, 3, w.Read(twice.ID).DocumentCount)
	require.Equal(t, w.Read(counts.ID).ChunkCount, w.Read(gap.ID).ChunkCount, "the chunk is there again")
	require.Equal(t, w.Read(counts.ID).ChunkCount, w.Read(unfound.ID).VectorCount)
	require.Equal(t, "deleted", testworld.Value[string](w, `select status from documents where file_path = 'again.txt'`), "the later one is in the bin")
	require.Positive(t, w.Int(`select count(*) from audit_log where action = 'doctor.fix' and actor = 'operator' and object_id = 'document_duplicate'`))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'document.delete' and actor = 'operator'`))
}

func TestMend_GivesWorkBackToTheWorker(t *testing.T) {
	t.Parallel()
	w := asleep(t)
	stuck, alone := w.Collection(w.Root), w.Collection(w.Root)
	_, first := w.Upload(w.Root, stuck, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	_, second := w.Upload(w.Root, alone, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	w.Exec(`update operations set status = 'completed', completed_at = now() where uuid = $1`, *first)
	w.Exec(`update documents set status = 'processing' where collection_id = $1`, stuck.ID)
	w.Exec(`update operations set task_id = null, waits_for = 'turn' where uuid = $1`, *second)
	third := w.Collection(w.Root)
	_, lost := w.Upload(w.Root, third, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	w.Exec(`delete from river.river_job where args ->> 'operation_id' = $1`, lost.String())

	report, found := examine(t, w)
	require.Equal(t, map[string]int64{"document_processing": 1, "collection_status": 1, "operation_job": 1, "operation_job_lost": 1, "operation_wait": 1, "source_count": 1}, found)
	fix(t, w, report, false)
	_, found = examine(t, w)
	require.Empty(t, found)
	require.NoError(t, w.Worker.Start(t.Context()))
	w.AwaitQuiet()
	for _, c := range []collections.Collection{stuck, alone, third} {
		require.EqualValues(t, 1, w.Read(c.ID).ChunkCount)
		require.Equal(t, collections.StatusReady, w.Read(c.ID).Status)
	}
}

func TestMend_DeletesWhatNobodyCanReachOnlyWhenItMay(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := hurt(t, w, "")
	w.AwaitQuiet()
	orphans := 0
	for key, damage := range testworld.Damages {
		if strings.HasPrefix(key, "orphan_") && key != "orphan_collections_owner" && key != "orphan_schema_history_rolled_back_by" {
			injure(t, w, damage)
			orphans++
		}
	}
	injure(t, w, `
insert into chunks (collection_id, partition_key, chunk_index, content) select '11111111-1111-4111-8111-111111111111', 3, n, 'lost' from generate_series(1, 120) n;
insert into chunk_search (chunk_id, collection_id, partition_key, search) select id, collection_id, partition_key, '' from chunks where content = 'lost'`)

	report, found := examine(t, w)
	for key := range testworld.Damages {
		if strings.HasPrefix(key, "orphan_") && key != "orphan_collections_owner" && key != "orphan_schema_history_rolled_back_by" {
			require.Positive(t, found[key], key)
		}
	}
	require.EqualValues(t, 120, found["chunk_collection"])
	require.EqualValues(t, 120, found["search_row_collection"])
	did := fix(t, w, report, false)
	require.NotContains(t, did, "chunk_collection")
	report, found = examine(t, w)
	require.NotContains(t, found, "orphan_operations_user", "what is forgotten loses nobody anything")
	require.EqualValues(t, 120, found["chunk_collection"], "nothing was deleted without leave")
	did = fix(t, w, report, true)
	require.EqualValues(t, 120, did["chunk_collection"])
	require.EqualValues(t, 120, did["search_row_collection"])
	_, found = examine(t, w)
	require.Empty(t, found)
	require.EqualValues(t, 3, w.Read(c.ID).DocumentCount)
	w.CheckRules()
}

func TestMend_PutsTheTablesRight(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := hurt(t, w, "")
	w.AwaitQuiet()
	free := w.Int(`select key from generate_series(0, 9) key where not exists (select 1 from collections where partition_key = key) limit 1`)
	w.Exec(fmt.Sprintf(`drop table chunks_p%d`, free))
	w.Exec(`alter table documents disable trigger all`)
	w.Exec(`alter table documents add constraint ck_late check (file_size >= 0) not valid`)
	w.Exec(`create index ix_documents_status_ccnew on documents (status)`)
	w.Exec(`create index idx_chunks_tokens on only chunks (token_count)`)
	w.Exec(`update pg_index set indisvalid = false where indexrelid in ('ix_documents_status'::regclass, 'ix_documents_status_ccnew'::regclass)`)
	w.Exec(`drop table audit_log_default`)
	w.Exec(`select setval(pg_get_serial_sequence('chunks', 'id'), 1), setval(pg_get_serial_sequence('operations', 'id'), 1)`)
	w.Exec(`insert into sync_runs (collection_id, triggered_by, status) select $1, 'manual', 'failed' from generate_series(1, 10000)`, c.ID)
	w.Await("PostgreSQL has counted the rows", func() bool {
		return w.Int(`select pg_stat_get_live_tuples('sync_runs'::regclass)`) >= 10000
	})

	report, found := examine(t, w)
	analyzed := w.Int(`select count(*) from pg_stats where tablename = 'sync_runs'`) > 0 // autovacuum was faster
	require.Positive(t, found["trigger_disabled"])
	for key, n := range map[string]int64{
		"partition_missing": 1, "constraint_unvalidated": 1, "index_invalid": 2, "index_incomplete": 10 - 1, "audit_partition_missing": 1, "sequence_behind": 2,
	} {
		require.Equal(t, n, found[key], key)
	}
	require.True(t, analyzed || found["statistics_missing"] == 1)
	did := fix(t, w, report, false)
	require.EqualValues(t, 2, did["index_invalid"])
	require.EqualValues(t, 2, did["sequence_behind"])
	require.EqualValues(t, 1, did["partition_missing"])
	_, found = examine(t, w)
	require.Equal(t, map[string]int64{"schema_drift": 2}, found, "what somebody has added is theirs")
	require.EqualValues(t, 10, w.Int(`select count(*) from pg_inherits where inhparent = 'idx_chunks_tokens'::regclass`))
	require.EqualValues(t, 0, w.Int(`select count(*) from pg_class where relname like '%\_ccnew'`))
	w.Exec(`drop index idx_chunks_tokens`)
	w.Exec(`alter table documents drop constraint ck_late`)
	w.AddDocuments(c, testworld.File{Path: "late.txt", Content: "It goes on."})
	_, found = examine(t, w)
	require.Empty(t, found)
}

func TestMend_TakesNothingForLostThatIsNotAttached(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := hurt(t, w, "")
	w.Exec(`update chunks set content = 'by hand', edited_at = now() where collection_id = $1 and chunk_index = 0`, c.ID)
	w.AwaitQuiet()
	key := w.Int(`select partition_key from collections where id = $1`, c.ID)
	own := fmt.Sprintf("chunks_p%d", key)
	attach := fmt.Sprintf("ALTER TABLE chunks ATTACH PARTITION %s FOR VALUES IN (%d)", own, key)

	t.Run("what cannot be attached keeps all that needs the chunks from being mended", func(t *testing.T) {
		w := w.In(t)
		w.Exec(`alter table chunks detach partition ` + own + `; alter table ` + own + ` add column x integer`)
		before := w.Snapshot()
		report, found := examine(t, w)
		require.Contains(t, report.Findings[0].Examples[0], attach)
		for _, key := range []string{"search_row_chunk", "collection_chunk_count", "document_chunk_count", "chunk_index_gap"} {
			require.Positive(t, found[key], key)
		}
		mended, err := w.Doctor.Mend(operator(t), report, doctor.MendOptions{AllowDestructive: true}, nil)
		require.NoError(t, err)
		require.Contains(t, mended[0].Error, `table "`+own+`" contains column "x" not found in parent "chunks"`)
		for _, m := range mended[1:] {
			require.Contains(t, m.Error, own+" is not attached to chunks", m.What)
			require.Zero(t, m.Count)
		}
		require.Empty(t, before.Changed(w.Snapshot()))
		corrected, left, err := upkeep.Recount(operator(t), w.Doctor.Upkeep, upkeep.Config{})
		require.NoError(t, err)
		require.Zero(t, corrected, "nor does the clock")
		require.Equal(t, 1, left)
	})
	t.Run("what can be is attached, and all is as it was", func(t *testing.T) {
		w := w.In(t)
		w.Exec(`alter table ` + own + ` drop column x`)
		report, _ := examine(t, w)
		did := fix(t, w, report, false)
		require.EqualValues(t, 1, did["partition_missing"])
		require.EqualValues(t, 0, did["search_row_chunk"])
		_, found := examine(t, w)
		require.Empty(t, found)
		require.Positive(t, w.Int(`select count(*) from chunks where content = 'by hand'`))
	})
	putsBack(t, w, c, own)
	for _, sql := range w.Unexplained() {
		require.Regexp(t, `^(ALTER|CREATE) TABLE`, sql)
	}
}

func putsBack(t *testing.T, w *testworld.World, c collections.Collection, own string) {
	t.Helper()
	t.Run("one that is called otherwise gets its name", func(t *testing.T) {
		w := w.In(t)
		w.Exec(`alter table ` + own + ` rename to "Six"`)
		report, found := examine(t, w)
		require.Equal(t, map[string]int64{"partition_missing": 1}, found)
		require.Contains(t, report.Findings[0].Examples[0], `ALTER TABLE "Six" RENAME TO `+own)
		fix(t, w, report, false)
		_, found = examine(t, w)
		require.Empty(t, found)
	})
	t.Run("one that is gone is made, and what it held is said and made again", func(t *testing.T) {
		w := w.In(t)
		chunks := w.Read(c.ID).ChunkCount
		w.Exec(`drop table ` + own)
		report, _ := examine(t, w)
		lost := fmt.Sprintf("%s is gone, with the chunks of 1 collections, which count %d", own, chunks)
		require.Equal(t, lost, report.Findings[0].Examples[0])
		mended, err := w.Doctor.Mend(operator(t), report, doctor.MendOptions{}, nil)
		require.NoError(t, err)
		require.Equal(t, []string{lost + "; an empty one was made"}, mended[0].Details)
		w.AwaitQuiet()
		w.Index()
		_, found := examine(t, w)
		require.Empty(t, found)
		require.Equal(t, chunks, w.Read(c.ID).ChunkCount)
	})
}
