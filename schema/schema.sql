-- The schema of Semantik: what the database shall look like.
--
-- This file is the one source of truth. It is never run against a live
-- database: `semantik schema apply` compares it with what is there and runs
-- the difference. It can be given to psql (on an empty database) or to the
-- Atlas command line (see atlas.hcl) just as well. Around it belong
-- extensions.sql (before), functions.sql and partitions.sql (after), which hold
-- what a declaration cannot say.
--
-- House rules
--   * Every constraint has a name, for the code tells errors apart by it:
--     <table>_pkey, uq_<table>_<columns>, fk_<table>_<target>,
--     ck_<table>_<column>; indexes are ix_… (idx_… on chunks and operations).
--   * A status or a type is text with a named CHECK: the database refuses a
--     value that the code forgot, and the list can change both ways.
--   * Times are timestamptz, set by the database. updated_at is set by the
--     statement that updates.
--   * Code names the columns of a table and never counts them: where a column
--     was added later, it stands last.
--   * An index names the query that needs it. A column that a wider key already
--     leads with has no index of its own; where one might be looked for, a note
--     says which key serves.
--   * Every foreign key into and out of documents and chunks carries
--     partition_key, so that a cascade goes to one partition and not to all.


-- ---------------------------------------------------------------- users

create table users (
    id              bigint      not null generated always as identity,
    username        text        not null,
    email           text        not null,
    full_name       text,
    hashed_password text        not null,
    is_active       boolean     not null default true,
    is_superuser    boolean     not null default false,
    preferences     jsonb       not null default '{}', -- search, collection_defaults, interface; what is absent has its default
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    last_login      timestamptz,
    session_generation bigint   not null default 0, -- raised to end every session at once; access tokens carry it

    constraint users_pkey primary key (id),
    constraint ck_users_username check (username ~ '^[A-Za-z0-9_]{3,64}$'),
    constraint ck_users_email check (length(email) between 3 and 254),
    constraint ck_users_full_name check (length(full_name) <= 255)
);

-- Login and the uniqueness of names, both without regard to case: the query
-- compares lower(username) with a lowered value.
create unique index ix_users_username on users (lower(username));
create unique index ix_users_email on users (lower(email));


create table refresh_tokens (
    id             uuid        not null default gen_random_uuid(), -- the token's jti
    user_id        bigint      not null,
    token_hash     text        not null, -- SHA-256 of the token, lower-case hex
    family         uuid        not null, -- all that one login led to
    client_address text,
    user_agent     text,
    created_at     timestamptz not null default now(),
    expires_at     timestamptz not null,
    last_used_at   timestamptz,
    revoked_at     timestamptz,
    replaced_by    uuid, -- what a rotation gave out instead, which revoked this one

    constraint refresh_tokens_pkey primary key (id),
    constraint uq_refresh_tokens_token_hash unique (token_hash),
    constraint fk_refresh_tokens_user foreign key (user_id) references users (id) on delete cascade,
    constraint fk_refresh_tokens_replaced_by foreign key (replaced_by) references refresh_tokens (id) on delete set null,
    constraint ck_refresh_tokens_token_hash check (token_hash ~ '^[0-9a-f]{64}$')
);

-- End every session of a user; the cascade from users.
create index ix_refresh_tokens_user_id on refresh_tokens (user_id);
-- One token of a family is good, whatever happens at once. Find it when a used
-- one comes back, and revoke it.
create unique index uq_refresh_tokens_good on refresh_tokens (family) where revoked_at is null;
-- Forget the expired; the purge of a token sets replaced_by of its predecessor.
create index ix_refresh_tokens_expires_at on refresh_tokens (expires_at);
create index ix_refresh_tokens_replaced_by on refresh_tokens (replaced_by) where replaced_by is not null;


create table api_keys (
    id           uuid        not null default gen_random_uuid(),
    user_id      bigint      not null,
    name         text        not null,
    prefix       text        not null, -- the key's beginning, by which its owner knows it again
    key_hash     text        not null, -- SHA-256 of the key, lower-case hex
    permissions  jsonb       not null default '{"scopes": ["read", "write"], "collections": null}',
    is_active    boolean     not null default true,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz, -- null while it is active

    constraint api_keys_pkey primary key (id),
    constraint uq_api_keys_key_hash unique (key_hash), -- the look-up of every request made with a key
    constraint fk_api_keys_user foreign key (user_id) references users (id) on delete cascade,
    constraint ck_api_keys_name check (length(name) between 1 and 100),
    constraint ck_api_keys_key_hash check (key_hash ~ '^[0-9a-f]{64}$'),
    constraint ck_api_keys_permissions check (jsonb_typeof(permissions) = 'object')
);

