package testworld_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/platform/auth"
	"semantik/testworld"
)

const (
	permissionKeys = "id collection_id permission user_id username api_key_id granted_by created_at"
	userKeys       = "id username email full_name is_active is_superuser created_at updated_at last_login"
	auditKeys      = "id created_at actor user_id api_key_id action object_type object_id details"
	chunkKeys      = "id collection_id document_id chunk_index content token_count char_count metadata created_at updated_at"
)

var (
	asLines = map[string]string{"Content-Type": "application/x-ndjson"}
	asText  = map[string]string{"Content-Type": "text/plain"}
)

// registration registers a document whose content hash is this digit.
func registration(path, digit string) map[string]any {
	return map[string]any{"file_name": path, "file_size": 7, "content_hash": strings.Repeat(digit, 64), "mime_type": "text/plain", "metadata": map[string]any{"a": 1}}
}

func aForm(path, content string) testworld.Form {
	return testworld.Form{Fields: map[string]string{"source_path": "notes", "metadata": `{"a":1}`}, Files: []testworld.File{{Path: path, Content: content}}}
}

func TestContract_Section15_Documents(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("MAX_UPLOAD_BYTES=1KiB"))
	reader, stranger := w.User("reader"), w.User("stranger")
	c := w.Collection(w.Root)
	w.Grant(c, reader, collections.Read)
	up := w.AddDocuments(c, testworld.File{Path: "up.txt", Content: "A heron."})[0]
	documents := "/api/v2/collections/" + c.ID.String() + "/documents"
	follow(t, w, []contractRow{
		{name: "one is registered", method: http.MethodPost, url: documents, body: registration("a.txt", "a"), status: 201, keys: keysOf(documentKeys), only: true,
			values: map[string]any{"file_name": "a.txt", "file_path": "a.txt", "file_size": 7.0, "mime_type": "text/plain", "content_hash": strings.Repeat("a", 64), "metadata.a": 1.0}},
		{name: "the same content again", method: http.MethodPost, url: documents, body: registration("b.txt", "a"), status: 409, has: []string{`"document_id":`, "document_duplicate"}},
		{name: "without a hash", method: http.MethodPost, url: documents, body: map[string]any{"file_name": "a", "file_size": 1}, status: 422, has: []string{"content_hash"}},
		{name: "by a reader", as: &reader, method: http.MethodPost, url: documents, body: registration("c.txt", "c"), status: 403},
		{name: "by a stranger", as: &stranger, method: http.MethodPost, url: documents, body: registration("c.txt", "c"), status: 404},

		{name: "one is uploaded", method: http.MethodPost, url: documents, body: aForm("new.txt", "A walrus."), status: 202, keys: keysOf("documents operation_id"), only: true,
			values: map[string]any{"documents.0.outcome": "created", "documents.0.file_name": "new.txt", "documents.0.metadata.a": 1.0}},
		{name: "the document of it", method: http.MethodPost, url: documents, body: aForm("other.txt", "Another walrus."), status: 202, at: "documents.0", keys: keysOf(documentKeys, "outcome"), only: true},
		{name: "a duplicate", method: http.MethodPost, url: documents, body: aForm("again.txt", "A walrus."), status: 202, values: map[string]any{"documents.0.outcome": "duplicate", "operation_id": nil}},
		{name: "in place of it", method: http.MethodPost, url: documents, body: aForm("new.txt", "A seal."), status: 202, values: map[string]any{"documents.0.outcome": "replaced"}},
		{name: "by a reader", as: &reader, method: http.MethodPost, url: documents, body: aForm("c.txt", "c"), status: 403},
		{name: "by a stranger", as: &stranger, method: http.MethodPost, url: documents, body: aForm("c.txt", "c"), status: 404},
		{name: "too large", method: http.MethodPost, url: documents, body: aForm("large.txt", strings.Repeat("walrus ", 1000)), status: 413},
		{name: "in no form", method: http.MethodPost, url: documents, body: "a walrus", headers: asText, status: 415},
		{name: "without a file", method: http.MethodPost, url: documents, body: testworld.Form{Fields: map[string]string{"source_path": "a"}}, status: 422},

		{name: "deleted by a reader", as: &reader, method: http.MethodDelete, url: documents + "/" + up.ID.String(), status: 403},
		{name: "deleted by a stranger", as: &stranger, method: http.MethodDelete, url: documents + "/" + up.ID.String(), status: 404},
		{name: "one of nowhere", method: http.MethodDelete, url: documents + "/" + uuid.NewString(), status: 404},
		{name: "deleted", method: http.MethodDelete, url: documents + "/" + up.ID.String(), status: 204},
		{name: "and gone", method: http.MethodGet, url: documents + "/" + up.ID.String(), status: 404},
	})
}

// While an operation of another kind is at it a collection takes nothing in. What is to be
// deleted is: no operation stands in the way of that.
func TestContract_Section15_ABusyCollection(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "up.txt", Content: "A heron."})
	w.Exec(`update documents set status = 'completed' where collection_id = $1`, c.ID)
	w.Finish(*operation)
	documents := "/api/v2/collections/" + c.ID.String() + "/documents"
	w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/reindex", Status: http.StatusAccepted})
	w.HTTP(t,
		testworld.Scenario{Name: "an upload", As: &w.Root, Method: http.MethodPost, URL: documents, Body: aForm("a.txt", "a"), Status: http.StatusConflict, Has: []string{"operation_active"}},
		testworld.Scenario{Name: "a document that is deleted", As: &w.Root, Method: http.MethodDelete, URL: documents + "/" + results[0].Document.ID.String(), Status: http.StatusNoContent},
	)
}

func TestContract_Section15_Chunks(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("MAX_JSON_BATCH_ROWS=3"))
	reader, stranger := w.User("reader"), w.User("stranger")
	c := w.Collection(w.Root)
	w.Grant(c, reader, collections.Read)
	made := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/documents", Body: registration("a.txt", "a"), Status: http.StatusCreated})
	document := fmt.Sprint(made.JSON(t)["id"])
	chunks := "/api/v2/chunking/collections/" + c.ID.String() + "/chunks"
	line := func(index int, content string) string {
		return fmt.Sprintf(`{"document_id":%q,"chunk_index":%d,"content":%q,"start_offset":0,"end_offset":4,"token_count":1,"metadata":{"a":1}}`, document, index, content)
	}
	array := func(lines ...string) string { return `{"chunks":[` + strings.Join(lines, ",") + `]}` }
	counts := keysOf("inserted skipped replaced documents")
	first := func() string {
		return strconv.FormatInt(w.Int(`select coalesce(min(id), 0) from chunks where collection_id = $1`, c.ID), 10)
	}
	follow(t, w, []contractRow{
		{name: "lines", method: http.MethodPost, url: chunks, body: line(0, "one") + "\n" + line(1, "two") + "\n", headers: asLines, status: 201, keys: counts, values: map[string]any{"inserted": 2.0, "skipped": 0.0, "replaced": 0.0, "documents": 1.0}},
		{name: "an array", method: http.MethodPost, url: chunks, body: array(line(2, "three")), status: 201, values: map[string]any{"inserted": 1.0}},
		{name: "one that is there", method: http.MethodPost, url: chunks, body: array(line(1, "two")), status: 409, has: []string{document}},
		{name: "skipped", method: http.MethodPost, url: chunks + "?on_conflict=skip", body: array(line(1, "two"), line(3, "four")), status: 201, values: map[string]any{"inserted": 1.0, "skipped": 1.0}},
		{name: "replaced", method: http.MethodPost, url: chunks + "?on_conflict=replace", body: array(line(1, "two again")), status: 201, values: map[string]any{"inserted": 0.0, "replaced": 1.0}},
		{name: "on a conflict that is none", method: http.MethodPost, url: chunks + "?on_conflict=guess", body: array(line(9, "a")), status: 422},
		{name: "more than an array may have", method: http.MethodPost, url: chunks, body: array(line(5, "a"), line(6, "a"), line(7, "a"), line(8, "a")), status: 413},
		{name: "which line and which field", method: http.MethodPost, url: chunks, body: line(9, "a") + "\n" + `{"chunk_index":10}`, headers: asLines, status: 422, has: []string{"line 2.content", "Line 2"}},
		{name: "by a reader", as: &reader, method: http.MethodPost, url: chunks, body: array(line(9, "a")), status: 403},
		{name: "by a stranger", as: &stranger, method: http.MethodPost, url: chunks, body: array(line(9, "a")), status: 404},

		{name: "without a vector", url: chunks + "?without_embedding=true&after=&page_size=2", status: 200, at: "chunks.0", keys: keysOf(chunkKeys)},
		{name: "and on by key", url: chunks + "?without_embedding=true&page_size=2", status: 200, keys: keysOf("chunks total page page_size has_next next")},
	})
	update := func(vector string) string {
		return `{"updates":[{"chunk_id":` + first() + `,"vector_id":"` + vector + `"}]}`
	}
	follow(t, w, []contractRow{
		{name: "a vector", method: http.MethodPatch, url: chunks + "/embeddings", body: update("v1"), status: 200, keys: keysOf("updated"), values: map[string]any{"updated": 1.0}},
		{name: "as lines", method: http.MethodPatch, url: chunks + "/embeddings", body: `{"chunk_id":` + first() + `,"vector_id":"v2"}`, headers: asLines, status: 200, values: map[string]any{"updated": 1.0}},
		{name: "one without a name", method: http.MethodPatch, url: chunks + "/embeddings", body: update(""), status: 422},
		{name: "a vector by a reader", as: &reader, method: http.MethodPatch, url: chunks + "/embeddings", body: update("v3"), status: 403},
		{name: "a vector by a stranger", as: &stranger, method: http.MethodPatch, url: chunks + "/embeddings", body: update("v3"), status: 404},
		{name: "deleted by a reader", as: &reader, method: http.MethodDelete, url: chunks + "?document_id=" + document, status: 403},
		{name: "deleted by a stranger", as: &stranger, method: http.MethodDelete, url: chunks + "?document_id=" + document, status: 404},
		{name: "deleted", method: http.MethodDelete, url: chunks + "?document_id=" + document, status: 200, keys: keysOf("deleted"), values: map[string]any{"deleted": 4.0}},
	})
}

func TestContract_Section15_Sharing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice, bob, carol := w.User("alice"), w.User("bob"), w.User("carol")
	key, _ := w.NewKey(bob, nil, auth.ScopeRead)
	c := w.Collection(alice)
	permissions := "/api/v2/collections/" + c.ID.String() + "/permissions"
	granted := func(user, permission string) map[string]any {
		return map[string]any{"username": user, "permission": permission}
	}
	follow(t, w, []contractRow{
		{name: "by name", as: &alice, method: http.MethodPost, url: permissions, body: granted("bob", "read"), status: 201, keys: keysOf(permissionKeys), values: map[string]any{"username": "bob", "permission": "read", "granted_by": float64(alice.ID)}},
		{name: "by id", as: &alice, method: http.MethodPost, url: permissions, body: map[string]any{"user_id": carol.ID, "permission": "write"}, status: 201, values: map[string]any{"username": "carol"}},
		{name: "to an API key", as: &alice, method: http.MethodPost, url: permissions, body: map[string]any{"api_key_id": key, "permission": "admin"}, status: 201, values: map[string]any{"user_id": nil, "api_key_id": key.String()}},
		{name: "again", as: &alice, method: http.MethodPost, url: permissions, body: granted("bob", "write"), status: 409},
		{name: "of no known kind", as: &alice, method: http.MethodPost, url: permissions, body: granted("bob", "everything"), status: 422},
		{name: "to nobody", as: &alice, method: http.MethodPost, url: permissions, body: granted("nobody", "read"), status: 404},
		{name: "by a writer", as: &carol, method: http.MethodPost, url: permissions, body: granted("root", "read"), status: 403},
		{name: "the list", as: &alice, url: permissions, status: 200, keys: keysOf("items"), values: map[string]any{"total": 3.0}},
		{name: "one of it", as: &alice, url: permissions, status: 200, at: "items.0", keys: keysOf(permissionKeys)},
		{name: "the list for a reader", as: &bob, url: permissions, status: 403},
		{name: "one that is not there", as: &alice, method: http.MethodDelete, url: permissions + "/999999", status: 404},
		{name: "taken back", as: &alice, method: http.MethodDelete, url: fmt.Sprint(permissions, "/", w.Int(`select coalesce(max(id), 0) + 1 from collection_permissions`)), status: 204},
		{name: "for a stranger there is nothing", as: &bob, url: permissions, status: 404},
	})
}

