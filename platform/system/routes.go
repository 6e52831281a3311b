package system

import (
	"context"
	"net/http"
	"runtime"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/auth"
	"semantik/platform/metrics"
	"semantik/platform/web"
)

// Register adds the routes.
func Register(api huma.API, s *Service) {
	tags := []string{"system"}
	text := map[string]*huma.MediaType{metrics.ContentType: {Schema: &huma.Schema{Type: huma.TypeString}}}
	web.Register(api, huma.Operation{
		OperationID: "get-metrics", Method: http.MethodGet, Path: "/metrics", Tags: tags,
		Summary:     "Give the metrics as Prometheus collects them",
		Description: "For superusers in person, and for a collector that sends METRICS_TOKEN as its bearer token; never for API keys. What the database has to be asked for is at most fifteen seconds old.",
		Security:    web.BearerOrMetrics(), Errors: []int{http.StatusForbidden},
		Responses: map[string]*huma.Response{"200": {Description: "The metrics, in Prometheus's text form.", Content: text}},
	}, s.handleText)
	web.Register(api, huma.Operation{
		OperationID: "get-metrics-json", Method: http.MethodGet, Path: "/api/metrics", Tags: tags,
		Summary:     "Give the metrics within JSON",
		Description: "The same text as /metrics, for whoever is signed in.",
		Security:    web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handleJSON)
	web.Register(api, huma.Operation{
		OperationID: "get-system-health", Method: http.MethodGet, Path: "/api/v2/system/health", Tags: tags,
		Summary: "Say how the database and each other part is", Description: "The status is 200 also when a part is down.",
		Metadata: web.Unlimited(),
	}, s.handleHealth)
	web.Register(api, huma.Operation{
		OperationID: "get-system-info", Method: http.MethodGet, Path: "/api/v2/system/info", Tags: tags,
		Summary:  "Say which version runs, on what, and within which limits",
		Metadata: web.Unlimited(),
	}, s.handleInfo)
	web.Register(api, huma.Operation{
		OperationID: "get-system-status", Method: http.MethodGet, Path: "/api/v2/system/status", Tags: tags,
		Summary: "Say which devices and rerankers there are", Description: "There are none.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handleStatus)
	web.Register(api, huma.Operation{
		OperationID: "list-slow-queries", Method: http.MethodGet, Path: "/api/v2/system/slow-queries", Tags: tags,
		Summary: "List the statements that were slow",
		Description: "Those that took SLOW_QUERY_MS or longer, that first which took the most time in all: from PostgreSQL's extension pg_stat_statements where it can be read, " +
			"and else from what this process remembers of its own. No value of any statement is shown. For superusers in person, and never for API keys.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusUnprocessableEntity},
	}, s.handleSlow)
}

type textAnswer struct {
	ContentType string `header:"Content-Type"`
	CacheRule   string `header:"Cache-Control"`
	Body        []byte
}

func (s *Service) handleText(ctx context.Context, _ *struct{}) (*textAnswer, error) {
	text, err := s.CollectMetrics(ctx)
	if err != nil {
		return nil, err
	}
	return &textAnswer{ContentType: metrics.ContentType, CacheRule: "no-store", Body: []byte(text)}, nil
}

type metricsAnswer struct{ Body metricsTextBody }

func (s *Service) handleJSON(ctx context.Context, _ *struct{}) (*metricsAnswer, error) {
	text, err := s.MetricsText(ctx)
	if err != nil {
		return nil, err
	}
	return &metricsAnswer{metricsTextBody{Available: true, MetricsPort: s.Server.Port(), Data: text}}, nil
}

type partsAnswer struct{ Body map[string]web.Health }

func (s *Service) handleHealth(ctx context.Context, _ *struct{}) (*partsAnswer, error) {
	parts := s.Server.Health(ctx)
	if h, there := parts["database"]; there {
		delete(parts, "database")
		parts["postgres"] = h
	}
	return &partsAnswer{parts}, nil
}

type infoAnswer struct{ Body systemInfoBody }

func (s *Service) handleInfo(ctx context.Context, _ *struct{}) (*infoAnswer, error) {
	body := systemInfoBody{Version: s.Version, Environment: "production", GoVersion: runtime.Version()}
	if v := s.PostgresVersion(ctx); v != "" {
		body.PostgresVersion = &v
	}
	return &infoAnswer{body}, nil
}

type statusAnswer struct{ Body systemStatusBody }

func (s *Service) handleStatus(ctx context.Context, _ *struct{}) (*statusAnswer, error) {
	if _, err := auth.RequireScope(ctx, auth.ScopeRead); err != nil {
		return nil, err
	}
	return &statusAnswer{systemStatusBody{AvailableRerankingModels: []string{}}}, nil
}

type slowRequest struct {
	Limit int `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many at most."`
}

type slowAnswer struct{ Body slowQueriesBody }

func (s *Service) handleSlow(ctx context.Context, in *slowRequest) (*slowAnswer, error) {
	slow, err := s.Slow(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	return &slowAnswer{newSlowQueriesBody(slow)}, nil
}
