package collections_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/testworld"
)

func TestUpdate_RenamesTheVectorStoreAndMovesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoRetry())
	alice := w.User("alice")
	c := w.Collection(alice, testworld.Named("Before"))
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	require.NoError(t, w.Worker.Stop(t.Context()))
	c = w.Read(c.ID)

	var renamed collections.Collection
	changed := w.FailEach(func() (err error) {
		renamed, err = w.Collections.Update(w.As(alice), c.ID, collections.UpdateInput{Name: new(" The After ")})
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collections"}, changed)
	require.Equal(t, "The After", renamed.Name)
	require.Equal(t, "col_"+strings.ReplaceAll(c.ID.String(), "-", "_")+"_the_after", renamed.VectorStoreName)
	require.Equal(t, c.PartitionKey, renamed.PartitionKey)
	require.EqualValues(t, 1, w.Int(`select count(*) from chunks where partition_key = $1 and collection_id = $2`, c.PartitionKey, c.ID))
	found, err := collections.NewRepository(w.DB).GetByName(t.Context(), "The After")
	require.NoError(t, err)
	require.Equal(t, c.ID, found.ID)
	_, err = collections.NewRepository(w.DB).GetByName(t.Context(), "Before")
	require.ErrorIs(t, err, collections.ErrNotFound)
}

func TestUpdate_ErrNameTaken(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, other := w.Collection(w.Root, testworld.Named("One")), w.Collection(w.Root, testworld.Named("Two"))
	before := w.Snapshot()
	_, err := w.Collections.Update(w.As(w.Root), c.ID, collections.UpdateInput{Name: new("Two")})
	require.ErrorIs(t, err, collections.ErrNameTaken)
	require.Empty(t, before.Changed(w.Snapshot()))
	_, err = w.Collections.Update(w.As(w.Root), c.ID, collections.UpdateInput{Name: new(" One ")})
	require.NoError(t, err, "its own")
	require.Empty(t, before.Changed(w.Snapshot()), "and nothing changed")
	w.Delete(other)
	_, err = w.Collections.Update(w.As(w.Root), c.ID, collections.UpdateInput{Name: new("Two")})
	require.NoError(t, err, "a deleted collection's name is free")
	won := 0
	third := w.Collection(w.Root)
	for _, err := range w.Race(2, func(i int) error {
		id := c.ID
		if i == 1 {
			id = third.ID
		}
		_, err := w.Collections.Update(w.As(w.Root), id, collections.UpdateInput{Name: new("Three")})
		return err
	}) {
		if err == nil {
			won++
		} else {
			require.ErrorIs(t, err, collections.ErrNameTaken)
		}
	}
	require.Equal(t, 1, won)
}

func TestUpdate_NilStaysAsItIsAndTheLogTellsWhatChanged(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	created, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{
		Name: "Notes", Description: new("old"), Metadata: json.RawMessage(`{"a": 1.50, "b": [1, 2]}`), DefaultRerankerID: new("r"),
	})
	require.NoError(t, err)
	w.Finish(created.InitialOperationID)
	before := w.Snapshot()
	same, err := w.Collections.Update(w.As(w.Root), created.ID, collections.UpdateInput{
		Name: new("Notes"), Description: new("old"), IsPublic: new(false), Metadata: json.RawMessage(` {"b":[1,2],"a":1.50} `),
		SyncMode: new("one_time"), ExtractionConfig: json.RawMessage("null"),
	})
	require.NoError(t, err)
	require.Empty(t, before.Changed(w.Snapshot()), "what is so already is no change")
	require.Equal(t, w.Read(created.ID).UpdatedAt, same.UpdatedAt)

	changed, err := w.Collections.Update(w.As(w.Root), created.ID, collections.UpdateInput{
		Description: new(""), IsPublic: new(true), Metadata: json.RawMessage(`{"password": "hunter2"}`), DefaultRerankerID: new(" "),
		SyncMode: new("continuous"), SyncIntervalMinutes: new(15),
	})
	require.NoError(t, err)
	require.Nil(t, changed.Description)
	require.Nil(t, changed.DefaultRerankerID)
	require.True(t, changed.IsPublic)
	require.Equal(t, "Notes", changed.Name)
	require.JSONEq(t, `{"password": "hunter2"}`, string(changed.Meta))
	require.JSONEq(t, `{
		"description": {"from": "old", "to": null}, "is_public": {"from": false, "to": true}, "meta": "changed",
		"default_reranker_id": {"from": "r", "to": null}, "sync_mode": {"from": "one_time", "to": "continuous"},
		"sync_interval_minutes": {"from": null, "to": 15}}`,
		testworld.Value[string](w, `select details::text from audit_log where action = 'collection.update'`))

	_, err = w.Collections.Update(w.As(w.Root), created.ID, collections.UpdateInput{Description: new(strings.Repeat("ü", 400))})
	require.NoError(t, err)
	require.JSONEq(t, `{"description": "changed"}`,
		testworld.Value[string](w, `select details::text from audit_log where action = 'collection.update' order by id desc limit 1`))
}

