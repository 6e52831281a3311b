package collections_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/collections/connectors"
	"semantik/modules/collections/connectors/directory"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/testworld"
)

// withFolders is a world whose sources may read a folder that has these in it.
func withFolders(t *testing.T, names ...string) (*testworld.World, string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Join(root, name), 0o755))
	}
	return testworld.New(t, testworld.NoWorker(), testworld.Setting("DOCUMENT_ROOTS="+root)), root
}

// addSource adds a folder as its owner does, and ends the operation.
func addSource(t *testing.T, w *testworld.World, owner users.User, c collections.Collection, path string) collections.Source {
	t.Helper()
	_, operation, err := w.Collections.AddSource(w.As(owner), c.ID, collections.AddSourceInput{SourceInput: collections.SourceInput{Type: directory.Type, Path: path}})
	require.NoError(t, err)
	w.Finish(operation)
	found, _, err := w.Collections.Sources(w.As(owner), c.ID, database.Page{Limit: 100})
	require.NoError(t, err)
	return found[len(found)-1]
}

func TestConnectors_AreListedAsFormsNeedThem(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	body := w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/v2/connectors", Status: http.StatusOK, Pure: true}).JSON(t)
	all, ok := body["connectors"].(map[string]any)
	require.True(t, ok)
	require.Len(t, all, 1, "those that can be added")
	folder, ok := all["directory"].(map[string]any)
	require.True(t, ok)
	require.Equal(t, []any{}, folder["secrets"])
	require.Equal(t, true, folder["supports_sync"])
	require.Equal(t, "/api/v2/directory-scan/preview", folder["preview_endpoint"])
	for _, key := range []string{"name", "description", "icon"} {
		require.NotEmpty(t, folder[key], key)
	}
	fields, ok := folder["fields"].([]any)
	require.True(t, ok)
	told := []string{}
	for _, f := range fields {
		field, ok := f.(map[string]any)
		require.True(t, ok)
		require.NotEmpty(t, field["label"])
		told = append(told, fmt.Sprint(field["name"], " ", field["type"], " ", field["required"], " ", field["default"]))
	}
	require.Equal(t, []string{"path text true <nil>", "recursive boolean <nil> true", "include_patterns glob_list <nil> <nil>", "exclude_patterns glob_list <nil> <nil>"}, told)
}

func TestSources_AreListedInTheirOrderToWhoeverMayWrite(t *testing.T) {
	t.Parallel()
	w, root := withFolders(t, "a", "b", "c")
	alice, bob := w.User("alice"), w.User("bob")
	c := w.Collection(alice, testworld.Public())
	_, err := collections.NewRepository(w.DB).EnsureSource(t.Context(), w.Scope(c.ID), collections.SourceUpload, "upload")
	require.NoError(t, err)
	for _, name := range []string{"b", "a", "c"} {
		addSource(t, w, alice, c, filepath.Join(root, name))
	}
	url := "/api/v2/collections/" + c.ID.String() + "/sources"
	page := w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: url + "?offset=1&limit=2", Status: http.StatusOK, Pure: true}).JSON(t)
	require.EqualValues(t, 4, page["total"])
	require.EqualValues(t, 1, page["offset"])
	require.EqualValues(t, 2, page["limit"])
	items, ok := page["items"].([]any)
	require.True(t, ok)
	require.Len(t, items, 2)
	one, ok := items[0].(map[string]any)
	require.True(t, ok)
	require.Equal(t, root+"/b", one["source_path"])
	require.Equal(t, "directory", one["source_type"])
	require.Equal(t, map[string]any{"path": root + "/b", "recursive": true, "include_patterns": []any{}, "exclude_patterns": []any{}}, one["source_config"])
	for _, key := range []string{"has_password", "has_token", "has_ssh_key", "has_ssh_passphrase"} {
		require.Equal(t, false, one[key], key)
	}
	for _, key := range []string{"last_run_started_at", "last_run_completed_at", "last_run_status", "last_error", "last_indexed_at"} {
		value, there := one[key]
		require.True(t, there, key)
		require.Nil(t, value, key)
	}
	require.Len(t, one, 18)
	single := w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: fmt.Sprint(url, "/", one["id"]), Status: http.StatusOK, Pure: true}).JSON(t)
	require.Equal(t, one, single)
	for path, status := range map[string]int{"": 403, fmt.Sprint("/", one["id"]): 403} {
		w.Request(testworld.Scenario{As: &bob, Method: http.MethodGet, URL: url + path, Status: status, HasNot: []string{root}})
	}
	for path, status := range map[string]int{"/0": 422, "/x": 422, "/99999": 404, "/9223372036854775807": 404, "?limit=101": 422, "?offset=-1": 422} {
		w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: url + path, Status: status})
	}
}

