package schema_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTables_keep_what_is_unique_unique(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSchema(t, servers[0]))

	// Names of users, without regard to case.
	w.refused("ix_users_username", "insert into users (username, email, hashed_password) values ('ALICE', 'other@example.org', 'x')")
	w.refused("ix_users_email", "insert into users (username, email, hashed_password) values ('bob', 'Alice@Example.ORG', 'x')")
	w.accepted("insert into api_keys (user_id, name, prefix, key_hash) values ($1, 'ci', 'smtk_1', $2)", w.user, hash("1"))
	w.refused("ix_api_keys_user_id_name", "insert into api_keys (user_id, name, prefix, key_hash) values ($1, 'CI', 'smtk_2', $2)", w.user, hash("2"))

	// A collection's name is free again when it is deleted.
	w.refused("ix_collections_name", "insert into collections (name, owner_id, vector_store_name) values ('first', $1, 'a')", w.user)
	w.accepted("update collections set deleted_at = now() where name = 'first'")
	w.accepted("insert into collections (name, owner_id, vector_store_name) values ('first', $1, 'a')", w.user)
	w.refused("uq_collections_vector_store_name", "insert into collections (name, owner_id, vector_store_name) values ('third', $1, 'a')", w.user)
	w.refused("uq_collection_sources_collection_id_source_path",
		"insert into collection_sources (collection_id, source_type, source_path) values ($1, 'git', '/srv')", w.collection)

	// Content, among the documents that are not deleted.
	first := w.document(hash("a"))
	w.refused("ix_documents_collection_content_hash", `
		insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash)
		values ($1, $2, 'copy', 'copy', 1, $3)`, w.collection, w.key, hash("a"))
	w.accepted("update documents set status = 'deleted', deleted_at = now() where id = $1", first)
	w.document(hash("a"))
	w.refused("ix_documents_collection_content_hash", "update documents set status = 'pending', deleted_at = null where id = $1", first)

	// One active operation a collection.
	const operation = "insert into operations (collection_id, user_id, type, status, config, completed_at) values ($1, $2, 'append', $3, '{\"a\": 1}', $4)"
	w.accepted(operation, w.collection, w.user, "completed", "now")
	w.accepted(operation, w.collection, w.user, "pending", nil)
	w.refused("uq_operations_active", operation, w.collection, w.user, "processing", nil)
	w.accepted("update operations set status = 'cancelled', completed_at = now() where status = 'pending'")
	w.accepted(operation, w.collection, w.user, "processing", nil)
}

func TestTables_refuse_a_chunk_that_is_there_already_with_or_without_a_document(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		w := newWorld(t, newSchema(t, s))
		const chunk = "insert into chunks (collection_id, partition_key, document_id, chunk_index, content) values ($1, $2, $3, $4, 'text')"
		document := w.document(hash("a"))
		w.accepted(chunk, w.collection, w.key, document, 0)
		w.accepted(chunk, w.collection, w.key, nil, 0)
		w.accepted(chunk, w.collection, w.key, nil, 1)
		w.refused("uq_chunks_document_chunk_index", chunk, w.collection, w.key, document, 0)
		w.refused("uq_chunks_document_chunk_index", chunk, w.collection, w.key, nil, 1)
	})
}

func TestTables_refuse_what_belongs_to_another_collection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSchema(t, servers[0]))
	other, otherKey := w.newCollection("second")
	document := w.document(hash("a"))

	w.refused("fk_documents_source", `
		insert into documents (collection_id, partition_key, source_id, file_path, file_name, file_size, content_hash)
		values ($1, $2, $3, 'x', 'x', 1, $4)`, other, otherKey, w.source, hash("b"))
	w.refused("fk_documents_collection", `
		insert into documents (collection_id, partition_key, file_path, file_name, file_size, content_hash)
		values ($1, $2, 'x', 'x', 1, $3)`, w.collection, (w.key+1)%templatePartitions, hash("c"))
	w.refused("fk_chunks_document", "insert into chunks (collection_id, partition_key, document_id, chunk_index, content) values ($1, $2, $3, 0, 'text')",
		other, otherKey, document)
	w.refused("fk_chunks_collection", "insert into chunks (collection_id, partition_key, chunk_index, content) values ($1, $2, 0, 'text')",
		w.collection, (w.key+1)%templatePartitions)
	w.refused("fk_document_contents_document", "insert into document_contents values ($1, $2, $3, 'original', 0, '')", document, other, otherKey)
	w.refused("fk_documents_source", "delete from collection_sources where id = $1", w.source)
}