-- A user's key names are unique without regard to case. Leading with user_id,
-- it serves the list of a user's keys and the cascade as well.
create unique index ix_api_keys_user_id_name on api_keys (user_id, lower(name));


-- ---------------------------------------------------------------- collections

create table collections (
    id                         uuid        not null default gen_random_uuid(),
    name                       text        not null,
    description                text,
    owner_id                   bigint,     -- null once the owner of a deleted collection is gone
    vector_store_name          text        not null,
    embedding_model            text        not null default 'Qwen/Qwen3-Embedding-0.6B',
    quantization               text        not null default 'float16',
    chunk_size                 integer     not null default 1000, -- characters
    chunk_overlap              integer     not null default 200,  -- characters
    chunking_strategy          text,
    chunking_config            jsonb,
    pipeline_config            jsonb,
    extraction_config          jsonb,
    default_reranker_id        text,
    is_public                  boolean     not null default false,
    status                     text        not null default 'pending',
    status_message             text,
    document_count             bigint      not null default 0,
    chunk_count                bigint      not null default 0,
    vector_count               bigint      not null default 0, -- chunks that a search can find
    total_size_bytes           bigint      not null default 0,
    meta                       jsonb, -- "metadata" at the API
    sync_mode                  text        not null default 'one_time',
    sync_interval_minutes      integer,
    sync_paused_at             timestamptz,
    sync_next_run_at           timestamptz,
    sync_last_run_started_at   timestamptz,
    sync_last_run_completed_at timestamptz,
    sync_last_run_status       text,
    sync_last_error            text,
    created_at                 timestamptz not null default now(),
    updated_at                 timestamptz not null default now(),
    deleted_at                 timestamptz, -- from then on no read sees it; the row stays until its operations are archived
    -- The partition that holds the collection's chunks: the one place where it
    -- is computed. PostgreSQL allows neither a generated column nor a trigger
    -- to choose a row's partition, so the key is copied down by foreign key.
    -- hashtext gives an int4 whose abs can overflow, hence bigint. The number
    -- is CHUNK_PARTITION_COUNT, fixed when the schema is first applied.
    partition_key              integer     not null generated always as ((abs(hashtext(id::text)::bigint) % 100)::integer) stored,

    constraint collections_pkey primary key (id),
    constraint uq_collections_id_partition_key unique (id, partition_key), -- what chunks and documents refer to
    constraint uq_collections_vector_store_name unique (vector_store_name),
    -- Restrict: whoever deletes a user says what becomes of their collections.
    constraint fk_collections_owner foreign key (owner_id) references users (id) on delete restrict,
    -- A collection has its owner as long as it is not deleted; its tombstone
    -- keeps nobody from going.
    constraint ck_collections_owner_id check (owner_id is not null or deleted_at is not null),
    constraint ck_collections_name check (length(name) between 1 and 255),
    constraint ck_collections_quantization check (quantization in ('float32', 'float16', 'int8')),
    -- The API takes 100 to 10,000 when a collection is made; a chunking
    -- configuration may go to the limits given here.
    constraint ck_collections_chunk_size check (chunk_size between 10 and 100000),
    constraint ck_collections_chunk_overlap check (chunk_overlap >= 0 and chunk_overlap < chunk_size),
    constraint ck_collections_status check (status in ('pending', 'processing', 'ready', 'error', 'degraded')),
    constraint ck_collections_sync_mode check (sync_mode in ('one_time', 'continuous')),
    constraint ck_collections_sync_interval_minutes check (
        sync_interval_minutes >= 15 and (sync_mode <> 'continuous' or sync_interval_minutes is not null)),
    constraint ck_collections_sync_last_run_status check (sync_last_run_status in ('running', 'success', 'failed', 'partial'))
);