func TestSources_ASecretThatIsStoredIsNeverShown(t *testing.T) {
	t.Parallel()
	w, root := withFolders(t, "a")
	alice := w.User("alice")
	c := w.Collection(alice)
	s := addSource(t, w, alice, c, root+"/a")
	w.Exec(`update collection_sources set secrets = '{"password": "ciphertext-of-it"}'`)
	url := fmt.Sprintf("/api/v2/collections/%s/sources", c.ID)
	for _, path := range []string{"", fmt.Sprint("/", s.ID)} {
		w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: url + path, Status: http.StatusOK, HasNot: []string{"ciphertext"}})
	}
}

func TestUpdateSource_TheConfigurationIsCheckedAndReplaced(t *testing.T) {
	t.Parallel()
	w, root := withFolders(t, "a", "b")
	alice := w.User("alice")
	c, other := w.Collection(alice), w.Collection(alice)
	s := addSource(t, w, alice, c, root+"/a")
	url := fmt.Sprintf("/api/v2/collections/%s/sources/%d", c.ID, s.ID)
	patch := func(body any, status int, has ...string) testworld.Answer {
		t.Helper()
		return w.Request(testworld.Scenario{As: &alice, Method: http.MethodPatch, URL: url, Body: body, Status: status, Has: has, Pure: status >= 400})
	}
	body := patch(map[string]any{"source_config": map[string]any{"recursive": false, "include_patterns": []string{"*.md"}}}, 200).JSON(t)
	require.Equal(t, map[string]any{"path": root + "/a", "recursive": false, "include_patterns": []any{"*.md"}, "exclude_patterns": []any{}}, body["source_config"])
	body = patch(map[string]any{"source_config": map[string]any{"path": root + "/a/"}, "secrets": map[string]any{"password": ""}}, 200).JSON(t)
	require.Equal(t, map[string]any{"path": root + "/a", "recursive": true, "include_patterns": []any{}, "exclude_patterns": []any{}}, body["source_config"], "the old one is replaced as a whole")
	for _, nothing := range []string{`{}`, `{"source_config": null}`, `{"secrets": {}}`, `{"colour": 1}`} {
		require.Equal(t, body, patch(nothing, 200).JSON(t), nothing)
	}
	patch(map[string]any{"source_config": map[string]any{"path": root + "/b"}}, 422, "body.source_config.path")
	patch(map[string]any{"source_config": map[string]any{"include_patterns": []string{"a", "["}}}, 422, "body.source_config.include_patterns[1]")
	patch(map[string]any{"source_config": []int{1}}, 422, "source_config")
	patch(`{"source_config": {"a": "\u0000"}}`, 422, "NUL")
	patch(map[string]any{"secrets": map[string]any{"token": "hush"}}, 400, "source_secrets_not_taken")
	require.Contains(t, testworld.Value[string](w, `select string_agg(details::text, ' ') from audit_log where action = 'collection.source_update'`), `"include_patterns": ["*.md"]`)
	require.EqualValues(t, 2, w.Int(`select count(*) from audit_log where action = 'collection.source_update'`))

	url = fmt.Sprintf("/api/v2/collections/%s/sources/%d", other.ID, s.ID)
	patch(map[string]any{"source_config": map[string]any{}}, 404, "source_not_found")

	require.NoError(t, os.Remove(root+"/a"))
	url = fmt.Sprintf("/api/v2/collections/%s/sources/%d", c.ID, s.ID)
	patch(map[string]any{"source_config": map[string]any{}}, 404, "directory_not_found")
}

