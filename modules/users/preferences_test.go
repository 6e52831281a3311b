package users_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/testworld"
)

const preferencesPath = "/api/v2/preferences"

const (
	defaultSearch     = `"search":{"top_k":10,"mode":"dense","use_reranker":false,"rrf_k":60,"similarity_threshold":null,"use_hyde":false,"hyde_quality_tier":"low","hyde_timeout_seconds":30}`
	defaultCollection = `"collection_defaults":{"embedding_model":null,"quantization":"float16","chunking_strategy":"recursive","chunk_size":1024,"chunk_overlap":200,"enable_sparse":false,"sparse_type":"bm25","enable_hybrid":false}`
	defaultInterface  = `"interface":{"data_refresh_interval_ms":30000,"visualization_sample_limit":200000,"animation_enabled":true}`
)

func TestPreferences_EachSectionIsReplacedAndResetByItself(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	ask := func(method, path string, body any, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: method + " " + path, As: &alice, Method: method, URL: preferencesPath + path, Body: body, Status: http.StatusOK, Has: has}
	}
	put := func(body string, has ...string) testworld.Scenario { return ask(http.MethodPut, "", body, has...) }
	w.HTTP(t,
		ask(http.MethodGet, "", nil, defaultSearch, defaultCollection, defaultInterface, `"created_at":"20`, `"updated_at":"20`),
		put(`{}`, defaultSearch, defaultCollection, defaultInterface),
		put(`{"search":null,"interface":null}`, defaultSearch, defaultCollection, defaultInterface),
		put(`{"search":{"top_k":250,"mode":"hybrid","use_reranker":true,"rrf_k":1,"similarity_threshold":0.25,"use_hyde":true,"hyde_quality_tier":"high","hyde_timeout_seconds":60}}`,
			`"search":{"top_k":250,"mode":"hybrid","use_reranker":true,"rrf_k":1,"similarity_threshold":0.25,"use_hyde":true,"hyde_quality_tier":"high","hyde_timeout_seconds":60}`,
			defaultCollection, defaultInterface),
		put(`{"interface":{"animation_enabled":false}}`, `"top_k":250`, `"animation_enabled":false`, `"data_refresh_interval_ms":30000`),
		put(`{"search":{"top_k":null,"use_hyde":null,"rrf_k":7}}`, `"search":{"top_k":10,"mode":"dense","use_reranker":false,"rrf_k":7,`, `"animation_enabled":false`),
		put(`{"collection_defaults":{"embedding_model":"Qwen/é","chunk_size":100,"quantization":"int8","enable_sparse":true,"sparse_type":"splade","enable_hybrid":true}}`,
			`"collection_defaults":{"embedding_model":"Qwen/é","quantization":"int8","chunking_strategy":"recursive","chunk_size":100,"chunk_overlap":20,"enable_sparse":true,"sparse_type":"splade","enable_hybrid":true}`),
		ask(http.MethodPost, "/reset/interface", nil, defaultInterface, `"rrf_k":7`, `"chunk_size":100`),
		ask(http.MethodPost, "/reset/search", nil, defaultInterface, defaultSearch, `"chunk_size":100`),
		ask(http.MethodPost, "/reset/collection-defaults", nil, defaultInterface, defaultSearch, defaultCollection),
		ask(http.MethodPost, "/reset/collection-defaults", nil, defaultCollection),
		testworld.Scenario{Name: "another's are not touched", As: &bob, Method: http.MethodGet, URL: preferencesPath, Status: http.StatusOK, Has: []string{defaultSearch}, Pure: true},
		testworld.Scenario{Name: "no such section", As: &alice, Method: http.MethodPost, URL: preferencesPath + "/reset/collection_defaults", Status: http.StatusNotFound, Has: []string{"preferences_section_not_found"}, Pure: true},
	)
	t.Run("what was read can be sent back", func(t *testing.T) {
		read := w.Request(ask(http.MethodGet, "", nil))
		again := w.Request(put(read.Body, defaultSearch, defaultCollection, defaultInterface))
		require.Equal(t, read.JSON(t)["created_at"], again.JSON(t)["created_at"])
		require.NotEqual(t, read.JSON(t)["updated_at"], again.JSON(t)["updated_at"])
	})
}

