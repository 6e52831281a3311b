package collections_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// wizard is what the wizard of the web interface sends when nothing was changed in
// it.
const wizard = `{
	"name": "From the wizard", "description": "", "embedding_model": "dense_local", "quantization": "float16",
	"is_public": false, "chunking_strategy": "semantic", "chunking_config": {},
	"sync_mode": "one_time", "sync_interval_minutes": null, "sparse_index_config": null,
	"pipeline_config": {"id": "pipeline-1", "version": "1.0", "nodes": [
		{"id": "parser", "type": "parser", "plugin_id": "text", "config": {}},
		{"id": "chunker", "type": "chunker", "plugin_id": "semantic", "config": {}},
		{"id": "embedder", "type": "embedder", "plugin_id": "dense_local", "config": {}}],
	"edges": [
		{"from_node": "_source", "to_node": "parser", "when": null},
		{"from_node": "parser", "to_node": "chunker", "when": null},
		{"from_node": "chunker", "to_node": "embedder", "when": null}]}}`

func TestCreate_TakesWhatTheWizardSends(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	made := w.Request(testworld.Scenario{Method: http.MethodPost, URL: "/api/v2/collections", As: &alice, Body: wizard, Status: http.StatusCreated,
		Has: []string{`"embedding_model":"dense_local"`, `"chunking_strategy":"semantic"`, `"status":"pending"`, `"sync_mode":"one_time"`,
			`"chunking_config":{"chunk_overlap":200,"chunk_size":1000,"preserve_sentences":true}`},
		HasNot: []string{"pipeline"}})
	require.NotEmpty(t, made.Header.Get("ETag"))
	id, ok := made.JSON(t)["id"].(string)
	require.True(t, ok)
	w.Await("the collection is ready", func() bool {
		return testworld.Value[string](w, `select status from collections where id = $1`, id) == "ready"
	})
	w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/api/v2/collections/" + id, As: &alice, Status: http.StatusOK,
		Has: []string{`"chunk_size":1000`}, HasNot: []string{"pipeline"}})
	require.Equal(t, "dense_local", testworld.Value[string](w, `select pipeline_config #>> '{nodes,2,plugin_id}' from collections where id = $1`, id))
}

func TestCreate_WithItsFirstSourceLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice := w.User("alice")
	changed := w.FailEach(func() error {
		_, err := w.Collections.Create(w.As(alice), collections.CreateInput{
			Name: "Notes", Source: json.RawMessage(`{"source_type": "upload", "source_path": " notes/2026 ", "source_config": {"tag": "a"}}`),
		})
		return err
	})
	require.Equal(t, []string{"public.audit_log", "public.collection_sources", "public.collections", "public.operations", "river.river_job"}, changed)
	require.Equal(t, `upload notes/2026 {"tag": "a"}`, testworld.Value[string](w,
		`select source_type || ' ' || source_path || ' ' || source_config from collection_sources`))
	require.EqualValues(t, 1, w.Int(`
select count(*)
from operations o
join collection_sources s on s.collection_id = o.collection_id
where (o.config #>> '{sources,0,source_id}')::bigint = s.id
  and o.config #>> '{sources,0,source_path}' = 'notes/2026'`))
	require.JSONEq(t, `{"name": "Notes", "is_public": false}`, testworld.Value[string](w, `select details::text from audit_log where action = 'collection.create'`))
	w.Finish(testworld.Value[[16]byte](w, `select uuid from operations`))
}

func TestCreate_WhatIsWrongWithASource(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	before := w.Snapshot()
	for name, c := range map[string]struct {
		source string
		code   string
		kind   apperr.Kind
	}{
		"a folder of the server's":   {`{"source_type": "directory", "source_path": "/etc"}`, "directory_sources_off", apperr.Forbidden},
		"a type that nobody knows":   {`{"source_type": "git", "source_path": "x"}`, "unknown_source_type", apperr.Malformed},
		"no type":                    {`{"source_path": "x"}`, "invalid_input", apperr.Invalid},
		"no object":                  {`"upload"`, "invalid_input", apperr.Invalid},
		"a type that is no text":     {`{"source_type": 1}`, "invalid_input", apperr.Invalid},
		"a path too long":            {`{"source_type": "upload", "source_path": "` + strings.Repeat("x", 2049) + `"}`, "invalid_input", apperr.Invalid},
		"a config that is no object": {`{"source_type": "upload", "source_config": [1]}`, "invalid_input", apperr.Invalid},
		"a NUL in the config":        {`{"source_type": "upload", "source_config": {"a": "\u0000"}}`, "invalid_input", apperr.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", Source: json.RawMessage(c.source)})
			require.Equal(t, c.code, apperr.CodeOf(err), "%v", err)
			require.Equal(t, c.kind, apperr.KindOf(err))
		})
	}
	require.Empty(t, before.Changed(w.Snapshot()))
	_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", Source: json.RawMessage(`{"source_type": "directory"}`)})
	require.ErrorContains(t, err, "DOCUMENT_ROOTS")
	_, err = w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", Source: json.RawMessage(`{"source_type": "upload"}`)})
	require.NoError(t, err)
	require.Equal(t, "upload {}", testworld.Value[string](w, `select source_path || ' ' || source_config from collection_sources`))
}

