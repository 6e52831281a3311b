package collections_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/testworld"
)

func TestEmptyLists_HaveTheirRightShape(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	for path, want := range map[string]string{
		"/api/v2/plugins":                               `{"plugins":[]}`,
		"/api/v2/plugins?plugin_type=embedding":         `{"plugins":[]}`,
		"/api/v2/plugins/available":                     `{"plugins":[],"semantik_version":"test"}`,
		"/api/v2/plugins/pipeline":                      `{"plugins":[]}`,
		"/api/v2/mcp/profiles":                          `{"profiles":[],"total":0}`,
		"/api/v2/benchmark-datasets":                    `{"datasets":[],"total":0,"page":1,"per_page":50}`,
		"/api/v2/benchmark-datasets?page=3&per_page=7":  `{"datasets":[],"total":0,"page":3,"per_page":7}`,
		"/api/v2/benchmarks?limit=20":                   `{"benchmarks":[],"total":0,"page":1,"per_page":20}`,
		"/api/v2/models":                                `{"models":[],"cache_size":null,"hf_cache_scan_error":null}`,
		"/api/v2/agent/conversations":                   `{"conversations":[],"total":0}`,
		"/api/v2/agent/conversations?limit=5&offset=10": `{"conversations":[],"total":0}`,
		"/api/v2/collections/" + w.NewCollection(alice).ID.String() + "/projections": `{"projections":[]}`,
	} {
		answer := w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: path, Status: http.StatusOK, Pure: true})
		require.JSONEq(t, want, answer.Body, path)
	}
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/v2/benchmarks?page=0", Status: http.StatusUnprocessableEntity})
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/v2/collections/" + w.NewCollection(w.Root).ID.String() + "/projections",
		Status: http.StatusNotFound, Has: []string{"collection_not_found"}})
}

// What one may prefer can be had.
func TestPreferences_EachChunkingStrategyIsAcceptedByACollection(t *testing.T) {
	t.Parallel()
	for _, strategy := range users.ChunkingStrategyNames {
		require.NoError(t, collections.CreateInput{Name: "c", ChunkingStrategy: &strategy}.Validate(), strategy)
	}
}