-- A name is taken as long as its collection is not deleted.
create unique index ix_collections_name on collections (name) where deleted_at is null;
-- A user's own collections, newest first; also the check when a user is deleted,
-- which must find deleted collections too.
create index ix_collections_owner_id on collections (owner_id, created_at desc, id);
-- Everybody's public collections, newest first.
create index ix_collections_is_public on collections (created_at desc, id) where is_public and deleted_at is null;
-- Collections in a given status: the list's filter, and what the worker counts.
create index ix_collections_status on collections (status, created_at desc, id) where deleted_at is null;
-- The scheduler: what is due.
create index ix_collections_sync_next_run_at on collections (sync_next_run_at)
    where sync_mode = 'continuous' and sync_paused_at is null and deleted_at is null;
-- Tombstones, for the purge and for retention.
create index ix_collections_deleted_at on collections (deleted_at) where deleted_at is not null;


create table collection_sources (
    id                    bigint      not null generated always as identity,
    collection_id         uuid        not null,
    source_type           text        not null, -- the name of a connector; code registers them, so there is no list here
    source_path           text        not null,
    source_config         jsonb       not null default '{}',
    secrets               jsonb       not null default '{}', -- name to ciphertext; never leaves the server
    document_count        bigint      not null default 0,
    size_bytes            bigint      not null default 0,
    last_run_started_at   timestamptz,
    last_run_completed_at timestamptz,
    last_run_status       text,
    last_error            text,
    last_indexed_at       timestamptz,
    created_at            timestamptz not null default now(),
    updated_at            timestamptz not null default now(),
    scan_requested_at     timestamptz, -- an operation is to look for what has changed in the source; null once one has
    scan_position         text,        -- the entry up to which it is through
    scan_config           jsonb,       -- what whoever asked for it wants new documents to have; null once it has looked

    constraint collection_sources_pkey primary key (id),
    constraint uq_collection_sources_id_collection_id unique (id, collection_id), -- what documents refer to
    -- Adding the same path again updates that row. It serves a collection's
    -- list of sources and the cascade as well.
    constraint uq_collection_sources_collection_id_source_path unique (collection_id, source_path),
    constraint fk_collection_sources_collection foreign key (collection_id) references collections (id) on delete cascade,
    constraint ck_collection_sources_source_type check (length(source_type) between 1 and 64),
    -- Bytes, not characters: what is longer does not fit into the unique key.
    constraint ck_collection_sources_source_path check (octet_length(source_path) between 1 and 2048),
    constraint ck_collection_sources_source_config check (jsonb_typeof(source_config) = 'object'),
    constraint ck_collection_sources_secrets check (jsonb_typeof(secrets) = 'object'),
    constraint ck_collection_sources_scan_config check (jsonb_typeof(scan_config) = 'object'),
    constraint ck_collection_sources_last_run_status check (last_run_status in ('running', 'success', 'failed', 'partial'))
);


create table sync_runs (
    id                bigint      not null generated always as identity,
    collection_id     uuid        not null,
    triggered_by      text        not null,
    status            text        not null default 'running',
    started_at        timestamptz not null default now(),
    completed_at      timestamptz,
    expected_sources  integer     not null default 0,
    completed_sources integer     not null default 0,
    failed_sources    integer     not null default 0,
    partial_sources   integer     not null default 0,
    error_summary     text,

    constraint sync_runs_pkey primary key (id),
    constraint fk_sync_runs_collection foreign key (collection_id) references collections (id) on delete cascade,
    constraint ck_sync_runs_triggered_by check (triggered_by in ('scheduler', 'manual')),
    constraint ck_sync_runs_status check (status in ('running', 'success', 'failed', 'partial'))
);

-- A collection's runs, newest first; the cascade.
create index ix_sync_runs_collection_id on sync_runs (collection_id, started_at desc, id desc);


create table collection_permissions (
    id            bigint      not null generated always as identity,
    collection_id uuid        not null,
    user_id       bigint,
    api_key_id    uuid,
    permission    text        not null,
    granted_by    bigint, -- null once that user is gone
    created_at    timestamptz not null default now(),

    constraint collection_permissions_pkey primary key (id),
    -- One permission for each grantee. They lead with the grantee because that
    -- is how a request asks ("what may I see"); they serve the cascades from
    -- users and api_keys too.
    constraint uq_collection_permissions_user_id_collection_id unique (user_id, collection_id),
    constraint uq_collection_permissions_api_key_id_collection_id unique (api_key_id, collection_id),
    constraint fk_collection_permissions_collection foreign key (collection_id) references collections (id) on delete cascade,
    constraint fk_collection_permissions_user foreign key (user_id) references users (id) on delete cascade,
    constraint fk_collection_permissions_api_key foreign key (api_key_id) references api_keys (id) on delete cascade,
    constraint fk_collection_permissions_granted_by foreign key (granted_by) references users (id) on delete set null,
    constraint check_user_or_api_key check ((user_id is null) <> (api_key_id is null)),
    constraint ck_collection_permissions_permission check (permission in ('read', 'write', 'admin'))
);

