package partitions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// recommend says what to do about each partition that is not healthy, and about
// those that hold very many collections.
func (r *Report) recommend() {
	for _, h := range r.Health {
		if rec, ok := r.ofSize(h); ok {
			r.Recommendations = append(r.Recommendations, rec)
		}
		if rec, ok := ofDeadRows(h); ok {
			r.Recommendations = append(r.Recommendations, rec)
		}
		if h.Collections >= manyInOne {
			r.Recommendations = append(r.Recommendations, h.recommendation(Medium,
				fmt.Sprintf("It holds %d collections, more than statistics list (default_statistics_target, 100): for most of them PostgreSQL plans with an average.", h.Collections),
				"Reads by index do not suffer. If plans are poor in it, raise the target of chunks.collection_id (ALTER TABLE chunks ALTER COLUMN collection_id SET STATISTICS 1000) and analyze, or keep what belongs together in fewer collections."))
		}
	}
	for _, p := range r.lateParents() {
		r.Recommendations = append(r.Recommendations, Recommendation{
			Reason: fmt.Sprintf("The parent table %s has no fresh statistics.", p.Name), Action: "ANALYZE " + p.Name, Priority: Medium,
		})
	}
	slices.SortStableFunc(r.Recommendations, func(a, b Recommendation) int { return cmp.Compare(a.Priority, b.Priority) }) // HIGH before MEDIUM
}

func (h PartitionHealth) recommendation(priority Priority, reason, action string) Recommendation {
	return Recommendation{Partition: &h.Num, Reason: reason, Action: action, Skew: h.Skew, Priority: priority}
}

// ofSize is what to do about a partition that is large in itself or beside the
// others: by what fills it.
func (r *Report) ofSize(h PartitionHealth) (Recommendation, bool) {
	j := h.judgement
	if j.size == Healthy && j.share == Healthy {
		return Recommendation{}, false
	}
	priority := Medium
	if j.size.worse(j.share) == Unbalanced {
		priority = High
	}
	size := fmt.Sprintf("It holds %d chunks (%.1f%% of all) in %.1f GiB, and %.1f GiB of search rows",
		h.Chunks.Rows, h.Percentage, gib(h.Chunks.Bytes), gib(h.Search.Bytes))
	if float64(h.LargestChunks) >= halfOf*float64(h.Chunks.Rows) && h.LargestChunks > 0 {
		return h.recommendation(priority,
			fmt.Sprintf("%s; %d of them are those of the collection %s, which is too large for one partition.", size, h.LargestChunks, h.Largest),
			"A collection lies in one partition and cannot be divided: load it as several collections, each of which gets a partition of its own, and search them together (up to ten in one query)."), true
	}
	action := fmt.Sprintf("No collection is the cause: there are too few partitions for this many chunks. Their number is fixed once the schema is applied: load the collections into a new database with a CHUNK_PARTITION_COUNT of more than %d. For a while it helps to load the largest collection (%s, %d chunks) as several.",
		len(r.Health), h.Largest, h.LargestChunks)
	if h.LargestChunks == 0 {
		action = "No collection accounts for them: they are those of deleted collections that are still being purged, or counts that lag behind. Look again in an hour."
	}
	return h.recommendation(priority, fmt.Sprintf("%s, those of %s.", size, counted(int(h.Collections), "collection", "collections")), action), true
}

func ofDeadRows(h PartitionHealth) (Recommendation, bool) {
	if !h.judgement.dead {
		return Recommendation{}, false
	}
	priority, reasons := Medium, []string{}
	for _, t := range []struct {
		name string
		Table
	}{{tableChunks, h.Chunks}, {tableSearch, h.Search}} {
		if !t.hasDeadRows() {
			continue
		}
		if t.DeadRows >= t.Rows {
			priority = High
		}
		last := "no vacuum is known of"
		if t.LastVacuum != nil {
			last = "the last vacuum was at " + t.LastVacuum.UTC().Format("2006-01-02 15:04 UTC")
		}
		reasons = append(reasons, fmt.Sprintf("%d of its %d rows in %s are dead; %s.", t.DeadRows, t.DeadRows+t.Rows, t.name, last))
	}
	return h.recommendation(priority, strings.Join(reasons, " "),
		fmt.Sprintf("End what keeps vacuum back (a transaction or replication slot open for long), then VACUUM (VERBOSE) %s, %s.", partitionName(tableChunks, h.Num), partitionName(tableSearch, h.Num))), true
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }
