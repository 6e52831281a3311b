package operations_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/collections/connectors/directory"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// folders makes a folder that sources may read, with these in it.
func folders(t *testing.T, names ...string) (root string, setting testworld.Option) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Join(root, name), 0o755))
	}
	return root, testworld.Setting("DOCUMENT_ROOTS=" + root)
}

func folderSource(path string) collections.AddSourceInput {
	return collections.AddSourceInput{SourceInput: collections.SourceInput{Type: directory.Type, Path: path}}
}

// sourcesOf asks as somebody about the sources of a collection.
func sourcesOf(w *testworld.World, as users.User, c uuid.UUID) func(method, path string, body any, status int, has ...string) testworld.Answer {
	return func(method, path string, body any, status int, has ...string) testworld.Answer {
		return w.Request(testworld.Scenario{
			As: &as, Method: method, URL: "/api/v2/collections/" + c.String() + "/sources" + path, Body: body, Status: status, Has: has, Pure: status >= 400,
		})
	}
}

func TestAddSource_StartsAnAppendThatLooksThroughIt(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "docs")
	w := testworld.New(t, testworld.NoWorker(), setting)
	alice := w.User("alice")
	c := w.Collection(alice)
	body := sourcesOf(w, alice, c.ID)(http.MethodPost, "", map[string]any{
		"source_type": "directory", "source_config": map[string]any{"path": root + "/docs/", "include_patterns": []string{"*.md"}},
		"config": map[string]any{"chunk_size": 500}, "secrets": map[string]any{},
	}, http.StatusAccepted).JSON(t)
	require.Equal(t, "append", body["type"])
	require.Equal(t, "pending", body["status"])
	require.Equal(t, c.ID.String(), body["collection_id"])
	sourceID := w.Int(`select id from collection_sources where collection_id = $1 and scan_requested_at is not null`, c.ID)
	require.Equal(t, map[string]any{
		"source_id": float64(sourceID), "source_type": "directory", "source_path": root + "/docs", "additional_config": map[string]any{"chunk_size": float64(500)},
		"source_config": map[string]any{"path": root + "/docs", "recursive": true, "include_patterns": []any{"*.md"}, "exclude_patterns": []any{}},
	}, body["config"])
	require.Equal(t, collections.StatusProcessing, w.Read(c.ID).Status, "at once")
	require.JSONEq(t, fmt.Sprintf(`{"new": true, "source_id": %d, "source_type": "directory", "source_path": %q, "operation_id": %q}`, sourceID, root+"/docs", body["id"]),
		testworld.Value[string](w, `select details::text from audit_log where action = 'collection.source_add'`))
}

func TestAddSource_TheNamesThatClientsUse(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "a", "b", "c", "d")
	w := testworld.New(t, testworld.NoWorker(), setting)
	alice := w.User("alice")
	ask := sourcesOf(w, alice, w.Collection(alice).ID)
	for name, body := range map[string]map[string]any{
		"a": {"sourceType": "directory", "sourceConfig": map[string]any{"path": root + "/a"}, "unknown": 1},
		"b": {"source_path": root + "/b"},
		"c": {"sourcePath": root + "/c", "source_type": nil, "source_config": nil},
		"d": {"source_type": "directory", "source_config": map[string]any{"path": root + "/d"}, "source_path": root + "/d"},
	} {
		ask(http.MethodPost, "", body, http.StatusAccepted)
		require.EqualValues(t, 1, w.Int(`select count(*) from collection_sources where source_path = $1 and source_type = 'directory'`, root+"/"+name), name)
	}
	require.EqualValues(t, 1, w.Int(`select count(*) from operations where status = 'pending'`), "the active append took them in")
}

func TestAddSource_WhatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "docs")
	w := testworld.New(t, testworld.NoWorker(), setting)
	alice := w.User("alice")
	ask := sourcesOf(w, alice, w.Collection(alice).ID)
	for _, c := range []struct {
		body   any
		status int
		has    string
	}{
		{`{"source_type": "git", "source_path": "https://example.com/x.git"}`, 400, `"unknown_source_type"`},
		{`{"source_type": "git"}`, 400, "directory"},
		{`{"source_type": "upload", "source_path": "x"}`, 400, "unknown_source_type"},
		{`{}`, 400, "source_path_missing"},
		{`{"source_type": "directory", "source_config": {}}`, 400, "source_path_missing"},
		{`{"source_path": " "}`, 400, "source_path_missing"},
		{`{"source_path": "/etc"}`, 403, "directory_outside_roots"},
		{map[string]any{"source_path": root + "/../../etc"}, 403, "directory_outside_roots"},
		{map[string]any{"source_path": root + "/nothing"}, 404, "directory_not_found"},
		{`{"source_path": "relative"}`, 422, "body.source_config.path"},
		{map[string]any{"source_path": root + "/docs", "source_config": map[string]any{"path": root}}, 422, "body.source_config.path"},
		{map[string]any{"source_path": root, "source_config": map[string]any{"exclude_patterns": []string{"{"}}}, 422, "exclude_patterns[0]"},
		{`{"source_config": [1]}`, 422, "source_config"},
		{map[string]any{"source_path": root, "config": []int{1}}, 422, "body.config"},
		{map[string]any{"source_path": root, "config": map[string]any{"metadata": []int{1}}}, 422, "body.config.metadata"},
		{map[string]any{"source_path": root, "config": map[string]any{"a": "\x00"}}, 422, "NUL"},
		{map[string]any{"source_path": root, "secrets": map[string]any{"password": "hush"}}, 400, "source_secrets_not_taken"},
		{`{"source_type": 1}`, 422, "source_type"},
		{`[]`, 422, ""},
		{nil, 400, ""},
	} {
		ask(http.MethodPost, "", c.body, c.status, c.has)
	}
	off := testworld.New(t, testworld.NoWorker())
	sourcesOf(off, off.Root, off.Collection(off.Root).ID)(http.MethodPost, "", map[string]any{"source_path": root}, 403, "directory_sources_off", "DOCUMENT_ROOTS")
}

func TestAddSource_TheSamePathIsTheSameRowAndIsLookedThroughAgain(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "docs")
	w := testworld.New(t, testworld.NoWorker(), setting)
	alice := w.User("alice")
	c := w.Collection(alice)
	ask := sourcesOf(w, alice, c.ID)
	first := ask(http.MethodPost, "", map[string]any{"source_path": root + "/docs"}, http.StatusAccepted).JSON(t)
	w.Finish(uuid.MustParse(fmt.Sprint(first["id"])))
	w.Exec(`update collection_sources set scan_requested_at = null`)
	second := ask(http.MethodPost, "", map[string]any{"source_config": map[string]any{"path": root + "/x/../docs", "recursive": false}}, http.StatusAccepted).JSON(t)
	require.NotEqual(t, first["id"], second["id"])
	require.EqualValues(t, 1, w.Int(`select count(*) from collection_sources where scan_requested_at is not null and not (source_config -> 'recursive')::bool`))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.source_add' and not (details -> 'new')::bool`))
}

func TestAddSource_IsTheWayOutOfErrorAndDegraded(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "docs")
	w := testworld.New(t, testworld.NoWorker(), setting)
	for _, status := range []collections.Status{collections.StatusError, collections.StatusDegraded} {
		c := w.Collection(w.Root)
		w.Exec(`update collections set status = $2 where id = $1`, c.ID, status)
		_, err := w.Operations.AddSource(w.As(w.Root), c.ID, folderSource(root+"/docs"))
		require.NoError(t, err, status)
		require.Equal(t, collections.StatusProcessing, w.Read(c.ID).Status)
	}
}

// What takes up documents takes the source in; beside anything else it is a conflict.
func TestAddSource_BesideAnActiveOperation(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "docs")
	w := testworld.New(t, testworld.NoWorker(), setting)
	for _, kind := range []operations.Type{
		operations.TypeAppend, operations.TypeIndex, operations.TypeRetry, operations.TypeReindex, operations.TypeRemoveSource,
	} {
		c := w.NewCollection(w.Root)
		w.Exec(`update operations set type = $2 where uuid = $1`, c.InitialOperationID, kind)
		before := w.Snapshot()
		o, err := w.Operations.AddSource(w.As(w.Root), c.ID, folderSource(root+"/docs"))
		if kind == operations.TypeAppend || kind == operations.TypeIndex || kind == operations.TypeRetry {
			require.NoError(t, err)
			require.Equal(t, c.InitialOperationID, o.UUID)
			require.EqualValues(t, 1, w.Int(`select count(*) from collection_sources where collection_id = $1 and scan_requested_at is not null`, c.ID))
			continue
		}
		require.ErrorIs(t, err, operations.ErrActive, kind)
		require.Empty(t, before.Changed(w.Snapshot()), kind)
	}
}

func TestRemoveSource_ByItsPathOrItsID(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "a", "b", "c")
	w := testworld.New(t, testworld.NoWorker(), setting)
	alice := w.User("alice")
	c := w.Collection(alice)
	ask := sourcesOf(w, alice, c.ID)
	for _, name := range []string{"a", "b", "c"} {
		added := ask(http.MethodPost, "", map[string]any{"source_path": root + "/" + name}, http.StatusAccepted).JSON(t)
		w.Finish(uuid.MustParse(fmt.Sprint(added["id"])))
	}
	id := w.Int(`select id from collection_sources where source_path = $1`, root+"/c")
	for path, body := range map[string]any{"?source_path=" + root + "/a/": nil, "": map[string]any{"source_path": root + "/b"}} {
		removal := ask(http.MethodDelete, path, body, http.StatusAccepted).JSON(t)
		require.Equal(t, "remove_source", removal["type"])
		require.Equal(t, "pending", removal["status"])
		config, ok := removal["config"].(map[string]any)
		require.True(t, ok)
		require.Len(t, config, 2)
		require.Equal(t, config["source_path"], testworld.Value[string](w, `select source_path from collection_sources where id = $1`, config["source_id"]))
		require.Equal(t, collections.StatusProcessing, w.Read(c.ID).Status)
		w.Finish(uuid.MustParse(fmt.Sprint(removal["id"])))
	}
	removal := ask(http.MethodDelete, fmt.Sprint("/", id), nil, http.StatusOK).JSON(t)
	require.Len(t, removal, 4)
	require.EqualValues(t, removal["id"], w.Int(`select id from operations where uuid = $1`, removal["uuid"]))
	require.Equal(t, "remove_source", removal["type"])
	require.Equal(t, "pending", removal["status"])
	require.EqualValues(t, 3, w.Int(`select count(*) from audit_log where action = 'collection.source_remove' and details ->> 'operation_id' <> ''`))
}

