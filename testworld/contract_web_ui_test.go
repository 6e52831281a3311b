package testworld_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

// collectionKeys are those of a collection, which all are always there.
const collectionKeys = "name description embedding_model quantization chunk_size chunk_overlap chunking_strategy chunking_config is_public metadata default_reranker_id extraction_config id owner_id vector_store_name created_at updated_at document_count vector_count total_size_bytes status status_message error_count initial_operation_id sync_mode sync_interval_minutes sync_paused_at sync_next_run_at sync_last_run_started_at sync_last_run_completed_at sync_last_run_status sync_last_error"

// wizardsPipeline is the graph of the wizard's default create.
const wizardsPipeline = `{"id":"pipeline-1","version":"1","nodes":[
	{"id":"parser","type":"parser","plugin_id":"text","config":{}},
	{"id":"chunker","type":"chunker","plugin_id":"semantic","config":{}},
	{"id":"embedder","type":"embedder","plugin_id":"dense_local","config":{}}],"edges":[
	{"from_node":"_source","to_node":"parser","when":null},
	{"from_node":"parser","to_node":"chunker","when":null},
	{"from_node":"chunker","to_node":"embedder","when":null}]}`

// wizards is the body of its create, with this chunking_config and this pipeline.
func wizards(name, chunkingConfig, pipeline string) string {
	return fmt.Sprintf(`{"name":%q,"embedding_model":"dense_local","chunking_strategy":"semantic","chunking_config":%s,"pipeline_config":%s}`, name, chunkingConfig, pipeline)
}

// pipelineOf is a graph of nodes, each "id:type", and of edges, each "from>to" with what
// else it says after a blank.
func pipelineOf(nodes, edges []string) string {
	for i, n := range nodes {
		id, kind, _ := strings.Cut(n, ":")
		nodes[i] = fmt.Sprintf(`{"id":%q,"type":%q,"plugin_id":"text","config":{}}`, id, kind)
	}
	for i, e := range edges {
		e, more, _ := strings.Cut(e, " ")
		from, to, _ := strings.Cut(e, ">")
		edges[i] = fmt.Sprintf(`{"from_node":%q,"to_node":%q,"when":null%s}`, from, to, more)
	}
	return `{"id":"p","version":"1","nodes":[` + strings.Join(nodes, ",") + `],"edges":[` + strings.Join(edges, ",") + `]}`
}

func TestContract_Section16_TheWizard(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	const post, collections = http.MethodPost, "/api/v2/collections"
	broken := func(rule string, nodes, edges []string) contractRow {
		return contractRow{name: "broken: " + rule, method: post, url: collections, body: wizards(rule, "{}", pipelineOf(nodes, edges)), status: 400,
			has: []string{"bad_pipeline_config"}, values: map[string]any{"rule": rule}}
	}
	ab := func() []string { return []string{"a:parser", "b:embedder"} }
	follow(t, w, []contractRow{
		{name: "its default create", method: post, url: collections, body: wizards("default", "{}", wizardsPipeline), status: 201, keys: keysOf(collectionKeys), only: true,
			values: map[string]any{"status": "pending", "embedding_model": "dense_local", "chunking_strategy": "semantic"}},
		{name: "an extractor, and a parallel path", method: post, url: collections, status: 201, body: wizards("parallel", "{}", pipelineOf(
			[]string{"a:parser", "c:chunker", "x:extractor", "b:embedder"},
			[]string{"_source>a", `a>c ,"parallel":true,"path_name":"plain"`, `a>x ,"parallel":true,"path_name":"facts"`, "x>b", "c>b"}))},
		{name: "a name that is taken", method: post, url: collections, body: wizards("default", "{}", wizardsPipeline), status: 409},

		broken("one_embedder", []string{"a:parser"}, []string{"_source>a"}),
		broken("known_nodes", ab(), []string{"_source>a", "a>b", "a>c"}),
		broken("unique_ids", []string{"a:parser", "a:embedder"}, []string{"_source>a"}),
		broken("no_cycle", []string{"a:parser", "c:chunker", "b:embedder"}, []string{"_source>a", "a>c", "c>a", "c>b"}),
		broken("reachable", []string{"a:parser", "c:chunker", "b:embedder"}, []string{"_source>a", "a>b", "c>b"}),
		broken("reaches_embedder", []string{"a:parser", "c:chunker", "b:embedder"}, []string{"_source>a", "a>b", "a>c"}),
		broken("one_catch_all", []string{"a:parser", "c:parser", "b:embedder"}, []string{"_source>a", "_source>c", "a>b", "c>b"}),
		broken("unique_path_names", []string{"a:parser", "c:chunker", "d:chunker", "b:embedder"},
			[]string{"_source>a", `a>c ,"parallel":true,"path_name":"one"`, `a>d ,"parallel":true,"path_name":"one"`, "c>b", "d>b"}),

		{name: "texts that are numbers and truth values", method: post, url: collections, status: 201, at: "chunking_config",
			body: wizards("texts", `{"chunk_size":"1024","chunk_overlap":"100","preserve_sentences":"true","breakpoint_percentile_threshold":"90","max_header_level":"3","chunk_sizes":"1024,2048,4096","mine":"kept"}`, wizardsPipeline),
			keys: keysOf("chunk_size chunk_overlap preserve_sentences breakpoint_percentile_threshold max_header_level chunk_sizes mine"),
			values: map[string]any{"chunking_config.chunk_size": 1024.0, "chunking_config.preserve_sentences": true, "chunking_config.breakpoint_percentile_threshold": 90.0,
				"chunking_config.max_header_level": 3.0, "chunking_config.chunk_sizes": "1024,2048,4096", "chunking_config.mine": "kept"}},
		{name: "the smallest size", method: post, url: collections, body: wizards("small", `{"chunk_size":10}`, wizardsPipeline), status: 201},
		{name: "the largest size", method: post, url: collections, body: wizards("large", `{"chunk_size":100000}`, wizardsPipeline), status: 201},
		{name: "a smaller one", method: post, url: collections, body: wizards("smaller", `{"chunk_size":9}`, wizardsPipeline), status: 400},
		{name: "a larger one", method: post, url: collections, body: wizards("larger", `{"chunk_size":100001}`, wizardsPipeline), status: 400},
	})
}

func TestContract_Section16_ANewEmptyCollectionBecomesReadyAndOneThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	made := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: "/api/v2/collections", Body: wizards("new", "{}", wizardsPipeline), Status: http.StatusCreated}).JSON(t)
	collection := fmt.Sprint("/api/v2/collections/", made["id"])
	token := "Bearer " + w.Token(w.Root)
	now := func() map[string]any {
		return w.Request(testworld.Scenario{Token: token, Method: http.MethodGet, URL: collection, Status: http.StatusOK}).JSON(t)
	}
	w.Await("it is ready", func() bool { return now()["status"] == "ready" })
	first := w.Request(testworld.Scenario{Token: token, Method: http.MethodGet, URL: fmt.Sprint("/api/v2/operations/", made["initial_operation_id"]), Status: http.StatusOK}).JSON(t)
	require.Equal(t, "index", first["type"])
	require.Subset(t, first["result"], map[string]any{"splitter": "recursive"}, "no model is there for the strategy semantic")
	require.InDelta(t, 0, now()["vector_count"], 0)
	w.Request(testworld.Scenario{Token: token, Method: http.MethodPost, URL: collection + "/documents", Body: aForm("empty.txt", ""), Status: http.StatusAccepted})
	w.Await("it has failed", func() bool { return now()["status"] == "error" })
	require.NotEmpty(t, now()["status_message"])
	w.Request(testworld.Scenario{Token: token, Method: http.MethodPost, URL: collection + "/documents", Body: aForm("a.txt", "A walrus."), Status: http.StatusAccepted})
	w.Await("it is ready again", func() bool { return now()["status"] == "ready" })
	require.InDelta(t, 1, now()["vector_count"], 0)
	require.InDelta(t, 1, now()["error_count"], 0)
}

func TestContract_Section16_TheWizardsSourceIsRecursive(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(root, "below"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "below", "a.txt"), []byte("A walrus."), 0o600))
	w := testworld.New(t, testworld.Setting("DOCUMENT_ROOTS="+root))
	base := "/api/v2/collections/" + w.Collection(w.Root).ID.String()
	follow(t, w, []contractRow{
		{name: "it is added", method: http.MethodPost, url: base + "/sources", body: map[string]any{"source_type": "directory", "source_config": map[string]any{"path": root}, "source_path": root}, status: 202},
		{name: "what lies deeper is there", url: base + "/documents?page=1&limit=50", status: 200, values: map[string]any{"total": 1.0, "documents.0.file_name": "a.txt", "documents.0.status": "completed"}},
	})
}

func TestContract_Section16_WarningsOnlyWhereTheyWereAskedFor(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."})
	const post, path = http.MethodPost, "/api/v2/search"
	body := func(more map[string]any) map[string]any {
		all := map[string]any{"query": "walrus", "collection_uuids": []string{c.ID.String()}, "use_reranker": false, "use_hyde": false}
		maps.Copy(all, more)
		return all
	}
	follow(t, w, []contractRow{
		{name: "neither", method: post, url: path, body: body(nil), status: 200, values: map[string]any{"warnings": []any{}, "reranking_used": false, "hyde_used": false, "total_results": 1.0}},
		{name: "reranking", method: post, url: path, body: body(map[string]any{"use_reranker": true}), status: 200, has: []string{"Reranking is not offered"}, values: map[string]any{"reranking_used": false}},
		{name: "HyDE", method: post, url: path, body: body(map[string]any{"use_hyde": true}), status: 200, has: []string{"HyDE"}, values: map[string]any{"hyde_used": false}},
		{name: "a dense search", method: post, url: path, body: body(map[string]any{"search_mode": "dense"}), status: 200, has: []string{"No embedding model"}, values: map[string]any{"search_mode_used": "sparse"}},
		{name: "a sparse one", method: post, url: path, body: body(map[string]any{"search_mode": "sparse"}), status: 200, values: map[string]any{"warnings": []any{}, "search_mode_used": "sparse"}},
	})
}

