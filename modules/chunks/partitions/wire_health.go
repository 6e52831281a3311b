package partitions

import (
	"fmt"

	"semantik/platform/web"
)

type healthBody struct {
	Status         string              `json:"status" enum:"success,failed" doc:"Whether the look succeeded; what it saw is in the alerts."`
	Timestamp      web.Time            `json:"timestamp"`
	Alerts         []alertBody         `json:"alerts" doc:"The critical first."`
	Metrics        metricsBody         `json:"metrics"`
	Implementation *implementationBody `json:"implementation,omitempty" doc:"How a chunk comes to its partition, as the live catalog has it. Absent when the look failed."`
	Error          string              `json:"error,omitempty" doc:"Why the look failed."`
}

type alertBody struct {
	Level   Level             `json:"level" enum:"critical,warning" doc:"Critical: data is wrong or cannot be loaded. Warning: work gets dearer."`
	Message string            `json:"message"`
	Details *alertDetailsBody `json:"details,omitempty"`
	Action  string            `json:"action" doc:"What to do about it."`
}

type alertDetailsBody struct {
	Partitions []int `json:"partitions" doc:"The partitions that it is about."`
}

type metricsBody struct {
	TotalPartitions int                   `json:"total_partitions"`
	UnbalancedCount int                   `json:"unbalanced_count"`
	WarningCount    int                   `json:"warning_count"`
	HealthyCount    int                   `json:"healthy_count"`
	TotalChunks     int64                 `json:"total_chunks"`
	SkewMetrics     map[string]metricBody `json:"skew_metrics" doc:"chunk_spread, largest_share, largest_size_mb and dead_rows."`
}

type metricBody struct {
	Value   float64 `json:"value"`
	Status  Status  `json:"status" enum:"HEALTHY,WARNING,UNBALANCED"`
	Details string  `json:"details"`
}

type implementationBody struct {
	Method     string           `json:"method" enum:"generated_column_copied_by_foreign_key,other"`
	Why        string           `json:"why"`
	Strategy   string           `json:"strategy" doc:"LIST, RANGE or HASH."`
	Column     string           `json:"column"`
	Count      int              `json:"partition_count"`
	Expression string           `json:"expression" doc:"What generates the key on collections."`
	ForeignKey string           `json:"foreign_key" doc:"The constraint that copies it down."`
	Generated  bool             `json:"generated_on_chunks"`
	Triggers   []string         `json:"triggers_on_chunks" doc:"Those that run before a row is inserted."`
	Verified   verificationBody `json:"verification"`
}

type verificationBody struct {
	Collections      int64 `json:"collections" doc:"All of them, each with its key computed again."`
	CollectionsWrong int64 `json:"collections_wrong"`
	Chunks           int64 `json:"chunks" doc:"A sample, of other partitions each time."`
	ChunksWrong      int64 `json:"chunks_wrong"`
	Partitions       []int `json:"sampled_partitions"`
}

const (
	methodDesigned = "generated_column_copied_by_foreign_key"
	methodOther    = "other"

	// why is PostgreSQL's reason, and not ours: both others were tried.
	why = "The key is generated on collections and copied down by foreign key. On chunks there is neither a trigger nor a generated column: " +
		"PostgreSQL refuses a BEFORE INSERT trigger that moves a row to another partition, and a generated column as a partition key."
	whyOther = "This is not what the schema says; the alerts name what differs."
)

func newHealthBody(h Health) healthBody {
	body := healthBody{
		Status: "success", Timestamp: web.NewTime(h.At), Alerts: make([]alertBody, len(h.Alerts)),
		Metrics: metricsBody{
			TotalPartitions: len(h.Health), UnbalancedCount: h.UnbalancedCount, WarningCount: h.WarningCount, HealthyCount: h.HealthyCount,
			TotalChunks: h.TotalChunks, SkewMetrics: map[string]metricBody{},
		},
	}
	for i, a := range h.Alerts {
		body.Alerts[i] = alertBody{Level: a.Level, Message: a.Message, Action: a.Action}
		if len(a.Partitions) > 0 {
			body.Alerts[i].Details = &alertDetailsBody{Partitions: a.Partitions}
		}
	}
	if h.Failure != "" {
		body.Status, body.Error = "failed", h.Failure
		return body
	}
	body.Metrics.SkewMetrics = newSkewMetrics(h.Report)
	body.Implementation = newImplementationBody(h.Report)
	return body
}

// newSkewMetrics are how evenly the partitions are filled. A metric's status is
// that of the partitions: a number by itself is no cause for concern.
func newSkewMetrics(r Report) map[string]metricBody {
	size, share, dead := Healthy, Healthy, Healthy
	var deadRows int64
	bytes := PartitionHealth{}
	for _, h := range r.Health {
		size, share = size.worse(h.judgement.size), share.worse(h.judgement.share)
		if h.judgement.dead {
			dead = Warning
		}
		deadRows += h.Chunks.DeadRows + h.Search.DeadRows
		if h.bytes() > bytes.bytes() {
			bytes = h
		}
	}
	largest := r.Largest()
	return map[string]metricBody{
		"chunk_spread": {thousandths(r.Spread), share,
			"The standard deviation of a partition's chunks as a part of their average. Hashing collections is uneven by nature; what counts is what a partition costs."},
		"largest_share": {thousandths(largest.Percentage), share,
			fmt.Sprintf("Partition %d has the most chunks, %d; the value is its percentage of all.", largest.Num, largest.Chunks.Rows)},
		"largest_size_mb": {mib(bytes.bytes()), size,
			fmt.Sprintf("Partition %d has the largest table; the value is its size in MiB.", bytes.Num)},
		"dead_rows": {float64(deadRows), dead, "Rows of all partitions that no vacuum has taken away yet."},
	}
}

func newImplementationBody(r Report) *implementationBody {
	m, v := r.Method, r.Verification
	body := &implementationBody{
		Method: methodDesigned, Why: why, Strategy: m.Strategy, Column: m.Column, Count: m.Count, Expression: m.Expression,
		ForeignKey: m.ForeignKey, Generated: m.GeneratedOnChunks, Triggers: m.Triggers,
		Verified: verificationBody{
			Collections: v.Collections, CollectionsWrong: v.CollectionsWrong, Chunks: v.Chunks, ChunksWrong: v.ChunksWrong, Partitions: v.Sampled,
		},
	}
	if !m.AsDesigned() {
		body.Method, body.Why = methodOther, whyOther
	}
	return body
}
