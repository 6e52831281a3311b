package partitions

import (
	"math"
	"slices"
	"time"
)

// Report is what the facts mean.
type Report struct {
	Facts

	Health                       []PartitionHealth
	HealthyCount, WarningCount   int
	UnbalancedCount              int
	TotalChunks, TotalSearchRows int64
	TotalBytes, TotalSearchBytes int64
	// Average and Deviation are of the chunks of a partition; Spread is the second
	// as a part of the first.
	Average, Deviation, Spread float64
	Alerts                     []Alert
	Recommendations            []Recommendation
}

// PartitionHealth is a partition with its status.
type PartitionHealth struct {
	Partition

	Status Status
	// Percentage is its part of all chunks, and Skew how much it has above the
	// average: 0 for the average, 1 for twice that, -1 for nothing.
	Percentage, Skew float64

	judgement judgement
}

// Alert is something that is wrong.
type Alert struct {
	Level   Level
	Message string
	// Partitions are those that it is about; empty where it is about none.
	Partitions []int
	Action     string
}

// Recommendation is something to do about a partition; Partition is nil where it is
// about all of them.
type Recommendation struct {
	Partition      *int
	Reason, Action string
	Skew           float64
	Priority       Priority
}

// Assess judges the facts. It is a function of them alone.
func Assess(f Facts) Report {
	r := Report{Facts: f, Alerts: []Alert{}, Recommendations: []Recommendation{}}
	r.sum()
	for _, p := range f.Partitions {
		r.Health = append(r.Health, r.healthOf(p))
	}
	for _, h := range r.Health {
		switch h.Status {
		case Unbalanced:
			r.UnbalancedCount++
		case Warning:
			r.WarningCount++
		case Healthy:
			r.HealthyCount++
		}
	}
	r.alert()
	r.recommend()
	return r
}

func (r *Report) sum() {
	n := float64(len(r.Partitions))
	for _, p := range r.Partitions {
		r.TotalChunks += p.Chunks.Rows
		r.TotalBytes += p.Chunks.Bytes
		r.TotalSearchRows += p.Search.Rows
		r.TotalSearchBytes += p.Search.Bytes
	}
	if n == 0 || r.TotalChunks == 0 {
		return
	}
	r.Average = float64(r.TotalChunks) / n
	squares := 0.0
	for _, p := range r.Partitions {
		squares += math.Pow(float64(p.Chunks.Rows)-r.Average, 2)
	}
	r.Deviation = math.Sqrt(squares / n)
	r.Spread = r.Deviation / r.Average
}

func (r *Report) healthOf(p Partition) PartitionHealth {
	h := PartitionHealth{Partition: p}
	times := 0.0
	if r.TotalChunks > 0 {
		times = float64(p.Chunks.Rows) / r.Average
		h.Skew = times - 1
		h.Percentage = 100 * float64(p.Chunks.Rows) / float64(r.TotalChunks)
	}
	h.judgement = judge(p, times)
	h.Status = h.judgement.status
	return h
}

// HealthPercentage is how many of a hundred partitions are healthy.
func (r Report) HealthPercentage() float64 {
	if len(r.Health) == 0 {
		return 0
	}
	return 100 * float64(r.HealthyCount) / float64(len(r.Health))
}

// Where gives the numbers of the partitions for which it holds.
func (r Report) Where(holds func(h PartitionHealth) bool) []int {
	var nums []int
	for _, h := range r.Health {
		if holds(h) {
			nums = append(nums, h.Num)
		}
	}
	return nums
}

// Largest is the partition with the most chunks; the first of several.
func (r Report) Largest() PartitionHealth {
	if len(r.Health) == 0 {
		return PartitionHealth{Status: Healthy}
	}
	return slices.MaxFunc(r.Health, func(a, b PartitionHealth) int { return int(sign(a.Chunks.Rows - b.Chunks.Rows)) })
}

func sign(n int64) int64 {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	default:
		return 0
	}
}

// analyzeLate is how old a parent's statistics may be before somebody is told: the
// worker renews them daily.
const analyzeLate = 48 * time.Hour

// worthAnalyzing is how many rows make it matter that a parent has no statistics,
// and analyzeSoon how long they have to be there: the worker looks every few
// minutes.
const (
	worthAnalyzing = 10_000
	analyzeSoon    = 15 * time.Minute
)

// lateParents are those whose statistics nobody has renewed.
func (r Report) lateParents() []Parent {
	var late []Parent
	for _, p := range r.Parents {
		rows, since := int64(0), r.At
		for _, partition := range r.Partitions {
			t := partition.Chunks
			if p.Name == tableSearch {
				t = partition.Search
			}
			rows += t.Rows
			// Autovacuum has been at a partition once it has rows.
			for _, at := range []*time.Time{t.LastVacuum, t.LastAnalyze} {
				if at != nil && at.Before(since) {
					since = *at
				}
			}
		}
		never := p.LastAnalyze == nil && r.At.Sub(since) > analyzeSoon
		old := p.LastAnalyze != nil && r.At.Sub(*p.LastAnalyze) > analyzeLate
		if rows >= worthAnalyzing && (never || old) {
			late = append(late, p)
		}
	}
	return late
}

const (
	tableChunks = "chunks"
	tableSearch = "chunk_search"
)
