package documents_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/testworld"
)

func upload(w *testworld.World, c collections.Collection, files ...testworld.File) ([]documents.Result, *uuid.UUID, error) {
	return w.Documents.Upload(w.As(w.Root), c.ID, documents.Upload{Next: testworld.Sequence(files...)})
}

func TestUpload_StoresAllOfItOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	changed := w.FailEach(func() error {
		_, _, err := upload(w, c, testworld.File{Path: "a/b.txt", Content: "The house stands by the river."})
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collection_sources", "public.collections", "public.document_contents",
		"public.documents", "public.operations", "river.river_job"}, changed)
	now := w.Read(c.ID)
	require.EqualValues(t, 1, now.DocumentCount)
	require.EqualValues(t, 30, now.TotalSizeBytes)
	require.Equal(t, collections.StatusProcessing, now.Status)
	d := testworld.Value[[16]byte](w, `select id from documents`)
	require.Equal(t, "a/b.txt", w.Document(c.ID, d).FilePath)
	require.Equal(t, hashOf("The house stands by the river."), w.Document(c.ID, d).ContentHash)

	changed = w.FailEach(func() error {
		_, _, err := upload(w, c, testworld.File{Path: "a/b.txt", Content: "The house is gone."})
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collections", "public.document_contents", "public.documents"}, changed,
		"a new content joins the operation that is there")
	require.Equal(t, "The house is gone.", string(w.Content(w.Document(c.ID, d), documents.Original)))
}

// What a script has brought is found under its key; what was there already was not
// brought by it.
func TestUpload_IsInTheAuditLogFileByFile(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "old.txt", Content: "old"}, testworld.File{Path: "changing.txt", Content: "before"})
	id, secret := w.NewKey(w.Root, nil, auth.ScopeWrite)
	w.Request(testworld.Scenario{
		Token: "Bearer " + secret, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/documents", Status: http.StatusAccepted,
		Body: testworld.Form{Files: []testworld.File{
			{Path: "new.txt", Content: "new"}, {Path: "copy.txt", Content: "old"}, {Path: "changing.txt", Content: "after"},
		}},
	})
	w.Request(testworld.Scenario{
		Token: "Bearer " + secret, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/documents", Status: http.StatusAccepted,
		Body: testworld.Form{Files: []testworld.File{{Path: "new.txt", Content: "old"}}},
	})
	require.Equal(t, "document.create new.txt, document.replace changing.txt, document.delete new.txt", testworld.Value[string](w, `
select string_agg(action || ' ' || (details ->> 'file_path'), ', ' order by id)
from audit_log
where api_key_id = $1
  and object_type = 'document'
  and details ->> 'collection_id' = $2
  and ip_address = '127.0.0.1'`, id, c.ID.String()))
}