func TestCreate_CompletesTheChunkingConfig(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	for name, c := range map[string]struct {
		in   collections.CreateInput
		want string
		// size and overlap are the collection's own fields.
		size, overlap int
	}{
		"nothing said":            {collections.CreateInput{}, `{"chunk_size": 1000, "chunk_overlap": 200, "preserve_sentences": true}`, 1000, 200},
		"the collection's fields": {collections.CreateInput{ChunkSize: new(500), ChunkOverlap: new(7)}, `{"chunk_size": 500, "chunk_overlap": 7, "preserve_sentences": true}`, 500, 7},
		"what the config says goes before": {collections.CreateInput{ChunkSize: new(500), ChunkOverlap: new(7), ChunkingConfig: json.RawMessage(`{"chunk_size": 600, "chunk_overlap": 8}`)},
			`{"chunk_size": 600, "chunk_overlap": 8, "preserve_sentences": true}`, 600, 8},
		"a size alone has an overlap that fits": {collections.CreateInput{ChunkingConfig: json.RawMessage(`{"chunk_size": 10}`)},
			`{"chunk_size": 10, "chunk_overlap": 2, "preserve_sentences": true}`, 10, 2},
		"the largest": {collections.CreateInput{ChunkingConfig: json.RawMessage(`{"chunk_size": "100000", "chunk_overlap": "99999"}`)},
			`{"chunk_size": 100000, "chunk_overlap": 99999, "preserve_sentences": true}`, 100_000, 99_999},
		"numbers and truth values as texts": {collections.CreateInput{ChunkingConfig: json.RawMessage(
			`{"chunk_size": "1024", "breakpoint_percentile_threshold": "90", "ratio": "-0.50", "big": "1e3", "preserve_sentences": "false", "max_header_level": 6}`)},
			`{"chunk_size": 1024, "chunk_overlap": 200, "breakpoint_percentile_threshold": 90, "ratio": -0.50, "big": 1e3, "preserve_sentences": false, "max_header_level": 6}`, 1024, 200},
		"texts that are none, and what is not known": {collections.CreateInput{ChunkingConfig: json.RawMessage(
			`{"chunk_sizes": "1024,2048,4096", "code": "007", "plus": "+1", "yes": "True", "list": ["1"], "inner": {"n": "1"}, "huge": "1e9999", "digits": 12345678901234567890.5, "none": null}`)},
			`{"chunk_size": 1000, "chunk_overlap": 200, "preserve_sentences": true, "chunk_sizes": "1024,2048,4096", "code": "007", "plus": "+1", "yes": "True",
			"list": ["1"], "inner": {"n": "1"}, "huge": "1e9999", "digits": 12345678901234567890.5, "none": null}`, 1000, 200},
		"null is nothing": {collections.CreateInput{ChunkingConfig: json.RawMessage(`{"chunk_size": null, "chunk_overlap": null}`)},
			`{"chunk_size": 1000, "chunk_overlap": 200, "preserve_sentences": true}`, 1000, 200},
		"a whole number in another spelling": {collections.CreateInput{ChunkingConfig: json.RawMessage(`{"chunk_size": 5.12e2, "chunk_overlap": 1.0}`)},
			`{"chunk_size": 512, "chunk_overlap": 1, "preserve_sentences": true}`, 512, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Name, c.in.ChunkingStrategy = "c "+name, new(" Recursive_Text ")
			created, err := w.Collections.Create(w.As(w.Root), c.in)
			require.NoError(t, err)
			now := w.In(t).Read(created.ID)
			require.JSONEq(t, c.want, string(now.ChunkingConfig))
			require.Equal(t, [2]int{c.size, c.overlap}, [2]int{now.ChunkSize, now.ChunkOverlap})
			require.Equal(t, "recursive", *now.ChunkingStrategy)
		})
	}
}

func TestCreate_ErrBadChunkingConfig(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	before := w.Snapshot()
	for _, config := range []string{
		`{"chunk_size": 9}`, `{"chunk_size": 100001}`, `{"chunk_size": "9"}`, `{"chunk_size": "large"}`, `{"chunk_size": 10.5}`, `{"chunk_size": true}`,
		`{"chunk_size": -1000}`, `{"chunk_size": 1e300}`, `{"chunk_size": [1000]}`, `{"chunk_overlap": -1}`, `{"chunk_overlap": "some"}`,
		`{"chunk_size": 100, "chunk_overlap": 100}`, `{"chunk_overlap": 1000}`,
	} {
		_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", ChunkingStrategy: new("semantic"), ChunkingConfig: json.RawMessage(config)})
		require.ErrorIs(t, err, collections.ErrBadChunkingConfig, config)
		require.Equal(t, apperr.Malformed, apperr.KindOf(err))
	}
	_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", ChunkingStrategy: new("semantic"), ChunkOverlap: new(50), ChunkingConfig: json.RawMessage(`{"chunk_size": 40}`)})
	require.ErrorIs(t, err, collections.ErrBadChunkingConfig, "an overlap that was given is not changed in silence")
	require.Empty(t, before.Changed(w.Snapshot()))
}