func TestTables_refuse_values_that_no_state_has(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSchema(t, servers[0]))
	document := w.document(hash("a"))
	for constraint, statement := range map[string]string{
		"ck_users_username":                    "update users set username = 'a b'",
		"ck_users_email":                       "update users set email = ''",
		"ck_collections_name":                  "update collections set name = repeat('x', 256)",
		"ck_collections_status":                "update collections set status = 'done'",
		"ck_collections_quantization":          "update collections set quantization = 'int4'",
		"ck_collections_chunk_overlap":         "update collections set chunk_overlap = chunk_size",
		"ck_collections_sync_interval_minutes": "update collections set sync_mode = 'continuous'",
		"ck_collection_sources_source_path":    "update collection_sources set source_path = repeat('ä', 1025)",
		"ck_documents_content_hash":            "update documents set content_hash = upper(content_hash)",
		"ck_documents_status":                  "update documents set status = 'done'",
		"ck_documents_deleted_at":              "update documents set status = 'deleted'",
		"ck_documents_file_size":               "update documents set file_size = -1",
	} {
		w.refused(constraint, statement)
	}
	w.refused("ck_document_contents_kind", "insert into document_contents values ($1, $2, $3, 'thumbnail', 0, '')", document, w.collection, w.key)
	w.refused("ck_operations_config", "insert into operations (collection_id, type, config) values ($1, 'index', '{}')", w.collection)
	w.refused("ck_operations_completed_at",
		"insert into operations (collection_id, type, status, config) values ($1, 'index', 'failed', '{\"a\": 1}')", w.collection)
	w.refused("check_user_or_api_key", "insert into collection_permissions (collection_id, permission) values ($1, 'read')", w.collection)

	// The longest path that a document may have is not stopped by an index.
	w.accepted("update documents set file_path = repeat('ä', 4096)")
	w.accepted("update collection_sources set source_path = repeat('ä', 1024)")
}

func TestTables_deleting_a_collection_takes_all_that_hangs_on_it(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		w := newWorld(t, newSchema(t, s))
		document := w.document(hash("a"))
		w.accepted("insert into document_contents values ($1, $2, $3, 'original', 0, 'abc')", document, w.collection, w.key)
		w.accepted("insert into chunks (collection_id, partition_key, document_id, chunk_index, content) values ($1, $2, $3, 0, 'text')", w.collection, w.key, document)
		w.accepted("insert into chunks (collection_id, partition_key, chunk_index, content) values ($1, $2, 0, 'text')", w.collection, w.key)
		w.accepted("insert into chunk_search select id, collection_id, partition_key, document_id, chunk_search_vector(content) from chunks")
		w.accepted("insert into sync_runs (collection_id, triggered_by) values ($1, 'manual')", w.collection)
		w.accepted("insert into collection_permissions (collection_id, user_id, permission) values ($1, $2, 'read')", w.collection, w.user)
		w.accepted("insert into operations (collection_id, user_id, type, config) values ($1, $2, 'index', '{\"a\": 1}')", w.collection, w.user)
		w.refused("fk_collections_owner", "delete from users where id = $1", w.user)

		w.accepted("delete from documents where id = $1", document)
		require.Equal(t, 1, queryOne[int](t, w.pool, "select count(*) from chunks"), "the document's chunk goes, the other stays")
		require.Equal(t, 1, queryOne[int](t, w.pool, "select count(*) from chunk_search"))
		require.Zero(t, queryOne[int](t, w.pool, "select count(*) from document_contents"))
		w.document(hash("a"))

		w.accepted("delete from collections where id = $1", w.collection)
		for _, table := range []string{"collection_sources", "sync_runs", "collection_permissions", "documents", "chunks", "chunk_search", "operations"} {
			require.Zero(t, queryOne[int](t, w.pool, "select count(*) from "+table), table)
		}
		w.accepted("delete from users where id = $1", w.user)
	})
}

func TestTables_an_operation_outlives_its_user(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newSchema(t, servers[0]))
	other := queryOne[int64](t, w.pool, "insert into users (username, email, hashed_password) values ('bob', 'bob@example.org', 'x') returning id")
	w.accepted("insert into operations (collection_id, user_id, type, config) values ($1, $2, 'index', '{\"a\": 1}')", w.collection, other)
	w.accepted("delete from users where id = $1", other)
	require.Equal(t, 1, queryOne[int](t, w.pool, "select count(*) from operations where user_id is null"))
}
