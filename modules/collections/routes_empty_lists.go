package collections

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// What existing clients ask for and this system does not have: each list answers in
// its right shape, and has nothing in it until there is something to list. When
// there is, the route moves to the module whose it is.

// registerEmptyLists adds the routes.
func registerEmptyLists(api huma.API, s *Service) {
	version := api.OpenAPI().Info.Version
	emptyList(api, s, "plugins", "plugins", func(*struct{}) pluginsBody { return pluginsBody{} })
	emptyList(api, s, "plugins/available", "available-plugins", func(*struct{}) availablePluginsBody {
		return availablePluginsBody{SemantikVersion: version}
	})
	emptyList(api, s, "plugins/pipeline", "pipeline-plugins", func(*struct{}) pluginsBody { return pluginsBody{} })
	emptyList(api, s, "mcp/profiles", "mcp-profiles", func(*struct{}) profilesBody { return profilesBody{} })
	emptyList(api, s, "benchmark-datasets", "benchmark-datasets", func(in *emptyPage) datasetsBody {
		return datasetsBody{PageInfo: in.Info(0)}
	})
	emptyList(api, s, "benchmarks", "benchmarks", func(in *emptyPage) benchmarksBody {
		return benchmarksBody{PageInfo: in.Info(0)}
	})
	emptyList(api, s, "models", "models", func(*struct{}) modelsBody { return modelsBody{} })
	emptyList(api, s, "agent/conversations", "conversations", func(*struct{}) conversationsBody { return conversationsBody{} })

	web.Register(api, huma.Operation{
		OperationID: "list-projections", Method: http.MethodGet, Path: "/api/v2/collections/{collection_id}/projections",
		Tags: []string{"collections"}, Summary: "List a collection's projections", Description: nothingYet,
		Security: web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *getRequest) (*emptyAnswer[projectionsBody], error) {
		return &emptyAnswer[projectionsBody]{}, s.ListNothingOf(ctx, in.CollectionID.UUID)
	})
}

const nothingYet = "There are none yet: the list is empty."

// emptyList adds the route of one list.
func emptyList[I, B any](api huma.API, s *Service, path, name string, body func(in *I) B) {
	web.Register(api, huma.Operation{
		OperationID: "list-" + name, Method: http.MethodGet, Path: "/api/v2/" + path, Tags: []string{"empty"},
		Description: nothingYet, Security: web.Bearer(), Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, in *I) (*emptyAnswer[B], error) {
		return &emptyAnswer[B]{body(in)}, s.ListNothing(ctx)
	})
}

type emptyPage struct{ web.Page }

type emptyAnswer[B any] struct{ Body B }

// nothing is what an empty list has.
type nothing map[string]any

type pluginsBody struct {
	Plugins []nothing `json:"plugins"`
}

type availablePluginsBody struct {
	Plugins         []nothing `json:"plugins"`
	SemantikVersion string    `json:"semantik_version"`
}

type profilesBody struct {
	Profiles []nothing `json:"profiles"`
	Total    int64     `json:"total"`
}

type datasetsBody struct {
	Datasets []nothing `json:"datasets"`
	web.PageInfo
}

type benchmarksBody struct {
	Benchmarks []nothing `json:"benchmarks"`
	web.PageInfo
}

// cacheSize is null as long as there is no cache of models.
type cacheSize map[string]any

type modelsBody struct {
	Models           []nothing  `json:"models"`
	CacheSize        *cacheSize `json:"cache_size"`
	HFCacheScanError *string    `json:"hf_cache_scan_error"`
}

type conversationsBody struct {
	Conversations []nothing `json:"conversations"`
	Total         int64     `json:"total"`
}

type projectionsBody struct {
	Projections []nothing `json:"projections"`
}
