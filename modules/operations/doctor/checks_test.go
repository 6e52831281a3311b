package doctor_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/operations/doctor"
	"semantik/schema"
	"semantik/testworld"
)

// injuries break each check of the package that has a statement, in a transaction that is
// undone. What nothing has to be done for holds of every server when the limits are low
// enough.
var injuries = map[string]string{
	"operation_lapsed":               `update operations set status = 'processing', completed_at = null, worker = 'gone', lease_until = now() - interval '10 minutes' where type = 'append'`,
	"operation_waiting":              `insert into river.river_job (id, kind, args, max_attempts, state, finalized_at) values (-1, 'operation', '{}', 1, 'completed', now()); update operations set status = 'pending', completed_at = null, task_id = -1, created_at = now() - interval '2 hours' where type = 'append'`,
	"operation_job_lost":             `update operations set status = 'pending', completed_at = null, task_id = -2 where type = 'append'`,
	"document_failure_reason":        `update documents set status = 'failed'`,
	"document_waits_without_content": `delete from document_contents; update documents set status = 'pending'`,
	"job_operation":                  `insert into river.river_job (kind, args, max_attempts) values ('operation', '{"operation_id": "lost"}', 1)`,
	"job_lost":                       `insert into river.river_job (kind, args, max_attempts, state, attempt, attempted_at) values ('operation', '{}', 1, 'running', 1, now() - interval '2 days')`,
	"search_backlog":                 `insert into chunk_search_backlog (collection_id, partition_key, load_id, first_index, last_index, new_chunks, created_at) select id, partition_key, 1, 0, 9, 0, now() - interval '2 hours' from collections`,
	"sync_run_unfinished":            `insert into sync_runs (collection_id, triggered_by, started_at) select id, 'manual', now() - interval '2 hours' from collections`,
	"task_failed":                    `insert into scheduled_tasks (name, next_due_at, last_status, last_error) values ('wind', now(), 'failed', 'no spring')`,

	"rows_hidden":             `alter table documents enable row level security`,
	"audit_partition_missing": `drop table audit_log_default`,
	"index_invalid":           `update pg_index set indisvalid = false where indexrelid = 'ix_documents_status'::regclass`,
	"index_incomplete":        `create index idx_lacking on only chunks (token_count)`,
	"index_parent_invalid":    `update pg_index set indisvalid = false where indexrelid = 'idx_chunks_part_chunk_index'::regclass`,
	"constraint_unvalidated":  `alter table documents add constraint ck_late check (file_size < 0) not valid`,
	"trigger_disabled":        `alter table documents disable trigger all`,
	"sequence_near_end":       `alter sequence users_id_seq maxvalue 4; select setval('users_id_seq', 4)`,
	"statistics_missing":      `delete from pg_statistic`,
	"collation_version":       `update pg_database set datcollversion = '0' where datname = current_database()`,
	"index_missing":           `alter table sync_runs add column made_by bigint, add constraint fk_sync_runs_maker foreign key (made_by) references users (id)`,
	"sequential_scans":        ``,
	"index_unused":            `create index idx_unused on sync_runs (error_summary)`,

	"transaction_age":          ``,
	"transaction_age_critical": ``,
	"snapshot_old":             ``,
	"replication_slot":         ``,
	"setting_fsync":            ``,
	"setting_damage_ignored":   `set local zero_damaged_pages = on`,
	"setting_async_commit":     `set local synchronous_commit = off`,
	"setting_autovacuum":       `set local track_counts = off`,
	"setting_locks":            ``,
	"setting_shared_buffers":   ``,
	"setting_search_path":      `set local search_path = pg_catalog`,
	"setting_replication_role": ``,
}

