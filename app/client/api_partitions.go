package client

import "context"

// PartitionHealth is whether the partitions of the chunks are well.
type PartitionHealth struct {
	Status string  `json:"status"`
	Error  string  `json:"error"`
	Alerts []Alert `json:"alerts"`
}

// Alert is something that is wrong.
type Alert struct {
	Level   string `json:"level"`
	Message string `json:"message"`
	Details struct {
		Partitions []int `json:"partitions"`
	} `json:"details"`
	Action string `json:"action"`
}

// Critical reports whether something is wrong that cannot wait.
func (h PartitionHealth) Critical() bool {
	for _, a := range h.Alerts {
		if a.Level == "critical" {
			return true
		}
	}
	return false
}

// PartitionStatistics are the numbers of all partitions.
type PartitionStatistics struct {
	Statistics struct {
		Exact        bool    `json:"exact"`
		Chunks       int64   `json:"total_chunks"`
		SearchRows   int64   `json:"search_rows"`
		Collections  int64   `json:"collections"`
		DeadRows     int64   `json:"dead_rows"`
		SizeMB       float64 `json:"total_size_mb"`
		SearchSizeMB float64 `json:"search_size_mb"`
	} `json:"statistics"`
}

// PartitionSummary lists the partitions.
type PartitionSummary struct {
	Healthy    int         `json:"healthy_count"`
	Warning    int         `json:"warning_count"`
	Unbalanced int         `json:"unbalanced_count"`
	Partitions []Partition `json:"partitions"`
}

// Partition is one of the chunks.
type Partition struct {
	Num          int     `json:"partition_num"`
	HealthStatus string  `json:"health_status"`
	Chunks       int64   `json:"chunk_count"`
	Percentage   float64 `json:"chunk_percentage"`
	Collections  int64   `json:"collections"`
}

// PartitionRecommendations are what to do about partitions.
type PartitionRecommendations struct {
	Recommendations []struct {
		Partition *int   `json:"partition"`
		Reason    string `json:"reason"`
		Action    string `json:"action"`
		Priority  string `json:"priority"`
	} `json:"recommendations"`
}

// Partitions is all that the server tells of the partitions.
type Partitions struct {
	Health          Listed[PartitionHealth]          `json:"health"`
	Statistics      Listed[PartitionStatistics]      `json:"statistics"`
	Summary         Listed[PartitionSummary]         `json:"health_summary"`
	Recommendations Listed[PartitionRecommendations] `json:"recommendations"`
}

// Partitions reads what the server tells of the partitions.
func (c *Client) Partitions(ctx context.Context) (Partitions, error) {
	var p Partitions
	const base = "/api/v2/partitions"
	for _, part := range []struct {
		path string
		out  any
	}{
		{"/health", &p.Health}, {"/statistics", &p.Statistics}, {"/health-summary", &p.Summary}, {"/recommendations", &p.Recommendations},
	} {
		if err := c.get(ctx, base+part.path, nil, part.out); err != nil {
			return Partitions{}, err
		}
	}
	return p, nil
}