func TestCreate_AFolderMayBeTheFirstSource(t *testing.T) {
	t.Parallel()
	w, root := withFolders(t, "docs")
	source, err := json.Marshal(map[string]any{"source_type": "directory", "source_config": map[string]any{"path": root + "/docs"}})
	require.NoError(t, err)
	created, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", Source: source})
	require.NoError(t, err)
	require.Equal(t, root+"/docs", testworld.Value[string](w, `select source_path from collection_sources where scan_requested_at is not null`))
	require.Equal(t, "directory", testworld.Value[string](w, `select config #>> '{sources,0,source_type}' from operations where uuid = $1`, created.InitialOperationID))
	before := w.Snapshot()
	for text, want := range map[string]error{
		`{"source_type": "directory", "source_path": "/etc"}`: directory.ErrOutside,
		`{"source_type": "directory"}`:                        connectors.ErrNoPath,
		`{"source_type": "ftp"}`:                              connectors.ErrUnknownType,
	} {
		_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "m", Source: json.RawMessage(text)})
		require.ErrorIs(t, err, want, text)
	}
	_, err = w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "m", Source: json.RawMessage(`{"source_type": "directory", "source_config": {"path": 1}}`)})
	require.ErrorContains(t, err, "body.source.source_config.path")
	_, err = w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "m", Source: json.RawMessage(`{"source_type": "ftp"}`)})
	require.ErrorContains(t, err, "upload, directory")
	require.Empty(t, before.Changed(w.Snapshot()))
}

// A folder's source loses what it does not find in the folder: an upload must not get
// into it, nor the folder's files into an upload's.
func TestSources_OneOfAnotherTypeKeepsItsPath(t *testing.T) {
	t.Parallel()
	w, root := withFolders(t, "a", "b")
	alice := w.User("alice")
	c := w.Collection(alice)
	addSource(t, w, alice, c, root+"/a")
	rows := collections.NewRepository(w.DB)
	_, err := rows.EnsureSource(t.Context(), w.Scope(c.ID), collections.SourceUpload, root+"/a")
	require.ErrorIs(t, err, collections.ErrSourcePathTaken)
	url := "/api/v2/collections/" + c.ID.String() + "/documents"
	w.Request(testworld.Scenario{
		As: &alice, Method: http.MethodPost, URL: url, Status: http.StatusConflict, Has: []string{"source_path_taken"}, Pure: true,
		Body: testworld.Form{Fields: map[string]string{"source_path": root + "/a"}, Files: []testworld.File{{Path: "x.txt", Content: "x"}}},
	})
	_, err = rows.EnsureSource(t.Context(), w.Scope(c.ID), collections.SourceUpload, root+"/b")
	require.NoError(t, err)
	_, _, err = w.Collections.AddSource(w.As(alice), c.ID, collections.AddSourceInput{SourceInput: collections.SourceInput{Type: directory.Type, Path: root + "/b"}})
	require.ErrorIs(t, err, collections.ErrSourcePathTaken)
	require.Equal(t, apperr.Conflict, apperr.KindOf(err))
}

// Somebody adds a source once more, with another configuration, and waits for somebody who
// has done the same; the run that one has asked for begins before this one has asked.
func TestRequestScan_OneThatComesDuringARunIsAnsweredByTheNextHoweverLongItHasWaited(t *testing.T) {
	t.Parallel()
	w, root := withFolders(t, "a")
	c := w.Collection(w.Root)
	source := addSource(t, w, w.Root, c, filepath.Join(root, "a"))
	repository, scope := collections.NewRepository(w.DB), w.Scope(c.ID)
	var answered collections.Source
	require.NoError(t, w.DB.InTx(t.Context(), func(late context.Context) error {
		if _, err := repository.GetSource(late, scope, source.ID); err != nil { // it has begun
			return err
		}
		require.NoError(t, repository.RequestScan(t.Context(), scope, source.ID, nil))
		var found bool
		var err error
		answered, found, err = repository.NextScan(t.Context(), scope)
		require.NoError(t, err)
		require.True(t, found)
		_, _, err = repository.BeginScan(t.Context(), scope, source.ID)
		require.NoError(t, err)
		return repository.RequestScan(late, scope, source.ID, nil)
	}))
	require.NoError(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		return repository.EndScan(ctx, scope, answered, collections.RunSuccess, "")
	}))
	_, waits, err := repository.NextScan(t.Context(), scope)
	require.NoError(t, err)
	require.True(t, waits, "the second was acknowledged, and not answered so far")
}