// elsewhere are checks of which a server has nothing to find, however low the limits: their
// statement is made to ask for what there is.
var elsewhere = map[string]func(statement string) string{
	"transaction_age_critical": func(s string) string { return strings.Replace(s, "1600000000", "-1", 1) },
	"setting_fsync":            func(s string) string { return strings.Replace(s, "setting = 'off'", "setting in ('on', 'off')", 1) },
	"setting_shared_buffers":   func(s string) string { return regexp.MustCompile(`and \(.*?\)`).ReplaceAllString(s, "") },
	"prepared_transaction":     func(s string) string { return "\nselect count(*), 1 from (" + s + ") prepared" },
	// Who runs the tests sees all rows.
	"rows_hidden": func(s string) string { return strings.Replace(s, "row_security_active(c.oid)", "c.relrowsecurity", 1) },
	// A slot would hold the log of the server that all tests share, and a throw-away one has none.
	"replication_slot": func(s string) string {
		return strings.Replace(s, "pg_replication_slots", "(select 'gone' as slot_name, '0/1'::pg_lsn as restart_lsn, false as active, '3'::xid as xmin, null::xid as catalog_xmin) slots", 1)
	},
	"collation_version": func(s string) string {
		return strings.ReplaceAll(s, "pg_database_collation_actual_version(oid)", "coalesce(pg_database_collation_actual_version(oid), '1')")
	},
}

func TestChecks_EachFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	other, err := w.DB.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = other.Rollback(t.Context()) }()
	_, err = other.Exec(t.Context(), "select pg_current_xact_id()")
	require.NoError(t, err)

	for _, rule := range doctor.Strict() {
		t.Run(rule.Key, func(t *testing.T) {
			change, asked := elsewhere[rule.Key]
			injury, ok := injuries[rule.Key]
			require.True(t, ok || asked, "every check has an injury that it finds")
			if asked {
				rule.Statement = change(rule.Statement)
			}
			broken := w.In(t).Damage(injury, rule)
			require.Positive(t, broken.Count)
			require.NotEmpty(t, broken.Examples)
			require.LessOrEqual(t, len(broken.Examples), schema.ViolationRows)
		})
	}
}

func TestChecks_NeedNoMoreThanToReadTheTables(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	tx, err := w.DB.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(testworld.Beside(t.Context()), `
do $$ begin
  execute format('create role %I', 'reader_of_' || current_database());
  execute format('grant usage on schema public, river to %I', 'reader_of_' || current_database());
  execute format('grant select on all tables in schema public, river to %I', 'reader_of_' || current_database());
  execute format('grant select on all sequences in schema public, river to %I', 'reader_of_' || current_database());
  execute format('set local role %I', 'reader_of_' || current_database());
end $$`)
	require.NoError(t, err)
	var rules []schema.Rule
	for _, c := range doctor.Checks() {
		if c.Statement != "" {
			rules = append(rules, c.Rule)
		}
	}
	violations, unchecked, err := schema.CheckEach(testworld.Beside(t.Context()), tx, rules, nil)
	require.NoError(t, err)
	require.Empty(t, unchecked)
	for _, v := range violations {
		require.Contains(t, v.Rule.Key, "setting_", "an empty database breaks no rule: %s", v)
	}
}

func TestChecks_SayWhatTheyMeanAndWhatToDo(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range doctor.Checks() {
		require.False(t, seen[c.Key], "%s is one check", c.Key)
		seen[c.Key] = true
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, c.Key)
		require.NotEmpty(t, c.Name)
		require.Regexp(t, `[.:)]$|…\)?$`, c.Meaning, c.Key)
		require.NotEmpty(t, c.Remedy, c.Key)
		require.Equal(t, c.Fixable, strings.Contains(c.Remedy, "doctor --fix"), "%s says whether --fix mends it", c.Key)
		require.Equal(t, c.Destructive, strings.Contains(c.Remedy, "--allow-destructive"), "%s says whether that deletes", c.Key)
	}
}

func TestDisk_IsJudgedByWhatIsLeft(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	require.Empty(t, doctor.Disk(50*gib, 100*gib, 90*gib))
	require.Empty(t, doctor.Disk(5*gib, 100*gib, gib), "five times the database is free")
	require.Equal(t, "disk_low", doctor.Disk(5*gib, 100*gib, 10*gib)[0].Key)
	require.Equal(t, "disk_full", doctor.Disk(gib/2, 100*gib, 1)[0].Key)
	require.LessOrEqual(t, len(doctor.Shortened(strings.Repeat("x", 80), "_doctor")), 63)
}