-- Who a collection is shared with; the cascade.
create index ix_collection_permissions_collection_id on collection_permissions (collection_id);


-- ---------------------------------------------------------------- audit log

-- Who did what to which object. It has no foreign keys, since it outlives what
-- it names; a month is dropped as a whole, hence the partitions.
create table audit_log (
    id          bigint      not null generated always as identity,
    created_at  timestamptz not null default now(),
    user_id     bigint,          -- null: the system, or nobody who could be told apart
    api_key_id  uuid,            -- the key that acted for the user
    actor       text        not null, -- the user's name as it was then
    action      text        not null, -- such as collection.delete
    object_type text        not null,
    object_id   text,
    details     jsonb       not null default '{}', -- before and after, where small; never a secret
    ip_address  text,            -- text: an odd address must not make the write fail
    user_agent  text,

    constraint audit_log_pkey primary key (created_at, id), -- the whole log, newest first
    constraint ck_audit_log_details check (jsonb_typeof(details) = 'object')
) partition by range (created_at);

-- Each filter of the log has an index in its order. One's own entries:
create index ix_audit_log_user_id on audit_log (user_id, created_at desc, id desc);
-- What an API key did.
create index ix_audit_log_api_key_id on audit_log (api_key_id, created_at desc, id desc) where api_key_id is not null;
-- What somebody did, whose name is compared without regard to case.
create index ix_audit_log_actor on audit_log (lower(actor), created_at desc, id desc);
-- What was done.
create index ix_audit_log_action on audit_log (action, created_at desc, id desc);
-- What happened to things of a kind.
create index ix_audit_log_object_type on audit_log (object_type, created_at desc, id desc);
-- What happened to one thing.
create index ix_audit_log_object_id on audit_log (object_id, created_at desc, id desc);


-- ---------------------------------------------------------------- documents

create table documents (
    id               uuid        not null default gen_random_uuid(),
    collection_id    uuid        not null,
    partition_key    integer     not null, -- that of the collection
    source_id        bigint,               -- null: uploaded, or its source was removed
    file_path        text        not null,
    file_name        text        not null,
    file_size        bigint      not null,
    mime_type        text,
    content_hash     text        not null, -- SHA-256 of the bytes, lower-case hex
    status           text        not null default 'pending',
    error_message    text,
    error_category   text,
    retry_count      integer     not null default 0,
    last_retry_at    timestamptz,
    chunk_count      integer     not null default 0,
    chunked_hash     text, -- content_hash of what its chunks were made from; null: it has none, or nobody knows
    meta             jsonb, -- "metadata" at the API
    file_modified_at timestamptz, -- the file's own time; with its size it tells the unchanged without reading them
    last_seen_at     timestamptz, -- when a run over the source last found it
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    deleted_at       timestamptz, -- in the bin: content kept, chunks gone
    lost_count       integer     not null default 0, -- how often a worker was lost over it in a row
    reindexed_by     bigint, -- id of the reindex operation that was last through with it
    -- What the list's "q" looks for: the words of the path, the name, and the texts and
    -- numbers in the metadata (their escapes in JSON taken out), in no language. What
    -- joins words becomes a space, so that "report" is a word of "Q3_report-2024.pdf";
    -- without these ten characters PostgreSQL's parser sees no host, path, URL, tag or
    -- number with a sign either, and its time does not grow with the square of the length
    -- (see chunk_search_text). Stored and no expression of the index, which would be
    -- computed anew for each row that a plan looks at by itself: 1.8 s against 30 ms to
    -- count 11,000 documents, and with every change of a status.
    search           tsvector generated always as (to_tsvector('pg_catalog.simple',
        replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
            file_path || ' ' || file_name || coalesce(' ' || regexp_replace(
                jsonb_path_query_array(meta, 'strict $.** ? (@.type() == "string" || @.type() == "number")')::text,
                '\\(u00..|.)', ' ', 'g'), ''),
            '<', ' '), '>', ' '), '_', ' '), '~', ' '), '/', ' '), '@', ' '), '-', ' '), '.', ' '), '+', ' '), '&', ' '))) stored,

    constraint documents_pkey primary key (id),
    constraint uq_documents_id_collection_id_partition_key unique (id, collection_id, partition_key), -- what chunks refer to
    constraint fk_documents_collection foreign key (collection_id, partition_key)
        references collections (id, partition_key) on delete cascade,
    -- With collection_id, so that a source of another collection is refused.
    -- Removing a source empties source_id first.
    constraint fk_documents_source foreign key (source_id, collection_id) references collection_sources (id, collection_id),
    constraint ck_documents_file_path check (length(file_path) between 1 and 4096),
    constraint ck_documents_file_name check (length(file_name) between 1 and 255),
    constraint ck_documents_file_size check (file_size >= 0),
    constraint ck_documents_mime_type check (length(mime_type) <= 255),
    constraint ck_documents_content_hash check (content_hash ~ '^[0-9a-f]{64}$'),
    constraint ck_documents_status check (status in ('pending', 'processing', 'completed', 'failed', 'deleted')),
    constraint ck_documents_deleted_at check ((status = 'deleted') = (deleted_at is not null)),
    constraint ck_documents_error_category check (error_category in ('transient', 'permanent', 'unknown'))
);