func TestContract_Section16_WhatIsPolled(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."})
	follow(t, w, []contractRow{
		{name: "what is being done", url: "/api/v2/operations?status=processing,pending&page=1&per_page=100", status: 200, keys: keysOf("operations total page per_page"), only: true, values: map[string]any{"operations": []any{}, "page": 1.0, "per_page": 100.0}},
		{name: "what was done", url: "/api/v2/operations?limit=50", status: 200, at: "operations.0", keys: keysOf(operationKeys), values: map[string]any{"per_page": 50.0}},
		{name: "the documents", url: "/api/v2/collections/" + c.ID.String() + "/documents?page=1&limit=50", status: 200, at: "documents.0", keys: keysOf(documentKeys), values: map[string]any{"page": 1.0, "per_page": 50.0}},
	})
}

func TestContract_Section16_FurtherEndpoints(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	c := w.Collection(alice)
	const preferences, settings = "/api/v2/preferences", "/api/v2/system-settings"
	object := func(text string) (value map[string]any) {
		require.NoError(t, json.Unmarshal([]byte(text), &value))
		return value
	}
	search := object(`{"top_k":10,"mode":"dense","use_reranker":false,"rrf_k":60,"similarity_threshold":null,"use_hyde":false,"hyde_quality_tier":"low","hyde_timeout_seconds":30}`)
	rows := []contractRow{
		{name: "one's preferences", url: preferences, status: 200, keys: keysOf("search collection_defaults interface created_at updated_at"), only: true, values: map[string]any{
			"search":              search,
			"collection_defaults": object(`{"embedding_model":null,"quantization":"float16","chunking_strategy":"recursive","chunk_size":1024,"chunk_overlap":200,"enable_sparse":false,"sparse_type":"bm25","enable_hybrid":false}`),
			"interface":           object(`{"data_refresh_interval_ms":30000,"visualization_sample_limit":200000,"animation_enabled":true}`)}},
		{name: "any section is put", method: http.MethodPut, url: preferences, body: map[string]any{"search": map[string]any{"top_k": 20}}, status: 200, values: map[string]any{"search.top_k": 20.0, "interface.animation_enabled": true}},
		{name: "search is reset", method: http.MethodPost, url: preferences + "/reset/search", status: 200, values: map[string]any{"search": search}},
		{name: "the defaults are reset", method: http.MethodPost, url: preferences + "/reset/collection-defaults", status: 200},
		{name: "the interface is reset", method: http.MethodPost, url: preferences + "/reset/interface", status: 200},

		{name: "settings", url: settings + "/effective", status: 200, values: map[string]any{"settings": map[string]any{}}},
		{name: "their defaults", url: settings + "/defaults", status: 200, values: map[string]any{"defaults": map[string]any{}}},
		{name: "a change of nothing", as: &w.Root, method: http.MethodPatch, url: settings, body: map[string]any{}, status: 200, keys: keysOf("updated settings"), only: true, values: map[string]any{"updated": []any{}}},
		{name: "a change for others", method: http.MethodPatch, url: settings, body: map[string]any{}, status: 403},
	}
	for path, answer := range map[string]string{
		"plugins":             `{"plugins":[]}`,
		"plugins/available":   `{"plugins":[],"semantik_version":"test"}`,
		"plugins/pipeline":    `{"plugins":[]}`,
		"mcp/profiles":        `{"profiles":[],"total":0}`,
		"benchmark-datasets":  `{"datasets":[],"total":0,"page":1,"per_page":50}`,
		"benchmarks":          `{"benchmarks":[],"total":0,"page":1,"per_page":50}`,
		"models":              `{"models":[],"cache_size":null,"hf_cache_scan_error":null}`,
		"agent/conversations": `{"conversations":[],"total":0}`,
		"collections/" + c.ID.String() + "/projections": `{"projections":[]}`,
	} {
		rows = append(rows, contractRow{name: "nothing yet of " + path, url: "/api/v2/" + path, status: 200, values: map[string]any{"": object(answer)}})
	}
	for i := range rows {
		if rows[i].as == nil {
			rows[i].as = &alice
		}
	}
	follow(t, w, rows)
}