func TestPreferences_EveryBadFieldIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	bad := func(name, body string, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPut, URL: preferencesPath, Body: body, Status: http.StatusUnprocessableEntity, Has: has, Pure: true}
	}
	long := strings.Repeat("x", 256)
	w.HTTP(t,
		bad("all of search", `{"search":{"top_k":0,"mode":"x","rrf_k":1001,"similarity_threshold":1.1,"hyde_quality_tier":"","hyde_timeout_seconds":-1}}`,
			`"body.search.top_k"`, `"body.search.mode"`, `"body.search.rrf_k"`, `"body.search.similarity_threshold"`, `"body.search.hyde_quality_tier"`, `"body.search.hyde_timeout_seconds"`),
		bad("all of the defaults", `{"collection_defaults":{"embedding_model":"`+long+`","quantization":"float8","chunking_strategy":"Recursive","chunk_size":99,"chunk_overlap":1001,"sparse_type":"bm26"}}`,
			`"body.collection_defaults.embedding_model"`, `"body.collection_defaults.quantization"`, `"body.collection_defaults.chunking_strategy"`,
			`"body.collection_defaults.chunk_size"`, `"body.collection_defaults.chunk_overlap"`, `"body.collection_defaults.sparse_type"`),
		bad("all of the interface", `{"interface":{"data_refresh_interval_ms":999,"visualization_sample_limit":10000001}}`,
			`"body.interface.data_refresh_interval_ms"`, `"body.interface.visualization_sample_limit"`),
		bad("one in each section", `{"search":{"top_k":251},"collection_defaults":{"chunk_size":10001},"interface":{"data_refresh_interval_ms":3600001}}`,
			`"body.search.top_k"`, `"body.collection_defaults.chunk_size"`, `"body.interface.data_refresh_interval_ms"`),
		bad("a good section beside a bad one", `{"interface":{"animation_enabled":false},"search":{"top_k":0}}`, `"body.search.top_k"`),
		bad("an overlap as large as the size", `{"collection_defaults":{"chunk_size":200,"chunk_overlap":200}}`, "must be less than chunk_size, which is 200"),
		bad("a blank model", `{"collection_defaults":{"embedding_model":" "}}`, "embedding_model"),
		bad("a NUL in a model", `{"collection_defaults":{"embedding_model":"a\u0000"}}`, "embedding_model"),
		bad("a text for a number", `{"search":{"top_k":"10"}}`, "body.search.top_k"),
		bad("a number for a section", `{"search":1}`, "body.search"),
		bad("a large number", `{"search":{"rrf_k":1e300}}`, "search.rrf_k"),
		testworld.Scenario{Name: "unknown members are ignored", As: &w.Root, Method: http.MethodPut, URL: preferencesPath, Status: http.StatusOK,
			Body: `{"theme":"dark","is_superuser":true,"search":{"top_k":11,"new":{"x":1}}}`, Has: []string{`"top_k":11`}, HasNot: []string{"theme", "new"}},
	)
	require.EqualValues(t, 1, w.Int(`select count(*) from users where preferences - 'search' = '{}' and not preferences->'search' ? 'new'`))
}

func TestPreferences_WhatCannotBeReadHasItsDefaults(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	for _, stored := range []string{`{}`, `{"search": 1, "interface": null}`, `{"search": {"top_k": "many", "rrf_k": 9}}`, `{"search": [], "other": {}}`} {
		w.Exec(`update users set preferences = $2 where id = $1`, w.Root.ID, stored)
		w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: preferencesPath, Status: http.StatusOK, Has: []string{defaultSearch, defaultCollection, defaultInterface}})
	}
}