-- A collection's documents as the list shows them: failed first, then newest.
-- The query's ORDER BY must read exactly so. Also the cascade from collections.
create index ix_documents_collection_id on documents (collection_id, (status = 'failed') desc, created_at desc, id);
-- A collection's documents in a given status: filter, failed count, and what an
-- operation still has to do.
create index ix_documents_status on documents (collection_id, status, created_at desc, id);
-- Documents of a source, some at a time: its removal, what is gone from it, and the check
-- when its row is deleted. With the id, by which they are read one part after the other.
create index ix_documents_source_id on documents (source_id, id) where source_id is not null;
-- The same content once in a collection, among what is not deleted, so that a
-- file can come back. Nothing looks for a hash across collections, so there is
-- no ix_documents_content_hash.
create unique index ix_documents_collection_content_hash on documents (collection_id, content_hash) where status <> 'deleted';
-- The document that a path already has. By hash, since a path may be longer
-- than an index entry: WHERE hashtextextended(file_path, 0) =
-- hashtextextended($2, 0) AND file_path = $2.
create index ix_documents_file_path on documents (collection_id, hashtextextended(file_path, 0)) where status <> 'deleted';
-- The bin, for the purge.
create index ix_documents_deleted_at on documents (deleted_at) where deleted_at is not null;
-- The list's "q": WHERE collection_id = $1 AND search @@ $2. With collection_id in the
-- index a frequent word costs what it costs in this collection.
create index ix_documents_search on documents using gin (collection_id, search);


-- Files of a source whose content the collection has already, in a document with
-- another path: a content exists once. They are remembered so that the next run need
-- not read them, and so that one of them can take the place of a file that is gone.
create table source_copies (
    id               bigint      not null generated always as identity,
    source_id        bigint      not null,
    file_path        text        not null,
    file_size        bigint      not null,
    file_modified_at timestamptz, -- null: changed too shortly before it was read to be told by its time
    content_hash     text        not null, -- SHA-256, lower-case hex
    last_seen_at     timestamptz not null default now(),

    constraint source_copies_pkey primary key (id),
    constraint fk_source_copies_source foreign key (source_id) references collection_sources (id) on delete cascade,
    constraint ck_source_copies_file_path check (length(file_path) between 1 and 4096)
);

-- What is known of a path, by hash as with documents; the cascade.
create index ix_source_copies_file_path on source_copies (source_id, hashtextextended(file_path, 0));
-- A copy of what is gone.
create index ix_source_copies_content_hash on source_copies (source_id, content_hash);


