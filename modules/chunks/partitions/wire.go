package partitions

import (
	"math"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// optionalNumber is a parameter that knows whether it was sent: 0 is a partition.
type optionalNumber struct {
	Value int

	sent bool
}

var (
	_ huma.ParamWrapper = (*optionalNumber)(nil)
	_ huma.ParamReactor = (*optionalNumber)(nil)
)

// Schema is that of the number.
func (optionalNumber) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[int]())
}

// Receiver is where the number goes.
func (n *optionalNumber) Receiver() reflect.Value { return reflect.ValueOf(n).Elem().Field(0) }

// OnParamSet notes that there was one.
func (n *optionalNumber) OnParamSet(isSet bool, _ any) { n.sent = isSet }

func (n *optionalNumber) pointer() *int {
	if !n.sent {
		return nil
	}
	return &n.Value
}

// mib is a size on the wire, and kib that of a chunk: to a thousandth.
func mib(bytes int64) float64   { return thousandths(float64(bytes) / (1 << 20)) }
func kib(bytes float64) float64 { return thousandths(bytes / (1 << 10)) }

func thousandths(f float64) float64 { return math.Round(f*1000) / 1000 }

type statisticsBody struct {
	PartitionNum *int        `json:"partition_num" doc:"The partition that was asked for; null for all."`
	Statistics   numbersBody `json:"statistics"`
}

// numbersBody has the members of one partition or those of all.
type numbersBody struct {
	Exact        bool    `json:"exact" doc:"Whether rows were counted, each of them, and files asked for their size, and neither estimated."`
	TotalSizeMB  float64 `json:"total_size_mb" doc:"Of the chunks: rows, indexes and what is stored out of line, in MiB. Estimated like the rows, unless exact."`
	SearchRows   int64   `json:"search_rows" doc:"Rows that a text search reads, one a chunk."`
	SearchSizeMB float64 `json:"search_size_mb" doc:"Of the search rows, likewise."`
	DeadRows     int64   `json:"dead_rows" doc:"Rows that no vacuum has taken away yet, of both tables."`
	Collections  int64   `json:"collections" doc:"Collections whose chunks are here."`

	Number         *int      `json:"partition_num,omitempty" doc:"Of one partition only, like the six that follow."`
	ChunkCount     *int64    `json:"chunk_count,omitempty"`
	AvgChunkSizeKB *float64  `json:"avg_chunk_size_kb,omitempty" doc:"A chunk's part of total_size_mb."`
	ChunkSkew      *float64  `json:"chunk_skew,omitempty"`
	HealthStatus   *Status   `json:"health_status,omitempty" enum:"HEALTHY,WARNING,UNBALANCED"`
	LastVacuum     *web.Time `json:"last_vacuum,omitempty" doc:"Absent where PostgreSQL knows of none."`
	LastAnalyze    *web.Time `json:"last_analyze,omitempty" doc:"Absent where PostgreSQL knows of none."`

	PartitionCount        *int     `json:"partition_count,omitempty" doc:"Of all partitions only, like the three that follow."`
	TotalChunks           *int64   `json:"total_chunks,omitempty"`
	AvgChunksPerPartition *float64 `json:"avg_chunks_per_partition,omitempty"`
	ChunkCountStddev      *float64 `json:"chunk_count_stddev,omitempty"`
}