// A long upload stores nothing more once its right, or whoever sends it, is gone.
func TestUpload_AsksForTheRightWithEachFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		byKey bool
		sql   string // after the first file
		want  error
		code  string // where the error has no name here
		super bool
	}{
		"the superuser is one no more": {super: true, sql: `update users set is_superuser = false where username = 'dave'`, want: collections.ErrNotFound},

		"the right is taken back":      {sql: `delete from collection_permissions`, want: collections.ErrNotFound},
		"the account is deactivated":   {sql: `update users set is_active = false where username = 'dave'`, want: users.ErrInactive},
		"the account is deleted":       {sql: `delete from users where username = 'dave'`, code: "token_invalid"},
		"the sessions are ended":       {sql: `update users set session_generation = session_generation + 1 where username = 'dave'`, want: users.ErrSessionEnded},
		"the key is revoked":           {byKey: true, sql: `update api_keys set is_active = false`, want: users.ErrAPIKeyRevoked},
		"the key is deleted":           {byKey: true, sql: `delete from api_keys`, want: users.ErrAPIKeyRevoked},
		"its owner is deactivated":     {byKey: true, sql: `update users set is_active = false where username = 'dave'`, want: users.ErrInactive},
		"a key outlives the sessions":  {byKey: true, sql: `update users set session_generation = session_generation + 1 where username = 'dave'`},
		"a key expires meanwhile":      {byKey: true, sql: `update api_keys set created_at = now() - interval '1 day', expires_at = now() - interval '1 second'`},
		"somebody else is deactivated": {sql: `update users set is_active = false where username = 'erin'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			dave, erin := w.User("dave"), w.User("erin")
			_, _ = w.NewKey(erin, nil, auth.ScopeWrite)
			collection := w.Collection(w.Root)
			if c.super {
				w.Exec(`update users set is_superuser = true where id = $1`, dave.ID)
				dave.IsSuperuser = true
			} else {
				w.Grant(collection, dave, collections.Write)
			}
			ctx := w.As(dave)
			if c.byKey {
				id, _ := w.NewKey(dave, nil, auth.ScopeWrite)
				ctx = auth.WithIdentity(t.Context(), auth.Identity{UserID: dave.ID, Username: "dave", APIKeyID: id, Scopes: []auth.Scope{auth.ScopeWrite}})
			}
			next := testworld.Sequence(testworld.File{Path: "a.txt", Content: "a"}, testworld.File{Path: "b.txt", Content: "b"})
			files := 0
			_, _, err := w.Documents.Upload(ctx, collection.ID, documents.Upload{Next: func() (documents.File, error) {
				if files++; files == 2 {
					w.Exec(c.sql)
				}
				return next()
			}})
			stored := testworld.Value[string](w, `select string_agg(file_path, ' ' order by file_path) from documents`)
			if c.want == nil && c.code == "" {
				require.NoError(t, err)
				require.Equal(t, "a.txt b.txt", stored)
				return
			}
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			} else {
				require.Equal(t, c.code, apperr.CodeOf(err))
			}
			require.Equal(t, "a.txt", stored)
		})
	}
}

func TestUpload_EachFileHasItsOwnOutcome(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("MAX_UPLOAD_BYTES=64B"))
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "old.txt", Content: "old"}, testworld.File{Path: "changing.txt", Content: "before"})
	results, operation, err := upload(w, c,
		testworld.File{Path: "new.txt", Content: "new"},
		testworld.File{Path: "copy of old.txt", Content: "old"},
		testworld.File{Path: "changing.txt", Content: "after"},
		testworld.File{Path: "", Content: "without a name"},
		testworld.File{Path: "large.txt", Content: strings.Repeat("x", 65)},
		testworld.File{Path: strings.Repeat("x", 256), Content: "a long name"},
		testworld.File{Path: "largest.txt", Content: strings.Repeat("x", 64)},
		testworld.File{Path: `C:\docs\..\win.txt`, Content: "from windows"},
		testworld.File{Path: "../../etc/passwd", Content: "from above"},
		testworld.File{Path: "new.txt", Content: "new"},
	)
	require.NoError(t, err)
	require.NotNil(t, operation)
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprintf("%s %.20s %s", r.Outcome, r.Path, apperr.CodeOf(r.Err)))
	}
	require.Equal(t, []string{
		"created new.txt ", "duplicate copy of old.txt ", "replaced changing.txt ", "failed  invalid_input", "failed large.txt file_too_large",
		"failed xxxxxxxxxxxxxxxxxxxx invalid_input", "created largest.txt ", "created C:/win.txt ", "created etc/passwd ", "duplicate new.txt ",
	}, got)
	require.Equal(t, "old.txt", results[1].Document.FilePath, "a duplicate names the document that is there")
	w.AwaitOperation(*operation)
	require.EqualValues(t, 6, w.Read(c.ID).DocumentCount)
}

func TestUpload_TheSameAgainAddsNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	files := []testworld.File{{Path: "a.txt", Content: "one"}, {Path: "b.txt", Content: "two"}}
	w.AddDocuments(c, files...)
	before := w.Snapshot()
	results, operation, err := upload(w, c, files...)
	require.NoError(t, err)
	require.Nil(t, operation)
	for _, r := range results {
		require.Equal(t, documents.Duplicate, r.Outcome)
	}
	require.Empty(t, before.Changed(w.Snapshot()))
}

func TestUpload_ManyAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	t.Run("of one content make one document", func(t *testing.T) {
		outcomes := make([]documents.Outcome, 8)
		for _, err := range w.Race(len(outcomes), func(i int) error {
			results, _, err := upload(w, c, testworld.File{Path: fmt.Sprintf("%d.txt", i), Content: "the same"})
			if err == nil {
				outcomes[i] = results[0].Outcome
			}
			return err
		}) {
			require.NoError(t, err)
		}
		created := 0
		for _, o := range outcomes {
			if o == documents.Created {
				created++
			}
		}
		require.Equal(t, 1, created, "%v", outcomes)
		require.EqualValues(t, 1, w.Int(`select count(*) from documents where collection_id = $1`, c.ID))
	})
	t.Run("to one path make one document with one of the contents", func(t *testing.T) {
		for _, err := range w.Race(8, func(i int) error {
			_, _, err := upload(w, c, testworld.File{Path: "one.txt", Content: fmt.Sprintf("version %d", i)})
			return err
		}) {
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, w.Int(`select count(*) from documents where collection_id = $1 and file_path = 'one.txt'`, c.ID))
	})
	t.Run("of different files lose none and share operations", func(t *testing.T) {
		before := w.Read(c.ID).DocumentCount
		for _, err := range w.Race(8, func(i int) error {
			_, _, err := upload(w, c, testworld.File{Path: fmt.Sprintf("many/%d.txt", i), Content: fmt.Sprintf("file %d", i)})
			return err
		}) {
			require.NoError(t, err)
		}
		require.Equal(t, before+8, w.Read(c.ID).DocumentCount)
	})
	w.Await("all are done", func() bool {
		return w.Int(`select count(*) from operations where status in ('pending', 'processing')`) == 0
	})
	require.Zero(t, w.Int(`select count(*) from documents where status <> 'completed'`))
}

func TestUpload_OneThatBreaksOffKeepsTheFilesBefore(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	whole := testworld.Sequence(testworld.File{Path: "whole.txt", Content: "whole"})
	_, _, err := w.Documents.Upload(w.As(w.Root), c.ID, documents.Upload{Next: func() (documents.File, error) {
		f, err := whole()
		if errors.Is(err, io.EOF) {
			return documents.File{Path: "half.txt", Content: testworld.Broken("half")}, nil
		}
		return f, err
	}})
	require.ErrorIs(t, err, testworld.ErrBroken)
	require.EqualValues(t, 1, w.Int(`select count(*) from documents`))
	w.Await("the whole one is done", func() bool {
		return w.Int(`select count(*) from documents where status = 'completed'`) == 1 && w.Read(c.ID).Status == collections.StatusReady
	})
}

func TestUpload_IsRefusedWhileAnotherKindOfOperationIsActive(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	w.Exec(`insert into operations (collection_id, type, status, config, task_id) values ($1, 'reindex', 'pending', '{"a": 1}', 0)`, c.ID)
	before := w.Snapshot()
	_, _, err := upload(w, c, testworld.File{Path: "a.txt", Content: "one"})
	require.ErrorIs(t, err, operations.ErrActive)
	require.Empty(t, before.Changed(w.Snapshot()))
}

// The operation that the first file has begun ends while the second comes in, and a reindex
// begins: who was told that the upload is refused would not know that a file was taken.
func TestUpload_WhatIsRefusedInTheMiddleIsTheOutcomeOfThoseFilesAlone(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	next := testworld.Sequence(testworld.File{Path: "a.txt", Content: "one"}, testworld.File{Path: "b.txt", Content: "two"}, testworld.File{Path: "a.txt", Content: "one"})
	files := 0
	results, operation, err := w.Documents.Upload(w.As(w.Root), c.ID, documents.Upload{Next: func() (documents.File, error) {
		if files++; files == 2 {
			w.Exec(`update operations set status = 'completed', completed_at = now(), attempt = 1 where status = 'pending'`)
			w.Exec(`update documents set status = 'completed'`)
			w.Exec(`insert into operations (collection_id, type, status, config, task_id) values ($1, 'reindex', 'pending', '{"a": 1}', 0)`, c.ID)
		}
		return next()
	}})
	require.NoError(t, err)
	require.NotNil(t, operation)
	require.Len(t, results, 3)
	require.NoError(t, results[0].Err)
	require.ErrorIs(t, results[1].Err, operations.ErrActive)
	require.Equal(t, documents.Failed, results[1].Outcome)
	require.Equal(t, documents.Duplicate, results[2].Outcome, "the rest is looked at")
	require.EqualValues(t, 1, w.Int(`select count(*) from documents`))
}

func TestUpload_IntoACollectionThatIsBeingDeletedLeavesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	scope := w.Scope(c.ID)
	before := w.Snapshot()
	// The permission was checked; the collection goes while the file comes in.
	deleted := false
	_, _, err := w.Documents.Upload(w.As(w.Root), c.ID, documents.Upload{Next: func() (documents.File, error) {
		if deleted {
			return documents.File{}, io.EOF
		}
		deleted = true
		w.Delete(scope.Collection())
		return documents.File{Path: "a.txt", Content: strings.NewReader("one")}, nil
	}})
	require.ErrorIs(t, err, collections.ErrNotFound)
	require.Equal(t, []string{"public.audit_log", "public.collections", "public.operations", "river.river_job"},
		before.Changed(w.Snapshot()), "what deleting it changed")
}

func TestUpload_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("MAX_UPLOAD_BYTES=1KiB"))
	c := w.Collection(w.Root)
	url := "/api/v2/collections/" + c.ID.String() + "/documents"
	one := []testworld.File{{Path: "notes/a.txt", Content: "one"}}
	post := func(name string, status int, body any, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPost, URL: url, Body: body, Status: status, Has: has,
			HasNot: []string{"SQLSTATE", "/tmp/"}, Pure: status >= http.StatusBadRequest}
	}
	w.HTTP(t,
		post("a file with its path", http.StatusAccepted, testworld.Form{Files: one}, `"outcome":"created"`, `"file_path":"notes/a.txt"`, `"operation_id":"`),
		post("the same again", http.StatusAccepted, testworld.Form{Files: one}, `"outcome":"duplicate"`, `"status":"pending"`, `"operation_id":"`),
		post("one good and one bad", http.StatusAccepted, testworld.Form{Files: []testworld.File{{Path: "big.txt", Content: strings.Repeat("x", 1025)}, {Path: "small.txt", Content: "small"}}},
			`"outcome":"failed"`, "file_too_large", `"outcome":"created"`),
		post("only a bad one", http.StatusRequestEntityTooLarge, testworld.Form{Files: []testworld.File{{Path: "big.txt", Content: strings.Repeat("x", 1025)}}}, "file_too_large"),
		post("no file", http.StatusUnprocessableEntity, testworld.Form{Fields: map[string]string{"source_path": "x"}}, "file_missing"),
		post("no form", http.StatusUnprocessableEntity, map[string]any{"file": "x"}, "body.file_name"),
		post("metadata that is no object", http.StatusUnprocessableEntity, testworld.Form{Fields: map[string]string{"metadata": "[]"}, Files: one}, "body.metadata"),
		post("metadata with a NUL character", http.StatusUnprocessableEntity, testworld.Form{Fields: map[string]string{"metadata": `{"a":"\u0000"}`}, Files: one}, "body.metadata"),
		post("metadata that is too large", http.StatusUnprocessableEntity, testworld.Form{Fields: map[string]string{"metadata": `{"a":"` + strings.Repeat("x", 65536) + `"}`}, Files: one}, "body.metadata"),
		post("a source path that is too long", http.StatusUnprocessableEntity, testworld.Form{Fields: map[string]string{"source_path": strings.Repeat("x", 2049)}, Files: []testworld.File{{Path: "s.txt", Content: "s"}}}, "body.source_path"),
		post("with metadata", http.StatusAccepted, testworld.Form{Fields: map[string]string{"metadata": `{"n": 1}`, "source_path": "folder"}, Files: []testworld.File{{Path: "m.txt", Content: "m"}}}, `"metadata":{"n":1}`),
		post("a path without a name", http.StatusUnprocessableEntity, testworld.Form{Files: []testworld.File{{Path: "..", Content: "x"}}}),
	)
	w.HTTP(t,
		testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: url + "?status=pending&per_page=2", Status: http.StatusOK, Has: []string{`"per_page":2`, `"total":`}},
		testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: url + "?status=lost", Status: http.StatusBadRequest, Has: []string{"unknown_document_status", "lost"}},
		testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: url + "/" + uuid.NewString(), Status: http.StatusNotFound, Has: []string{"document_not_found"}},
		testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: url + "/42", Status: http.StatusUnprocessableEntity},
	)
}