func TestRemoveSource_WhatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "a")
	w := testworld.New(t, testworld.NoWorker(), setting)
	alice := w.User("alice")
	c, other := w.Collection(alice), w.Collection(alice)
	ask := sourcesOf(w, alice, c.ID)
	o, err := w.Operations.AddSource(w.As(alice), c.ID, folderSource(root+"/a"))
	require.NoError(t, err)
	byPath, byID := "?source_path="+root+"/a", fmt.Sprint("/", w.Int(`select id from collection_sources`))
	ask(http.MethodDelete, byPath, nil, http.StatusConflict, "operation_active")
	ask(http.MethodDelete, byID, nil, http.StatusConflict, "operation_active")
	w.Finish(o.UUID)
	w.Exec(`update collections set status = 'pending' where id = $1`, c.ID)
	ask(http.MethodDelete, byPath, nil, http.StatusConflict, "collection_wrong_status")
	w.Exec(`update collections set status = 'ready' where id = $1`, c.ID)
	ask(http.MethodDelete, "", nil, 422, "query.source_path")
	ask(http.MethodDelete, "?source_path=%20", nil, 422, "source_path")
	ask(http.MethodDelete, "?source_path=a%00b", nil, 400, "malformed_url")
	ask(http.MethodDelete, "?source_path=%ff", nil, 400, "malformed_url")
	ask(http.MethodDelete, "", `{"source_path": "a\u0000b"}`, 422, "NUL")
	ask(http.MethodDelete, "", map[string]any{"source_path": strings.Repeat("x", 2049)}, 422, "2048 bytes")
	ask(http.MethodDelete, "", `{"source_path": 1}`, 422, "source_path")
	ask(http.MethodDelete, "?source_path=/elsewhere", nil, 404, "source_not_found")
	ask(http.MethodDelete, "/99999", nil, 404, "source_not_found")
	ask(http.MethodDelete, "/0", nil, 422, "source_id")
	elsewhere := sourcesOf(w, alice, other.ID)
	elsewhere(http.MethodDelete, byPath, nil, 404, "source_not_found")
	elsewhere(http.MethodDelete, byID, nil, 404, "source_not_found")
}

func TestRemoveSource_IsAWayOutOfErrorAndDegraded(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "docs")
	w := testworld.New(t, testworld.NoWorker(), setting)
	for _, status := range []collections.Status{collections.StatusError, collections.StatusDegraded, collections.StatusReady} {
		c := w.Collection(w.Root)
		o, err := w.Operations.AddSource(w.As(w.Root), c.ID, folderSource(root+"/docs"))
		require.NoError(t, err)
		w.Finish(o.UUID)
		w.Exec(`update collections set status = $2 where id = $1`, c.ID, status)
		_, err = w.Operations.RemoveSource(w.As(w.Root), c.ID, collections.SourceRef{Path: root + "/docs"})
		require.NoError(t, err, status)
	}
}

func TestSuite_SourcesUnderFaults(t *testing.T) {
	t.Parallel()
	root, setting := folders(t, "docs", "more")
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		c := w.Collection(w.Root)
		started := make([]uuid.UUID, 6)
		for _, err := range w.Race(len(started), func(i int) error {
			name := []string{"docs", "more"}[i%2]
			o, err := w.Operations.AddSource(w.As(w.Root), c.ID, folderSource(filepath.Join(root, name)))
			started[i] = o.UUID
			return err
		}) {
			require.NoError(t, err)
		}
		require.EqualValues(t, 2, w.Int(`select count(*) from collection_sources`))
		require.EqualValues(t, 1, w.Int(`select count(*) from operations where status = 'pending'`))
		for _, id := range started {
			require.Equal(t, started[0], id)
		}
		w.Finish(started[0])
		refused := 0
		for _, err := range w.Race(3, func(int) error {
			_, err := w.Operations.RemoveSource(w.As(w.Root), c.ID, collections.SourceRef{Path: root + "/docs"})
			return err
		}) {
			if err != nil {
				require.ErrorIs(t, err, operations.ErrActive)
				require.Equal(t, apperr.Conflict, apperr.KindOf(err))
				refused++
			}
		}
		require.Equal(t, 2, refused, "one removes it")
		require.True(t, json.Valid([]byte(testworld.Value[string](w, `select config::text from operations where type = 'remove_source'`))))
	}, testworld.NoWorker(), setting)
}
