package partitions

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// Register adds the module's routes.
func Register(api huma.API, s *Service) {
	const whoMay = " For superusers in person, and for monitors that send INTERNAL_API_KEY in X-Internal-Api-Key; never for API keys."
	tags, refused := []string{"partitions"}, []int{http.StatusForbidden}
	web.Register(api, huma.Operation{
		OperationID: "get-partition-health", Method: http.MethodGet, Path: "/api/v2/partitions/health", Tags: tags,
		Summary: "Say whether the partitions of the chunks are well",
		Description: "Alerts, metrics, how a chunk comes to its partition, and what came of verifying keys. " +
			"The status is 200 also when the look failed, and the member status says so." + whoMay,
		Security: web.BearerOrInternal(), Errors: refused,
	}, s.handleHealth)
	web.Register(api, huma.Operation{
		OperationID: "get-partition-statistics", Method: http.MethodGet, Path: "/api/v2/partitions/statistics", Tags: tags,
		Summary: "Give the numbers of all partitions, or of one",
		Description: "Rows are estimated from PostgreSQL's statistics. With exact=true each is counted, one request at a time and within a time limit; " +
			"that is for superusers alone." + whoMay,
		Security: web.BearerOrInternal(), Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.handleStatistics)
	web.Register(api, huma.Operation{
		OperationID: "get-partition-recommendations", Method: http.MethodGet, Path: "/api/v2/partitions/recommendations", Tags: tags,
		Summary: "Say what to do about partitions that are not well", Description: "The urgent first." + whoMay,
		Security: web.BearerOrInternal(), Errors: refused,
	}, s.handleRecommendations)
	web.Register(api, huma.Operation{
		OperationID: "get-partition-health-summary", Method: http.MethodGet, Path: "/api/v2/partitions/health-summary", Tags: tags,
		Summary: "List the partitions with their health", Description: "Every partition, by its number." + whoMay,
		Security: web.BearerOrInternal(), Errors: refused,
	}, s.handleSummary)
}

type healthAnswer struct{ Body healthBody }

func (s *Service) handleHealth(ctx context.Context, _ *struct{}) (*healthAnswer, error) {
	health, err := s.Health(ctx)
	if err != nil {
		return nil, err
	}
	return &healthAnswer{newHealthBody(health)}, nil
}

type statisticsRequest struct {
	PartitionNum optionalNumber `query:"partition_num" minimum:"0" doc:"Only this partition, by its number from 0."`
	Exact        bool           `query:"exact" doc:"Count every row instead of estimating; for superusers."`
}

type statisticsAnswer struct{ Body statisticsBody }

func (s *Service) handleStatistics(ctx context.Context, in *statisticsRequest) (*statisticsAnswer, error) {
	statistics, err := s.Statistics(ctx, in.PartitionNum.pointer(), in.Exact)
	if err != nil {
		return nil, err
	}
	return &statisticsAnswer{newStatisticsBody(statistics)}, nil
}

type recommendationsAnswer struct{ Body recommendationsBody }

func (s *Service) handleRecommendations(ctx context.Context, _ *struct{}) (*recommendationsAnswer, error) {
	report, err := s.Report(ctx)
	if err != nil {
		return nil, err
	}
	return &recommendationsAnswer{newRecommendationsBody(report)}, nil
}

type summaryAnswer struct{ Body summaryBody }

func (s *Service) handleSummary(ctx context.Context, _ *struct{}) (*summaryAnswer, error) {
	report, err := s.Report(ctx)
	if err != nil {
		return nil, err
	}
	return &summaryAnswer{newSummaryBody(report)}, nil
}