func TestContract_Section15_Users(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice, bob := w.User("alice"), w.User("bob")
	w.Collection(bob)
	of := func(id int64) string { return fmt.Sprint("/api/v2/users/", id) }
	follow(t, w, []contractRow{
		{name: "the list", url: "/api/v2/users", status: 200, at: "users.0", keys: keysOf(userKeys)},
		{name: "the list for others", as: &alice, url: "/api/v2/users", status: 403},
		{name: "oneself", as: &alice, url: of(alice.ID), status: 200, keys: keysOf(userKeys), values: map[string]any{"username": "alice"}},
		{name: "somebody else", as: &alice, url: of(bob.ID), status: 404},
		{name: "a name", as: &alice, method: http.MethodPatch, url: of(alice.ID), body: map[string]any{"full_name": "Alice A.", "email": "a@example.com"}, status: 200, values: map[string]any{"full_name": "Alice A.", "email": "a@example.com"}},
		{name: "an address that is taken", as: &alice, method: http.MethodPatch, url: of(alice.ID), body: map[string]any{"email": "bob@example.com"}, status: 409},
		{name: "one makes oneself no superuser", as: &alice, method: http.MethodPatch, url: of(alice.ID), body: map[string]any{"is_superuser": true}, status: 403},
		{name: "a superuser does", method: http.MethodPatch, url: of(alice.ID), body: map[string]any{"is_active": true, "is_superuser": false}, status: 200},
		{name: "nobody of that id", method: http.MethodPatch, url: of(999999), body: map[string]any{"full_name": "x"}, status: 404},
		{name: "the last superuser stays", method: http.MethodPatch, url: of(w.Root.ID), body: map[string]any{"is_superuser": false}, status: 409},

		{name: "the wrong password", as: &alice, method: http.MethodPost, url: "/api/auth/password", body: map[string]any{"current_password": "no", "new_password": "another horse battery"}, status: 401},
		{name: "one that is too short", as: &alice, method: http.MethodPost, url: "/api/auth/password", body: map[string]any{"current_password": testworld.Password, "new_password": "short"}, status: 422},

		{name: "deleted by somebody", as: &alice, method: http.MethodDelete, url: of(bob.ID), status: 403},
		{name: "who owns collections", method: http.MethodDelete, url: of(bob.ID), status: 409},
		{name: "to an heir who is not there", method: http.MethodDelete, url: of(bob.ID) + "?transfer_to=nobody", status: 404},
		{name: "to an heir", method: http.MethodDelete, url: of(bob.ID) + "?transfer_to=alice", status: 204},
		{name: "with the collections", method: http.MethodDelete, url: of(alice.ID) + "?delete_collections=true", status: 204},
		{name: "who is gone", method: http.MethodDelete, url: of(alice.ID), status: 404},
	})
}

func TestContract_Section15_ANewPasswordRevokesEveryRefreshToken(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	login := w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/auth/login", Body: map[string]any{"username": "alice", "password": testworld.Password}, Status: http.StatusOK})
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodPost, URL: "/api/auth/password", Body: map[string]any{"current_password": testworld.Password, "new_password": "another horse battery"}, Status: http.StatusNoContent})
	w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/auth/refresh", Body: map[string]any{"refresh_token": login.JSON(t)["refresh_token"]}, Status: http.StatusUnauthorized})
}

func TestContract_Section15_WhatIsLookedAt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	c := w.Collection(alice)
	yesterday := time.Now().Add(-24 * time.Hour).UTC().Format(time.RFC3339)
	follow(t, w, []contractRow{
		{name: "the audit log", as: &alice, url: "/api/v2/audit-log", status: 200, keys: keysOf("items next"), only: true},
		{name: "an entry", as: &alice, url: "/api/v2/audit-log?object_type=collection&object_id=" + c.ID.String(), status: 200, at: "items.0", keys: keysOf(auditKeys), values: map[string]any{"items.0.actor": "alice"}},
		{name: "one's own of somebody else", as: &alice, url: "/api/v2/audit-log?actor=root", status: 200, values: map[string]any{"items": []any{}}},
		{name: "a superuser's of anybody", url: "/api/v2/audit-log?actor=alice&action=collection.create&since=" + yesterday, status: 200, values: map[string]any{"items.0.actor": "alice"}},
		{name: "until then there was nothing", url: "/api/v2/audit-log?until=" + yesterday, status: 200, values: map[string]any{"items": []any{}}},

		{name: "the operations of a user", url: "/api/v2/operations?user=alice", status: 200, at: "operations.0", keys: keysOf(operationKeys), values: map[string]any{"total": 1.0}},
		{name: "those of everybody", url: "/api/v2/operations?all=true", status: 200, values: map[string]any{"total": 1.0}},
		{name: "somebody else's", as: &alice, url: "/api/v2/operations?user=root", status: 403},
		{name: "everybody's", as: &alice, url: "/api/v2/operations?all=true", status: 403},

		{name: "the description", url: "/openapi.json", status: 200, values: map[string]any{"openapi": "3.1.0"}},
		{name: "as YAML", url: "/openapi.yaml", status: 200, has: []string{"openapi: 3.1.0"}},
		{name: "to read", url: "/docs", status: 200},
	})
	require.Contains(t, w.Send(testworld.Scenario{Method: http.MethodGet, URL: "/docs"}).Header.Get("Content-Type"), "text/html")
}
