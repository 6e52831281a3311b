package chunks

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

func registerStatistics(api huma.API, s *Service) {
	web.Register(api, huma.Operation{
		OperationID: "get-chunking-statistics", Method: http.MethodGet, Path: "/api/v2/chunking/collections/{collection_id}/chunking-stats", Tags: []string{"chunks"},
		Summary: "Read figures about the chunks of a collection",
		Description: "total_chunks and total_documents count all; the sizes, in characters, are those of 10,000 chunks at the most, " +
			"of documents taken at random: quality_metrics.sampled_chunks says of how many.",
		Security: web.Bearer(), Errors: []int{http.StatusNotFound},
	}, s.handleStatistics)
}

type statisticsRequest struct {
	CollectionID web.UUID `path:"collection_id"`
}

type collectionStatisticsBody struct {
	TotalChunks           int64             `json:"total_chunks"`
	TotalDocuments        int64             `json:"total_documents"`
	AvgChunkSize          float64           `json:"avg_chunk_size" doc:"In characters, as the others are."`
	MinChunkSize          int64             `json:"min_chunk_size"`
	MaxChunkSize          int64             `json:"max_chunk_size"`
	SizeVariance          float64           `json:"size_variance"`
	StrategyUsed          string            `json:"strategy_used" doc:"How documents of the collection are split. Chunks that were loaded were split by their loader."`
	LastUpdated           web.Time          `json:"last_updated" doc:"When the collection or its content was last changed."`
	ProcessingTimeSeconds float64           `json:"processing_time_seconds" doc:"How long the operations took that made the chunks, the newest thousand at most."`
	QualityMetrics        collectionQuality `json:"quality_metrics"`
}

type collectionQuality struct {
	SampledChunks   int64   `json:"sampled_chunks"`
	AvgTokenCount   float64 `json:"avg_token_count" doc:"Of the chunks that came with a number of tokens; 0 where none did."`
	SizeConsistency float64 `json:"size_consistency" doc:"1 where all chunks have one size; it falls to 0 as their standard deviation comes near their mean."`
}

type collectionStatisticsAnswer struct{ Body collectionStatisticsBody }

func (s *Service) handleStatistics(ctx context.Context, in *statisticsRequest) (*collectionStatisticsAnswer, error) {
	all, err := s.Statistics(ctx, in.CollectionID.UUID)
	if err != nil {
		return nil, err
	}
	return &collectionStatisticsAnswer{collectionStatisticsBody{
		TotalChunks: all.Chunks, TotalDocuments: all.Documents,
		AvgChunkSize: all.MeanSize, MinChunkSize: all.MinSize, MaxChunkSize: all.MaxSize, SizeVariance: all.SizeVariance,
		StrategyUsed: all.Strategy, LastUpdated: web.NewTime(all.UpdatedAt), ProcessingTimeSeconds: all.WorkTime.Seconds(),
		QualityMetrics: collectionQuality{SampledChunks: all.Sampled, AvgTokenCount: all.MeanTokens, SizeConsistency: all.SizeConsistency()},
	}}, nil
}