func TestUpdate_SynchronisedContinuouslyOnlyWithAnInterval(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	update := func(in collections.UpdateInput) error {
		_, err := w.Collections.Update(w.As(w.Root), c.ID, in)
		return err
	}
	err := update(collections.UpdateInput{SyncMode: new("continuous")})
	require.ErrorIs(t, err, collections.ErrNoSyncInterval)
	require.Equal(t, apperr.Malformed, apperr.KindOf(err))
	require.NoError(t, update(collections.UpdateInput{SyncIntervalMinutes: new(60)}))
	require.NoError(t, update(collections.UpdateInput{SyncMode: new("continuous")}), "the interval is there already")
	w.Exec(`update collections set sync_paused_at = now(), sync_next_run_at = now() where id = $1`, c.ID)
	require.NoError(t, update(collections.UpdateInput{SyncMode: new("one_time")}))
	now := w.Read(c.ID)
	require.Nil(t, now.SyncPausedAt)
	require.Nil(t, now.SyncNextRunAt)
	require.Equal(t, 60, *now.SyncIntervalMinutes)
}

func TestUpdate_EveryBadFieldIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	before := w.Snapshot()
	_, err := w.Collections.Update(w.As(w.Root), c.ID, collections.UpdateInput{
		Name: new("a/b"), Description: new(strings.Repeat("x", 10_001)), Metadata: json.RawMessage(`[]`), DefaultRerankerID: new(strings.Repeat("x", 256)),
		ExtractionConfig: json.RawMessage(`1`), SyncMode: new("daily"), SyncIntervalMinutes: new(14),
	})
	var fields []string
	for _, f := range apperr.From(err).Fields {
		fields = append(fields, f.Location)
	}
	require.Equal(t, []string{"body.name", "body.description", "body.metadata", "body.default_reranker_id", "body.extraction_config",
		"body.sync_mode", "body.sync_interval_minutes"}, fields)
	require.Empty(t, before.Changed(w.Snapshot()))
}

func TestUpdate_OnlyWhatTheCallerHasSeen(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	seen := w.Read(c.ID).UpdatedAt
	update := func(name string, in collections.UpdateInput) error {
		in.Name = &name
		_, err := w.Collections.Update(w.As(w.Root), c.ID, in)
		return err
	}
	require.ErrorIs(t, update("a", collections.UpdateInput{UpdatedAt: new(seen.Add(-time.Microsecond))}), collections.ErrChanged)
	require.ErrorIs(t, update("a", collections.UpdateInput{IfMatch: []time.Time{}}), collections.ErrChanged)
	require.ErrorIs(t, update("a", collections.UpdateInput{IfMatch: []time.Time{seen}, UpdatedAt: new(seen.Add(1))}), collections.ErrChanged)
	require.NoError(t, update("b", collections.UpdateInput{IfMatch: []time.Time{seen.Add(1), seen}, UpdatedAt: &seen}))
	err := update("c", collections.UpdateInput{UpdatedAt: &seen})
	require.ErrorIs(t, err, collections.ErrChanged)
	require.Equal(t, 412, apperr.KindOf(err).Status())
	require.Equal(t, w.Read(c.ID).UpdatedAt.UTC().Format("2006-01-02T15:04:05.000000Z"), apperr.From(err).Details["updated_at"])
	require.NoError(t, update("d", collections.UpdateInput{}), "who does not ask is not stopped")

	// Of many who have all seen the same, one changes it.
	seen = w.Read(c.ID).UpdatedAt
	won := 0
	for _, err := range w.Race(5, func(i int) error {
		return update(fmt.Sprintf("race %d", i), collections.UpdateInput{UpdatedAt: &seen})
	}) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, collections.ErrChanged)
	}
	require.Equal(t, 1, won)
}