-- The bytes of a document and the text extracted from them, in slices, so that
-- neither is ever in memory as a whole. They are in the database and not in a
-- folder because then a document and its content commit, are deleted, backed up
-- and restored together, and several servers need no shared disk.
create table document_contents (
    document_id   uuid    not null,
    collection_id uuid    not null,
    partition_key integer not null,
    kind          text    not null, -- 'text' only where it differs from the original's bytes
    slice         integer not null, -- from 0
    data          bytea   not null,

    constraint document_contents_pkey primary key (document_id, kind, slice),
    constraint fk_document_contents_document foreign key (document_id, collection_id, partition_key)
        references documents (id, collection_id, partition_key) on delete cascade,
    constraint ck_document_contents_kind check (kind in ('original', 'text')),
    constraint ck_document_contents_slice check (slice >= 0)
);


-- ---------------------------------------------------------------- chunks

-- The table that grows to millions and more. Its partitions, chunks_p0 to
-- chunks_p99, are made by partitions.sql. Every statement names partition_key
-- and collection_id, each as a value: the key from a join prunes nothing.
--
-- What costs every insert is kept to what a query needs: no CHECK on the
-- content (the loader checks it), and of the indexes one could expect,
--   idx_chunks_part_collection (collection_id)              is left out: the unique key leads with it
--   idx_chunks_part_document   (collection_id, document_id) is left out: the unique key leads with both
create table chunks (
    id                  bigint      not null generated always as identity,
    collection_id       uuid        not null,
    partition_key       integer     not null, -- that of the collection
    document_id         uuid,                 -- null: loaded without a document
    chunk_index         integer     not null,
    content             text        not null,
    start_offset        integer,              -- in characters, of the document's text
    end_offset          integer,
    token_count         integer,
    embedding_vector_id text,
    enabled             boolean     not null default true, -- false: no search finds it
    edited_at           timestamptz,          -- set: a reindex leaves it alone
    metadata            jsonb       not null default '{}',
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now(),

    constraint chunks_pkey primary key (id, collection_id, partition_key),
    -- A repeated upload doubles nothing. Without NULLS NOT DISTINCT, chunks
    -- that have no document would.
    constraint uq_chunks_document_chunk_index unique nulls not distinct (collection_id, document_id, chunk_index, partition_key),
    constraint fk_chunks_collection foreign key (collection_id, partition_key)
        references collections (id, partition_key) on delete cascade,
    constraint fk_chunks_document foreign key (document_id, collection_id, partition_key)
        references documents (id, collection_id, partition_key) on delete cascade,
    constraint ck_chunks_chunk_index check (chunk_index >= 0)
) partition by list (partition_key);

-- A collection's chunks in order, page by page: WHERE collection_id = $1 AND
-- partition_key = $2 AND (chunk_index, id) > ($3, $4) ORDER BY chunk_index, id.
create index idx_chunks_part_chunk_index on chunks (collection_id, chunk_index, id);


-- What a text search reads: one row a chunk, built after the load's commit,
-- because the index over it makes a load six times slower. There is no foreign
-- key to chunks, which would make deleting chunks five times slower; a search
-- joins chunks anyway, so a row left over is never shown.
create table chunk_search (
    chunk_id      bigint   not null,
    collection_id uuid     not null,
    partition_key integer  not null,
    document_id   uuid,
    search        tsvector not null, -- chunk_search_vector(content)

    constraint chunk_search_pkey primary key (chunk_id, collection_id, partition_key),
    constraint fk_chunk_search_collection foreign key (collection_id, partition_key)
        references collections (id, partition_key) on delete cascade,
    constraint fk_chunk_search_document foreign key (document_id, collection_id, partition_key)
        references documents (id, collection_id, partition_key) on delete cascade
) partition by list (partition_key);

-- WHERE partition_key = $1 AND collection_id = $2 AND search @@ $3. With
-- collection_id in the index (that is what btree_gin is for) a frequent word
-- costs what it costs in this collection, not in the whole partition.
create index idx_chunk_search_search on chunk_search using gin (collection_id, search);
-- A document's search rows, when it is indexed again or deleted.
create index idx_chunk_search_document on chunk_search (document_id);