func TestCreate_ErrBadPipelineNamesTheRule(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	body := func(pipeline string) string { return `{"name": "n", "pipeline_config": ` + pipeline + `}` }
	w.HTTP(t,
		testworld.Scenario{Name: "no embedder", Method: http.MethodPost, URL: "/api/v2/collections", As: &alice, Status: http.StatusBadRequest, Pure: true,
			Body: body(`{"nodes": [{"id": "a", "type": "parser", "plugin_id": "p"}], "edges": []}`), Has: []string{`"rule":"one_embedder"`, "bad_pipeline_config"}},
		testworld.Scenario{Name: "a circle", Method: http.MethodPost, URL: "/api/v2/collections", As: &alice, Status: http.StatusBadRequest, Pure: true,
			Body: body(`{"nodes": [{"id": "a", "type": "embedder", "plugin_id": "p"}], "edges": [{"from_node": "a", "to_node": "a"}]}`), Has: []string{`"rule":"no_cycle"`}},
		testworld.Scenario{Name: "nothing in it", Method: http.MethodPost, URL: "/api/v2/collections", As: &alice, Status: http.StatusBadRequest, Pure: true,
			Body: body(`{}`), Has: []string{`"rule":"form"`}},
		testworld.Scenario{Name: "no object", Method: http.MethodPost, URL: "/api/v2/collections", As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: body(`[]`), Has: []string{"body.pipeline_config"}},
		testworld.Scenario{Name: "too long", Method: http.MethodPost, URL: "/api/v2/collections", As: &alice, Status: http.StatusUnprocessableEntity, Pure: true,
			Body: body(`{"id": "` + strings.Repeat("x", 1<<16) + `"}`), Has: []string{"body.pipeline_config"}},
	)
}

func TestCreate_ASparseIndexIsCheckedAndHasNoEffect(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	create := func(config string) error {
		_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: uuid.NewString(), SparseIndexConfig: json.RawMessage(config)})
		return err
	}
	for _, config := range []string{`{"enabled": true}`, `{"enabled": true, "plugin_id": " "}`, `{"enabled": "yes"}`, `[]`, `{"model_config_data": 1}`,
		`{"plugin_id": "` + strings.Repeat("x", 256) + `"}`} {
		require.Equal(t, apperr.Invalid, apperr.KindOf(create(config)), config)
	}
	before := w.Int(`select count(*) from collections`)
	for i, config := range []string{`{"enabled": true, "plugin_id": "bm25-local", "model_config_data": {"k1": 1.5}}`, ` {"enabled": false}`, `  null`} {
		require.NoError(t, create(config))
		require.Equal(t, before+int64(i)+1, w.Int(`select count(*) from collections`))
	}
}

func TestCreate_SynchronisedContinuouslyOnlyWithAnInterval(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", SyncMode: new("continuous")})
	require.Equal(t, "body.sync_interval_minutes", apperr.From(err).Fields[0].Location)
	_, err = w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", SyncMode: new("continuous"), SyncIntervalMinutes: new(14)})
	require.Equal(t, apperr.Invalid, apperr.KindOf(err))
	created, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "n", SyncMode: new("continuous"), SyncIntervalMinutes: new(15)})
	require.NoError(t, err)
	require.Equal(t, 15, *w.Read(created.ID).SyncIntervalMinutes)
}

func FuzzCreateInput_NeverPanicsAndCompletesWhatItTakes(f *testing.F) {
	f.Add("Notes", "semantic", `{"chunk_size": "1024"}`, wizard, `{"source_type": "upload"}`, 1000)
	f.Add("a/b", "", `[]`, `null`, `{}`, -1)
	f.Add("\xff", "MD", `{"chunk_size": 1e400}`, `{"nodes": []}`, `{"source_path": "\ud800"}`, 1<<40)
	f.Fuzz(func(t *testing.T, name, strategy, chunking, pipeline, source string, size int) {
		in := collections.CreateInput{
			Name: name, ChunkingStrategy: &strategy, ChunkingConfig: json.RawMessage(chunking), PipelineConfig: json.RawMessage(pipeline),
			Source: json.RawMessage(source), SparseIndexConfig: json.RawMessage(pipeline), ChunkSize: &size,
		}
		if err := in.Validate(); err != nil {
			require.Contains(t, []apperr.Kind{apperr.Invalid, apperr.Malformed, apperr.Forbidden}, apperr.KindOf(err), "%v", err)
		}
	})
}