func newStatisticsBody(s Statistics) statisticsBody {
	if s.One != nil {
		h := *s.One
		average := 0.0
		if h.Chunks.Rows > 0 {
			average = kib(float64(h.Chunks.Bytes) / float64(h.Chunks.Rows))
		}
		skew := thousandths(h.Skew)
		return statisticsBody{PartitionNum: &h.Num, Statistics: numbersBody{
			Exact: s.Exact, TotalSizeMB: mib(h.Chunks.Bytes), SearchRows: h.Search.Rows, SearchSizeMB: mib(h.Search.Bytes),
			DeadRows: h.Chunks.DeadRows + h.Search.DeadRows, Collections: h.Collections,
			Number: &h.Num, ChunkCount: &h.Chunks.Rows, AvgChunkSizeKB: &average, ChunkSkew: &skew, HealthStatus: &h.Status,
			LastVacuum: web.NewTimePointer(h.Chunks.LastVacuum), LastAnalyze: web.NewTimePointer(h.Chunks.LastAnalyze),
		}}
	}
	var dead, collections int64
	for _, h := range s.Health {
		dead += h.Chunks.DeadRows + h.Search.DeadRows
		collections += h.Collections
	}
	count, average, deviation := len(s.Health), thousandths(s.Average), thousandths(s.Deviation)
	return statisticsBody{Statistics: numbersBody{
		Exact: s.Exact, TotalSizeMB: mib(s.TotalBytes), SearchRows: s.TotalSearchRows, SearchSizeMB: mib(s.TotalSearchBytes),
		DeadRows: dead, Collections: collections,
		PartitionCount: &count, TotalChunks: &s.TotalChunks, AvgChunksPerPartition: &average, ChunkCountStddev: &deviation,
	}}
}

type recommendationsBody struct {
	Count           int                  `json:"count"`
	Recommendations []recommendationBody `json:"recommendations"`
}

type recommendationBody struct {
	Partition   *int     `json:"partition" doc:"The partition's number; null where it is about all of them."`
	Reason      string   `json:"reason"`
	CurrentSkew float64  `json:"current_skew" doc:"How much the partition has above the average: 1 is twice the average."`
	Action      string   `json:"action"`
	Priority    Priority `json:"priority" enum:"HIGH,MEDIUM"`
}

func newRecommendationsBody(r Report) recommendationsBody {
	body := recommendationsBody{Count: len(r.Recommendations), Recommendations: make([]recommendationBody, len(r.Recommendations))}
	for i, rec := range r.Recommendations {
		body.Recommendations[i] = recommendationBody{
			Partition: rec.Partition, Reason: rec.Reason, CurrentSkew: thousandths(rec.Skew), Action: rec.Action, Priority: rec.Priority,
		}
	}
	return body
}

type summaryBody struct {
	TotalPartitions  int             `json:"total_partitions"`
	HealthyCount     int             `json:"healthy_count"`
	WarningCount     int             `json:"warning_count"`
	UnbalancedCount  int             `json:"unbalanced_count"`
	HealthPercentage float64         `json:"health_percentage"`
	TotalChunks      int64           `json:"total_chunks"`
	Partitions       []partitionBody `json:"partitions"`
}

type partitionBody struct {
	PartitionNum    int     `json:"partition_num"`
	HealthStatus    Status  `json:"health_status" enum:"HEALTHY,WARNING,UNBALANCED"`
	ChunkPercentage float64 `json:"chunk_percentage" doc:"Its part of all chunks."`
	ChunkSkew       float64 `json:"chunk_skew" doc:"How much it has above the average: 0 is the average, 1 twice that, -1 nothing."`
	ChunkCount      int64   `json:"chunk_count" doc:"Estimated from PostgreSQL's statistics."`
	TotalSizeMB     float64 `json:"total_size_mb"`
	SearchSizeMB    float64 `json:"search_size_mb"`
	DeadRows        int64   `json:"dead_rows"`
	Collections     int64   `json:"collections"`
}

func newSummaryBody(r Report) summaryBody {
	body := summaryBody{
		TotalPartitions: len(r.Health), HealthyCount: r.HealthyCount, WarningCount: r.WarningCount, UnbalancedCount: r.UnbalancedCount,
		HealthPercentage: thousandths(r.HealthPercentage()), TotalChunks: r.TotalChunks, Partitions: make([]partitionBody, len(r.Health)),
	}
	for i, h := range r.Health {
		body.Partitions[i] = partitionBody{
			PartitionNum: h.Num, HealthStatus: h.Status, ChunkPercentage: thousandths(h.Percentage), ChunkSkew: thousandths(h.Skew),
			ChunkCount: h.Chunks.Rows, TotalSizeMB: mib(h.Chunks.Bytes), SearchSizeMB: mib(h.Search.Bytes),
			DeadRows: h.Chunks.DeadRows + h.Search.DeadRows, Collections: h.Collections,
		}
	}
	return body
}