func TestUpdate_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	c := w.Collection(alice)
	path := "/api/v2/collections/" + c.ID.String()
	read := w.Request(testworld.Scenario{Method: http.MethodGet, URL: path, As: &alice, Status: http.StatusOK})
	tag := read.Header.Get("ETag")
	require.Equal(t, fmt.Sprintf("%q", read.JSON(t)["updated_at"]), tag)

	w.HTTP(t, testworld.Scenario{Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusPreconditionFailed, Pure: true,
		Headers: map[string]string{"If-Match": `"2020-01-01T00:00:00.000000Z"`}, Body: map[string]any{"name": "n"},
		Has: []string{"collection_changed", `"updated_at":` + tag}})
	changed := w.Request(testworld.Scenario{Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusOK,
		Headers: map[string]string{"If-Match": tag},
		Body: map[string]any{"name": "  Größe & Maß ", "description": nil, "metadata": map[string]any{"a": 1}, "more": true, "chunk_size": 5,
			"is_public": nil, "sync_mode": nil, "updated_at": read.JSON(t)["updated_at"]},
		Has: []string{`"name":"Größe & Maß"`, `"metadata":{"a":1}`, `"vector_store_name":"col_` + strings.ReplaceAll(c.ID.String(), "-", "_") + `_gr_e_ma"`,
			`"chunk_size":1000`, `"initial_operation_id":null`}})
	require.NotEqual(t, tag, changed.Header.Get("ETag"))
	read = w.Request(testworld.Scenario{Method: http.MethodGet, URL: path, As: &alice, Status: http.StatusOK})
	require.Equal(t, read.Header.Get("ETag"), changed.Header.Get("ETag"))
	w.HTTP(t,
		testworld.Scenario{Name: "the tag of before", Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusPreconditionFailed, Pure: true,
			Headers: map[string]string{"If-Match": tag}, Body: map[string]any{"name": "n"}},
		testworld.Scenario{Name: "any", Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusOK, Pure: true,
			Headers: map[string]string{"If-Match": "*"}, Body: map[string]any{}},
		testworld.Scenario{Name: "no interval", Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusBadRequest, Pure: true,
			Body: map[string]any{"sync_mode": "continuous"}, Has: []string{"sync_interval_missing"}},
		testworld.Scenario{Name: "a short interval", Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: map[string]any{"sync_interval_minutes": 1}},
		testworld.Scenario{Name: "no body", Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusBadRequest, Pure: true},
		testworld.Scenario{Name: "the wrong type", Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: map[string]any{"name": 1, "metadata": "x"}},
		testworld.Scenario{Name: "odd time", Method: http.MethodPut, URL: path, As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: map[string]any{"updated_at": "yesterday"}},
	)
}

func TestSuite_UpdatesUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		c := w.Collection(w.Root)
		require.NoError(t, errors.Join(w.Race(4, func(i int) error {
			_, err := w.Collections.Update(w.As(w.Root), c.ID, collections.UpdateInput{Name: new(fmt.Sprintf("name %d", i))})
			return err
		})...))
		require.EqualValues(t, 4, w.Int(`select count(*) from audit_log where action = 'collection.update'`))
		now := w.Read(c.ID)
		require.True(t, strings.HasSuffix(now.VectorStoreName, strings.ReplaceAll(now.Name, " ", "_")), "%s %s", now.Name, now.VectorStoreName)
	}, testworld.NoWorker())
}
