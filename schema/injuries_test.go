package schema_test

import "time"

var (
	month     = time.Now().UTC().Format("2006_01")
	nextMonth = time.Now().UTC().AddDate(0, 0, 1-time.Now().UTC().Day()).AddDate(0, 1, 0).Format("2006_01")
)

// injury is a way to change a database, and what a check says of it.
type injury struct {
	sql      string
	found    []string
	mend     string // what is said to mend the first, or begins it; "": an apply
	unmended bool   // an apply does not mend it
	alone    bool   // it touches what others do
}

// injuries are ways to change a database, and what a check says of each.
var injuries = map[string]injury{
	"a dropped index": {
		sql:   "drop index ix_operations_created_at",
		found: []string{"missing index ix_operations_created_at on operations"},
	},
	"a dropped index of the chunks": {
		sql:   "drop index idx_chunks_part_chunk_index",
		found: []string{"missing index idx_chunks_part_chunk_index on chunks"},
	},
	"a changed index": {
		sql:   "drop index ix_collections_name; create unique index ix_collections_name on collections (name)",
		found: []string{"changed index ix_collections_name on collections"},
	},
	"an extra index": {
		sql:   "create index slow on documents (file_name)",
		found: []string{"extra index slow on documents"},
	},
	"a changed check": {
		sql:   "alter table documents drop constraint ck_documents_file_size, add constraint ck_documents_file_size check (file_size > 0)",
		found: []string{"changed check ck_documents_file_size on documents: it is (file_size > 0) and should be (file_size >= 0)"},
	},
	"a dropped check": {
		sql:   "alter table collection_permissions drop constraint check_user_or_api_key",
		found: []string{"missing check check_user_or_api_key on collection_permissions"},
	},
	"an extra column": {
		sql:      "alter table users add column shoe_size integer",
		found:    []string{"extra column users.shoe_size"},
		mend:     "it may hold data: save what is needed",
		unmended: true, // it may hold data
	},
	"a dropped column": {
		sql:   "alter table users drop column last_login",
		found: []string{"missing column users.last_login"},
	},
	"a changed default": {
		sql:   "alter table collections alter column chunk_size set default 500",
		found: []string{"changed column collections.chunk_size: its default is 500 and should be 1000"},
	},
	"a column that became nullable": {
		sql:   "alter table documents alter column file_name drop not null",
		found: []string{"changed column documents.file_name: it is nullable and should be not null"},
	},
	"a changed type": {
		alone: true,
		sql:   "alter table documents alter column file_size type integer",
		found: []string{"changed column documents.file_size: its type is integer and should be bigint"},
	},
	"a changed foreign key": {
		sql:   "alter table collections drop constraint fk_collections_owner, add constraint fk_collections_owner foreign key (owner_id) references users (id) on delete cascade",
		found: []string{"changed foreign key fk_collections_owner on collections: on delete cascade and should be restrict"},
	},
	"a dropped foreign key": {
		sql:   "alter table chunks drop constraint fk_chunks_document",
		found: []string{"missing foreign key fk_chunks_document on chunks"},
	},
	"nulls made distinct": {
		sql:   "alter table chunks drop constraint uq_chunks_document_chunk_index, add constraint uq_chunks_document_chunk_index unique (collection_id, document_id, chunk_index, partition_key)",
		found: []string{"changed index uq_chunks_document_chunk_index on chunks"},
	},
	"a missing table": {
		sql:   "drop table idempotency_keys",
		found: []string{"missing table idempotency_keys"},
	},
	"an extra table": {
		sql:      "create table guests (id integer)",
		found:    []string{"extra table guests: not made by this program, and left alone"},
		mend:     "if somebody needs it, ALTER TABLE guests SET SCHEMA",
		unmended: true,
	},
	"a missing partition": {
		sql:   "drop table chunks_p1",
		found: []string{"missing partition chunks_p1 of chunks"},
	},
	"a detached partition": {
		sql:   "alter table chunk_search detach partition chunk_search_p2",
		found: []string{"missing partition chunk_search_p2 of chunk_search: the table is there, but not attached"},
		mend:  `"semantik schema apply" mends it, as does: BEGIN; ALTER TABLE chunk_search ATTACH PARTITION chunk_search_p2 FOR VALUES IN (2); COMMIT`,
	},
	"partitions that have each other's name": {
		sql: "alter table chunk_search_p0 rename to x; alter table chunk_search_p1 rename to chunk_search_p0; alter table x rename to chunk_search_p1",
		found: []string{
			"changed partition chunk_search_p1 of chunk_search: it holds the rows of chunk_search_p0, and should be called so",
			"changed partition chunk_search_p0 of chunk_search: it holds the rows of chunk_search_p1, and should be called so",
		},
		mend: `"semantik schema apply" mends it, as does: BEGIN; ALTER TABLE chunk_search_p0 RENAME TO chunk_search_p0_before; ALTER TABLE chunk_search_p1 RENAME TO chunk_search_p0; COMMIT`,
	},
	"a partition that was detached, and renamed": {
		alone: true,
		sql: `insert into chunks (collection_id, partition_key, chunk_index, content) select id, partition_key, 0, 'kept' from collections limit 1;
				do $$ declare k text := (select partition_key from chunks limit 1); begin
				  execute 'alter table chunks detach partition chunks_p' || k; execute format('alter table chunks_p%s rename to "Old; drop table users"', k);
				end $$`,
		found: []string{"missing partition chunks_p"},
		mend:  `"semantik schema apply" mends it, as does: BEGIN; ALTER TABLE "Old; drop table users" RENAME TO chunks_p`,
	},
	"a table like a partition": {
		sql:      `create table "Users" (like chunks); insert into "Users" (id, collection_id, partition_key, chunk_index, content, enabled, metadata, created_at, updated_at) select 1, id, 2, 0, 'x', true, '{}', now(), now() from collections limit 1`,
		found:    []string{`extra table "Users": not made by this program, and left alone`},
		mend:     "it has the columns of chunks and a row of partition key 2, as if it had been chunks_p2: before anything else look",
		unmended: true,
	},
	"a month that was detached": {
		sql:   "alter table audit_log detach partition audit_log_" + nextMonth + "; insert into audit_log (created_at, actor, action, object_type) values (date_trunc('month', now()) + interval '1 month 3 days', 'a', 'b', 'c')",
		found: []string{"missing partition audit_log_" + nextMonth + " of audit_log: the table is there, but not attached"},
		mend:  `"semantik schema apply" mends it, as does: BEGIN; WITH moved AS (DELETE FROM audit_log_default`,
	},
	"a table whose name is a statement": {
		sql:      `create table "x; drop table chunks" (id integer)`,
		found:    []string{`extra table "x; drop table chunks": not made by this program`},
		mend:     `if somebody needs it, ALTER TABLE "x; drop table chunks" SET SCHEMA takes it out of the way; if not, DROP TABLE "x; drop table chunks"`,
		unmended: true,
	},
	"a missing month": {
		sql:   "drop table audit_log_" + month,
		found: []string{"missing partition audit_log_" + month + " of audit_log"},
	},
	"a partition's settings": {
		sql:   "alter table chunks_p0 reset (autovacuum_vacuum_scale_factor)",
		found: []string{"changed partition chunks_p0 of chunks: its autovacuum settings differ"},
	},
	"a changed function": {
		sql:   "create or replace function chunk_search_query_any(query text) returns tsquery language sql as 'select null::tsquery'",
		found: []string{"changed function chunk_search_query_any(query text)"},
	},
	"a missing function": {
		sql:   "drop function make_audit_log_partitions",
		found: []string{"missing function make_audit_log_partitions(months_ahead integer)"},
	},
	"a changed generation expression": {
		alone: true,
		sql: `alter table collections add column key_before integer; update collections set key_before = partition_key;
				alter table collections drop column key_before;
				alter table documents drop constraint fk_documents_collection; alter table chunks drop constraint fk_chunks_collection;
				alter table chunk_search drop constraint fk_chunk_search_collection;
				alter table chunk_search_backlog drop constraint fk_chunk_search_backlog_collection; alter table collections drop column partition_key;
				alter table collections add column partition_key integer not null generated always as ((abs(hashtext(name)::bigint) % 3)::integer) stored,
				add constraint uq_collections_id_partition_key unique (id, partition_key);
				alter table documents add constraint fk_documents_collection foreign key (collection_id, partition_key) references collections (id, partition_key) on delete cascade;
				alter table chunks add constraint fk_chunks_collection foreign key (collection_id, partition_key) references collections (id, partition_key) on delete cascade;
				alter table chunk_search add constraint fk_chunk_search_collection foreign key (collection_id, partition_key) references collections (id, partition_key) on delete cascade;
				alter table chunk_search_backlog add constraint fk_chunk_search_backlog_collection foreign key (collection_id, partition_key) references collections (id, partition_key) on delete cascade`,
		found: []string{"changed column collections.partition_key: it is generated as " +
			"((abs((hashtext(name))::bigint) % (3)::bigint))::integer and should be generated as ((abs((hashtext((id)::text))::bigint) % (3)::bigint))::integer"},
		mend:     "it cannot be altered in place",
		unmended: true,
	},
	"a foreign key that old rows need not meet": {
		sql:      "alter table sync_runs drop constraint fk_sync_runs_collection, add constraint fk_sync_runs_collection foreign key (collection_id) references collections (id) on delete cascade not valid",
		found:    []string{"invalid constraint fk_sync_runs_collection on sync_runs: rows older than it are not checked; VALIDATE CONSTRAINT checks them"},
		mend:     "ALTER TABLE sync_runs VALIDATE CONSTRAINT fk_sync_runs_collection",
		unmended: true,
	},
	"an index that was never finished": {
		alone: true,
		sql:   "drop index idx_chunks_part_chunk_index; create index idx_chunks_part_chunk_index on only chunks (collection_id, chunk_index, id)",
		found: []string{"invalid index idx_chunks_part_chunk_index on chunks: it was never finished: 3 of 3 partitions have none (chunks_p0, chunks_p1, chunks_p2)"},
	},
	"an index that one partition lacks": {
		alone: true,
		sql: `drop index idx_chunks_part_chunk_index; create index idx_chunks_part_chunk_index on only chunks (collection_id, chunk_index, id);
				create index a on chunks_p0 (collection_id, chunk_index, id); alter index idx_chunks_part_chunk_index attach partition a;
				create index b on chunks_p2 (collection_id, chunk_index, id); alter index idx_chunks_part_chunk_index attach partition b`,
		found: []string{"invalid index idx_chunks_part_chunk_index on chunks: it was never finished: 1 of 3 partitions have none (chunks_p1)"},
	},
	"an index whose build was broken off": {
		sql:   "update pg_index set indisvalid = false where indexrelid = 'ix_operations_user_id'::regclass",
		found: []string{"invalid index ix_operations_user_id on operations: its build was broken off, so that no query uses it"},
		mend:  "REINDEX INDEX CONCURRENTLY ix_operations_user_id", // quicker than an apply, which does so too
	},
	"an index of a partition whose build was broken off": {
		sql:      "update pg_index set indisvalid = false where indexrelid = 'chunks_p1_collection_id_chunk_index_id_idx'::regclass",
		found:    []string{"invalid index chunks_p1_collection_id_chunk_index_id_idx on chunks_p1: its build was broken off, so that no query uses it"},
		mend:     "REINDEX INDEX CONCURRENTLY chunks_p1_collection_id_chunk_index_id_idx",
		unmended: true,
	},
	"an index of one partition alone": {
		sql:      "create index mine on chunks_p1 (token_count)",
		found:    []string{"extra index mine on chunks_p1: it is part of no index of the whole table"},
		mend:     "DROP INDEX CONCURRENTLY mine, unless",
		unmended: true,
	},
	"the foreign keys of one partition switched off": {
		sql:      "alter table chunks_p1 disable trigger all",
		found:    []string{"disabled triggers of chunks: "},
		mend:     "ALTER TABLE chunks ENABLE TRIGGER ALL; then",
		unmended: true,
	},
	"disabled triggers": {
		sql:      "alter table documents disable trigger all",
		found:    []string{"disabled triggers of documents: "},
		mend:     "ALTER TABLE documents ENABLE TRIGGER ALL; then",
		unmended: true,
	},
	"somebody's trigger": {
		sql: `create function hello() returns trigger language plpgsql as 'begin return new; end';
				create trigger hello before insert on users for each row execute function hello()`,
		found:    []string{"extra trigger hello on users"},
		mend:     "DROP TRIGGER hello ON users",
		unmended: true,
	},
	"a rule that swallows what is deleted": {
		sql:      `create rule "keep all" as on delete to users do instead nothing`,
		found:    []string{`extra rule "keep all" on users: it changes what statements do`},
		mend:     `DROP RULE "keep all" ON users`,
		unmended: true,
	},
	"rows that are hidden": {
		sql:      "alter table chunks enable row level security, force row level security; alter table api_keys enable row level security",
		found:    []string{"changed table chunks: it is under row level security, for its owner too", "changed table api_keys: it is under row level security"},
		mend:     "ALTER TABLE chunks DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
		unmended: true,
	},
	"a table that is not vacuumed": {
		sql:      "alter table refresh_tokens set (autovacuum_enabled = off)",
		found:    []string{"changed table refresh_tokens: autovacuum is switched off for it"},
		mend:     "ALTER TABLE refresh_tokens RESET (autovacuum_enabled)",
		unmended: true,
	},
	"a foreign key that may be kept late": {
		sql:      "alter table api_keys alter constraint fk_api_keys_user deferrable initially deferred",
		found:    []string{"changed constraint fk_api_keys_user on api_keys: it is deferrable"},
		mend:     "ALTER TABLE api_keys ALTER CONSTRAINT fk_api_keys_user NOT DEFERRABLE",
		unmended: true,
	},
	"a check that names no column": {
		sql:      "alter table chunking_configs add constraint no_more check (1 = 2)",
		found:    []string{"extra check no_more on chunking_configs: (1 = 2)"},
		mend:     "ALTER TABLE chunking_configs DROP CONSTRAINT no_more",
		unmended: true,
	},
	"a check and a default of one partition": {
		sql:      "alter table chunks_p0 add constraint mine check (chunk_index < 9), alter column enabled set default false",
		found:    []string{"extra check mine on chunks_p0: it is of this partition alone", "changed column chunks_p0.enabled: its default is not that of chunks"},
		mend:     "ALTER TABLE chunks_p0 DROP CONSTRAINT mine",
		unmended: true,
	},
	"a column in another order": {
		sql:      `alter table chunking_configs alter column name type text collate "C"`,
		found:    []string{`changed column chunking_configs.name: its collation is "C"`},
		mend:     "ALTER TABLE chunking_configs ALTER COLUMN name TYPE",
		unmended: true,
	},
	"an unlogged table": {
		sql:      "alter table idempotency_keys set unlogged",
		found:    []string{"changed table idempotency_keys: it is unlogged: a crash empties it"},
		mend:     "ALTER TABLE idempotency_keys SET LOGGED",
		unmended: true,
	},
	"a missing migration of the queue": {
		sql:      "delete from river.river_migration where version = (select max(version) from river.river_migration)",
		found:    []string{"missing queue migration "},
		unmended: true, // it is run again, and fails on what is there
	},
}
