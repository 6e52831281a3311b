package system

import (
	"time"

	"semantik/platform/web"
)

type metricsTextBody struct {
	Available   bool   `json:"available"`
	MetricsPort int    `json:"metrics_port" doc:"The port at which /metrics is."`
	Data        string `json:"data" doc:"The metrics, in Prometheus's text form."`
}

type systemInfoBody struct {
	Version         string           `json:"version"`
	Environment     string           `json:"environment"`
	GoVersion       string           `json:"go_version"`
	PostgresVersion *string          `json:"postgres_version" doc:"Null while the database does not answer."`
	Limits          systemLimitsBody `json:"limits"`
	RateLimits      systemRatesBody  `json:"rate_limits"`
}

type systemLimitsBody struct {
	MaxCollectionsPerUser *int `json:"max_collections_per_user" doc:"Null: there is no such limit."`
	MaxStorageGBPerUser   *int `json:"max_storage_gb_per_user" doc:"Null: there is no such limit."`
}

type systemRatesBody struct {
	ChunkingPreview *string `json:"chunking_preview" doc:"Null: the general limit holds."`
	PluginInstall   *string `json:"plugin_install" doc:"Null: there are no plugins."`
	LLMTest         *string `json:"llm_test" doc:"Null: there are no language models."`
}

type systemStatusBody struct {
	GPUAvailable             bool     `json:"gpu_available"`
	RerankingAvailable       bool     `json:"reranking_available"`
	AvailableRerankingModels []string `json:"available_reranking_models"`
	CUDADeviceCount          int      `json:"cuda_device_count"`
	CUDADeviceName           *string  `json:"cuda_device_name"`
}

// slowQueryBody is a statement on the wire. What its source does not know is null.
type slowQueryBody struct {
	Statement  *string   `json:"statement" doc:"The function that sends it."`
	Query      string    `json:"query" doc:"Its text, with every value masked."`
	Calls      int64     `json:"calls"`
	Failed     *int64    `json:"failed"`
	Rows       *int64    `json:"rows"`
	TotalMS    float64   `json:"total_ms"`
	MeanMS     float64   `json:"mean_ms"`
	MaxMS      float64   `json:"max_ms"`
	LastSeenAt *web.Time `json:"last_seen_at"`
}

type slowQueriesBody struct {
	Source      string          `json:"source" enum:"pg_stat_statements,process"`
	Note        string          `json:"note" doc:"What the source knows."`
	ThresholdMS float64         `json:"threshold_ms" doc:"SLOW_QUERY_MS; 0 where no statement counts as slow."`
	Queries     []slowQueryBody `json:"queries"`
}

func newSlowQueriesBody(s SlowStatements) slowQueriesBody {
	body := slowQueriesBody{Source: s.Source, Note: s.Note, ThresholdMS: ms(s.Threshold), Queries: []slowQueryBody{}}
	for _, q := range s.Extension {
		body.Queries = append(body.Queries, slowQueryBody{
			Query: q.Text, Calls: q.Calls, Rows: &q.Rows, TotalMS: ms(q.Total), MeanMS: ms(q.Mean), MaxMS: ms(q.Max),
		})
	}
	for _, q := range s.Process {
		failed := int64(q.Failed)
		body.Queries = append(body.Queries, slowQueryBody{
			Statement: &q.Name, Query: q.Text, Calls: int64(q.Calls), Failed: &failed,
			TotalMS: ms(q.Total), MeanMS: ms(q.Mean), MaxMS: ms(q.Max), LastSeenAt: web.NewTimePointer(&q.Last),
		})
	}
	return body
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
