package partitions

import (
	"fmt"
	"strings"
)

// alert says what is wrong, the critical first.
func (r *Report) alert() {
	r.alertMethod()
	r.alertKeys()
	r.alertMissing()
	r.alertSizes()
	r.alertKeeping()
}

func (r *Report) addf(level Level, partitions []int, action, format string, args ...any) {
	r.Alerts = append(r.Alerts, Alert{Level: level, Message: fmt.Sprintf(format, args...), Partitions: partitions, Action: action})
}

func (r *Report) alertMethod() {
	m := r.Method
	if m.AsDesigned() {
		return
	}
	var wrong []string
	note := func(is bool, text string) {
		if is {
			wrong = append(wrong, text)
		}
	}
	note(m.Strategy != "LIST" || m.Column != keyColumn, "chunks is not partitioned by LIST ("+keyColumn+")")
	note(m.Expression == "", "collections does not generate "+keyColumn)
	note(m.ForeignKey == "", "no valid foreign key ties a chunk's "+keyColumn+" to its collection's")
	note(m.GeneratedOnChunks, "chunks generates "+keyColumn+" itself")
	note(len(m.Triggers) > 0, "a trigger runs before each chunk is inserted: "+strings.Join(m.Triggers, ", "))
	r.addf(LevelCritical, nil,
		"Run \"semantik schema check\": it names what differs from the schema, and \"semantik schema plan\" what would put it right; a trigger you drop by hand.",
		"The key of a chunk's partition is not what the schema says: %s.", strings.Join(wrong, "; "))
}

func (r *Report) alertKeys() {
	v := r.Verification
	if v.CollectionsWrong > 0 {
		r.addf(LevelCritical, nil,
			"Reads and loads go on, since they go by the key that is stored, but a dump could not be restored. PostgreSQL's hash of a text differs "+
				"from the one that the data was made with, as after its files were moved to another build or kind of machine: run the one before, "+
				"or load these collections again as new ones. Do not edit keys.",
			"%d of %d collections have a %s that is not what its formula gives.", v.CollectionsWrong, v.Collections, keyColumn)
	}
	if v.ChunksWrong > 0 {
		r.addf(LevelCritical, v.WrongIn,
			"No read finds these chunks. They were written with the foreign keys switched off: find them with a join of chunks and collections on both columns of the key, delete them, and load their documents again.",
			"%d of %d chunks that were looked at lie in a partition that is not their collection's.", v.ChunksWrong, v.Chunks)
	}
}

func (r *Report) alertMissing() {
	missing := r.Where(func(h PartitionHealth) bool { return !h.Chunks.Exists || !h.Search.Exists })
	if len(missing) > 0 {
		r.addf(LevelCritical, missing, "Run \"semantik schema apply\": it makes the partitions that are missing.",
			"%s missing: what belongs to a collection with such a key cannot be loaded.", counted(len(missing), "partition is", "partitions are"))
	}
}

func (r *Report) alertSizes() {
	huge := r.Where(func(h PartitionHealth) bool { return h.judgement.size == Unbalanced })
	if len(huge) > 0 {
		r.addf(LevelWarning, huge, "See /api/v2/partitions/recommendations for each of them.",
			"%s so large that a vacuum or a rebuild of search rows takes the better part of an hour or more.", counted(len(huge), "partition is", "partitions are"))
	}
	large := r.Where(func(h PartitionHealth) bool { return h.judgement.size == Warning })
	if len(large) > 0 {
		r.addf(LevelWarning, large, "Plan ahead: see /api/v2/partitions/recommendations.",
			"%s large: a vacuum that changes all of it takes ten minutes or more.", counted(len(large), "partition is", "partitions are"))
	}
	share := r.Where(func(h PartitionHealth) bool { return h.judgement.share != Healthy })
	if len(share) > 0 {
		r.addf(LevelWarning, share, "See /api/v2/partitions/recommendations for each of them.",
			"%s at least %.0f times an even share of the chunks: partitions no longer divide the work.", counted(len(share), "partition has", "partitions have"), tallShare)
	}
}

func (r *Report) alertKeeping() {
	dead := r.Where(func(h PartitionHealth) bool { return h.judgement.dead })
	if len(dead) > 0 {
		r.addf(LevelWarning, dead,
			"Look for a transaction or a replication slot that has been open for long and keeps VACUUM from removing rows (pg_stat_activity.backend_xmin, pg_replication_slots), then run VACUUM on these partitions.",
			"In %s a fifth of the rows or more are dead, and no vacuum is at it.", counted(len(dead), "partition", "partitions"))
	}
	if !r.Autovacuum {
		r.addf(LevelWarning, nil, "Set autovacuum = on in PostgreSQL's configuration and reload it.",
			"Autovacuum is switched off: dead rows stay, and statistics grow old.")
	}
	unkept := r.Where(func(h PartitionHealth) bool {
		return h.Chunks.Exists && !h.Chunks.Kept || h.Search.Exists && !h.Search.Kept
	})
	if len(unkept) > 0 {
		r.addf(LevelWarning, unkept, "Run \"select make_chunk_partitions()\" in the database, which gives them their settings again.",
			"%s without autovacuum's settings of the schema: vacuum comes late there.", counted(len(unkept), "partition is", "partitions are"))
	}
	for _, p := range r.lateParents() {
		since := "ever"
		if p.LastAnalyze != nil {
			since = "since " + p.LastAnalyze.UTC().Format("2006-01-02 15:04 UTC")
		}
		r.addf(LevelWarning, nil,
			fmt.Sprintf("The server analyzes it daily: look in its log for why it could not, and run \"ANALYZE %s\".", p.Name),
			"The parent table %s has not been analyzed %s, which autovacuum never does: plans over it are guesses.", p.Name, since)
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