func TestPreferences_TwoSectionsSavedAtOnceAreBothThere(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	k, animated := 42, false
	inputs := []users.PreferencesInput{
		{Search: &users.SearchPreferencesInput{TopK: &k}}, {Interface: &users.InterfacePreferencesInput{AnimationEnabled: &animated}},
	}
	for _, err := range w.Race(8, func(i int) error {
		_, err := w.Users.SetPreferences(w.As(w.Root), inputs[i%2])
		return err
	}) {
		require.NoError(t, err)
	}
	p, err := w.Users.Preferences(w.As(w.Root))
	require.NoError(t, err)
	require.Equal(t, 42, p.Search.TopK)
	require.False(t, p.Interface.AnimationEnabled)
}

func TestPreferences_AreSavedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	k := 42
	changed := w.FailEach(func() error {
		_, err := w.Users.SetPreferences(w.As(w.Root), users.PreferencesInput{Search: &users.SearchPreferencesInput{TopK: &k}})
		return err
	})
	require.Equal(t, []string{"public.users"}, changed)
	changed = w.FailEach(func() error {
		_, err := w.Users.ResetPreferences(w.As(w.Root), "search")
		return err
	})
	require.Equal(t, []string{"public.users"}, changed)
	require.Len(t, w.Trace.Record(func() { _, _ = w.Users.Preferences(w.As(w.Root)) }), 1, "reading them is one statement")
}

func TestSettings_ThereAreNoneAndWhateverIsNamedIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	const path = "/api/v2/system-settings"
	patch := func(body string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: "PATCH " + body[:min(len(body), 40)], As: &w.Root, Method: http.MethodPatch, URL: path, Body: body, Status: status, Has: has, Pure: true}
	}
	w.HTTP(t,
		testworld.Scenario{As: &alice, Method: http.MethodGet, URL: path + "/effective", Status: http.StatusOK, Has: []string{`{"settings":{}}`}},
		testworld.Scenario{As: &alice, Method: http.MethodGet, URL: path + "/defaults", Status: http.StatusOK, Has: []string{`{"defaults":{}}`}},
		patch(`{}`, http.StatusOK, `{"updated":[],"settings":{}}`),
		patch(`{"settings":{}}`, http.StatusOK, `{"updated":[],"settings":{}}`),
		patch(`{"max_collections":5}`, http.StatusBadRequest, "setting_unknown", "max_collections"),
		patch(`{"b":5,"a":null}`, http.StatusBadRequest, `\"a\"`),
		patch(`{"settings":{"max_collections":5}}`, http.StatusBadRequest, "max_collections"),
		patch(`{"settings":5}`, http.StatusBadRequest, `\"settings\"`),
		patch(`{"`+strings.Repeat("x", 5000)+`":1}`, http.StatusBadRequest, "xxx"),
		patch(`[]`, http.StatusUnprocessableEntity),
		testworld.Scenario{Name: "no superuser", As: &alice, Method: http.MethodPatch, URL: path, Body: `{"x":1}`, Status: http.StatusForbidden, Has: []string{"superuser_required"}, HasNot: []string{`\"x\"`}, Pure: true},
	)
}

// Whatever is sent, it is saved within the limits, or every wrong field is named.
func FuzzPreferencesInput(f *testing.F) {
	f.Add(`{"Search":{"TopK":1,"Mode":"dense","SimilarityThreshold":0.5}}`)
	f.Add(`{"CollectionDefaults":{"ChunkSize":100,"ChunkOverlap":100}}`)
	f.Add(`{"Interface":{"DataRefreshIntervalMS":-1}}`)
	f.Fuzz(func(t *testing.T, body string) {
		var in users.PreferencesInput
		if json.Unmarshal([]byte(body), &in) != nil {
			return // the server refuses it before anybody looks at the fields
		}
		p, err := in.Stored()
		if err != nil {
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
			require.NotEmpty(t, apperr.From(err).Fields)
			return
		}
		require.True(t, p.Search.TopK >= 1 && p.Search.TopK <= 250)
		require.Less(t, p.CollectionDefaults.ChunkOverlap, p.CollectionDefaults.ChunkSize)
		require.Contains(t, users.ChunkingStrategyNames, p.CollectionDefaults.ChunkingStrategy)
		require.GreaterOrEqual(t, p.Interface.DataRefreshIntervalMS, 1000)
	})
}