-- What loads have brought that has no search rows yet: a row for each document of a
-- load, and one for chunks without a document. The load's transaction writes it, and
-- the one that makes the search rows deletes it, so that no crash loses sight of
-- either. It names documents and not chunks: a load may have millions of chunks.
-- It has no partitions, because whoever makes search rows looks for work in all
-- collections at once, and it is empty most of the time.
create table chunk_search_backlog (
    id            bigint      not null generated always as identity,
    collection_id uuid        not null,
    partition_key integer     not null,
    load_id       bigint      not null, -- out of the sequence of id
    document_id   uuid,                 -- null: chunks without a document
    first_index   integer     not null, -- chunk_index of the first chunk, and of the last
    last_index    integer     not null,
    new_chunks    integer     not null, -- those that were not there before the load
    created_at    timestamptz not null default now(),

    constraint chunk_search_backlog_pkey primary key (id),
    constraint fk_chunk_search_backlog_collection foreign key (collection_id, partition_key)
        references collections (id, partition_key) on delete cascade,
    constraint ck_chunk_search_backlog_first_index check (first_index >= 0),
    constraint ck_chunk_search_backlog_last_index check (last_index >= first_index),
    constraint ck_chunk_search_backlog_new_chunks check (new_chunks >= 0)
);

-- The next of a collection, the oldest load first, and the rows of one load.
create index ix_chunk_search_backlog_collection_id on chunk_search_backlog (collection_id, load_id, id);


-- ---------------------------------------------------------------- operations

-- Background work. The row is the truth; the queue's job only wakes a worker.
create table operations (
    id            bigint      not null generated always as identity,
    uuid          uuid        not null default gen_random_uuid(), -- "id" at the API
    collection_id uuid        not null,
    user_id       bigint, -- null once that user is gone
    type          text        not null,
    status        text        not null default 'pending',
    task_id       bigint, -- the queue's job
    config        jsonb       not null, -- what was asked for
    attempt       integer     not null default 0,
    worker        text,        -- who works at it,
    lease_until   timestamptz, -- and until when without a sign of life
    error_message text,
    meta          jsonb       not null default '{}', -- progress and result
    created_at    timestamptz not null default now(),
    started_at    timestamptz,
    completed_at  timestamptz,
    waits_for     text, -- why nobody works at it although it could go on

    constraint operations_pkey primary key (id),
    constraint uq_operations_uuid unique (uuid),
    constraint fk_operations_collection foreign key (collection_id) references collections (id) on delete cascade,
    constraint fk_operations_user foreign key (user_id) references users (id) on delete set null,
    constraint ck_operations_type check (
        type in ('index', 'append', 'reindex', 'remove_source', 'delete', 'retry_documents')),
    constraint ck_operations_status check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    constraint ck_operations_config check (jsonb_typeof(config) = 'object' and config <> '{}'),
    constraint ck_operations_meta check (jsonb_typeof(meta) = 'object'),
    constraint ck_operations_completed_at check (
        (status in ('completed', 'failed', 'cancelled')) = (completed_at is not null)),
    constraint ck_operations_waits_for check (
        waits_for is null or waits_for in ('turn', 'retry', 'limit') and completed_at is null)
);

-- One active operation a collection, decided here and not by a read before a write.
create unique index uq_operations_active on operations (collection_id) where status in ('pending', 'processing');
-- What is active, newest first; and every few seconds, whose lease has lapsed.
create index idx_operations_status_created on operations (status, created_at desc) where status in ('pending', 'processing');
-- Whoever's limit has room again: which of their operations has waited longest.
create index idx_operations_held on operations (coalesce(user_id, 0), coalesce(lease_until, created_at)) where waits_for = 'limit';
-- How many of a user's operations are active, when another is started.
create index idx_operations_user_active on operations (user_id) where status in ('pending', 'processing');
-- A collection's operations, newest first; the cascade.
create index ix_operations_collection_id on operations (collection_id, created_at desc, id desc);
-- A user's operations, newest first; the check when a user is deleted.
create index ix_operations_user_id on operations (user_id, created_at desc, id desc);
-- Everybody's operations, newest first, and retention. A list by type or by
-- status reads one of these three and filters, so there is neither an
-- ix_operations_type nor an ix_operations_status.
create index ix_operations_created_at on operations (created_at desc, id desc);


-- ---------------------------------------------------------------- chunking

-- What is known of each strategy besides the code: how much it is used, and
-- defaults that an operator has set.
create table chunking_strategies (
    id             text        not null, -- such as recursive
    default_config jsonb       not null default '{}',
    usage_count    bigint      not null default 0,
    last_used_at   timestamptz,
    updated_at     timestamptz not null default now(),

    constraint chunking_strategies_pkey primary key (id),
    constraint ck_chunking_strategies_default_config check (jsonb_typeof(default_config) = 'object')
);


-- Configurations that users have saved.
create table chunking_configs (
    id          bigint      not null generated always as identity,
    name        text        not null,
    description text,
    strategy    text        not null,
    config      jsonb       not null default '{}',
    created_by  bigint      not null,
    usage_count bigint      not null default 0,
    is_default  boolean     not null default false,
    tags        text[]      not null default '{}',
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),

    constraint chunking_configs_pkey primary key (id),
    constraint fk_chunking_configs_user foreign key (created_by) references users (id) on delete cascade,
    constraint ck_chunking_configs_name check (length(name) between 1 and 100),
    constraint ck_chunking_configs_description check (length(description) <= 500),
    constraint ck_chunking_configs_config check (jsonb_typeof(config) = 'object'),
    constraint ck_chunking_configs_tags check (cardinality(tags) <= 10)
);

-- A user's configurations by name, which is theirs alone to be unique; the cascade.
create unique index ix_chunking_configs_created_by_name on chunking_configs (created_by, lower(name));
-- At most one default for a strategy of a user.
create unique index ix_chunking_configs_default on chunking_configs (created_by, strategy) where is_default;


-- ---------------------------------------------------------------- scheduled tasks

-- What the system does by the clock, a row for each task that code registers: when it
-- is due, who is at it, and what came of it the last time. It outlives the processes,
-- so that a weekly task comes weekly however often they are started anew.
create table scheduled_tasks (
    name              text        not null,
    next_due_at       timestamptz not null,
    holder            uuid,        -- which run is at it,
    lease_until       timestamptz, -- and until when without a sign of life
    place             jsonb,       -- where a run was that was cut short; the task's own
    last_started_at   timestamptz,
    last_completed_at timestamptz,
    last_status       text,        -- of the last run that has ended
    last_summary      text,
    last_error        text,

    constraint scheduled_tasks_pkey primary key (name),
    constraint ck_scheduled_tasks_name check (length(name) between 1 and 100),
    constraint ck_scheduled_tasks_last_status check (last_status in ('ok', 'failed')),
    constraint ck_scheduled_tasks_holder check ((holder is null) = (lease_until is null))
);


-- ---------------------------------------------------------------- requests

-- What a request with an Idempotency-Key was answered, so that the same request
-- gets the same answer.
create table idempotency_keys (
    user_id         bigint      not null,
    key             text        not null,
    endpoint        text        not null, -- method and path
    request_hash    text, -- SHA-256 of the request, lower-case hex; null until it has been read
    response_status integer, -- null while the first one is being answered
    response_body   bytea, -- null with a status: too large to be kept
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null default now() + interval '24 hours',
    response_headers jsonb, -- those that belong to the answer, by name
    owner           uuid, -- who answers, as long as they do
    lease_until     timestamptz, -- how long the key is held for them

    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint fk_idempotency_keys_user foreign key (user_id) references users (id) on delete cascade,
    constraint ck_idempotency_keys_key check (length(key) between 1 and 255),
    constraint ck_idempotency_keys_response_status check (response_status between 100 and 599),
    constraint ck_idempotency_keys_lease_until check (
        case when response_status is null
            then owner is not null and lease_until is not null
            else owner is null and lease_until is null and request_hash is not null
        end
    )
);

-- Forget the expired.
create index ix_idempotency_keys_expires_at on idempotency_keys (expires_at);


-- ---------------------------------------------------------------- the schema itself

-- What was done to this schema, when, by which version, and how to undo it.
-- Every version of the program reads and writes it, and a rollback leaves it in
-- place, so this table never changes; what else there is to say goes into
-- details.
create table schema_history (
    id              bigint      not null generated always as identity,
    kind            text        not null,
    applied_at      timestamptz not null default now(),
    version         text        not null, -- of the program
    revision        integer     not null, -- of the schema: higher is newer
    schema_hash     text        not null,
    partition_count integer     not null,
    statements      jsonb       not null, -- what was run, in order
    reverses        jsonb       not null, -- what undoes it, in order
    handwritten     text        not null, -- the functions and partitions as of then
    rolled_back_by  bigint,               -- the entry that undid this one
    details         jsonb       not null default '{}',

    constraint schema_history_pkey primary key (id),
    constraint fk_schema_history_rolled_back_by foreign key (rolled_back_by) references schema_history (id),
    constraint ck_schema_history_kind check (kind in ('apply', 'rollback'))
);
