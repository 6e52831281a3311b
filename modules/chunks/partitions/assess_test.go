package partitions_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/partitions"
)

var noon = time.Date(2031, 5, 4, 12, 0, 0, 0, time.UTC)

// facts are those of a system that is well, with so many chunks of 1.5 kB in each
// partition.
func facts(chunks func(num int) int64) partitions.Facts {
	analyzed := noon.Add(-time.Hour)
	f := partitions.Facts{
		At: noon, Autovacuum: true,
		Parents: []partitions.Parent{{Name: "chunks", LastAnalyze: &analyzed}, {Name: "chunk_search", LastAnalyze: &analyzed}},
		Method: partitions.Method{
			Strategy: "LIST", Column: "partition_key", Count: 100, Expression: "abs(…)", ForeignKey: "fk_chunks_collection",
		},
	}
	for num := range 100 {
		n := chunks(num)
		f.Partitions = append(f.Partitions, partitions.Partition{
			Num: num, Collections: 10, Largest: uuid.New(), LargestChunks: n / 5,
			Chunks: partitions.Table{Exists: true, Kept: true, Rows: n, Bytes: n * 1500, LastAnalyze: &analyzed},
			Search: partitions.Table{Exists: true, Kept: true, Rows: n, Bytes: n * 900},
		})
	}
	return f
}

func level(n int64) func(int) int64 { return func(int) int64 { return n } }

// but gives one partition another number.
func but(num int, n int64, others int64) func(int) int64 {
	return func(i int) int64 {
		if i == num {
			return n
		}
		return others
	}
}

func TestAssess_WhatIsUnevenByNatureIsHealthy(t *testing.T) {
	t.Parallel()
	// A thousand equal collections of a thousand, ten thousand, a hundred thousand
	// chunks fall into the hundred partitions as their hashes will.
	random := rand.New(rand.NewPCG(1, 2))
	for _, each := range []int64{1000, 10_000, 100_000} {
		var fallen [100]int64
		for range 1000 {
			fallen[random.IntN(100)] += each
		}
		r := partitions.Assess(facts(func(num int) int64 { return fallen[num] }))
		require.Equal(t, 100, r.HealthyCount)
		require.Empty(t, r.Alerts)
		require.Empty(t, r.Recommendations)
		require.Greater(t, r.Largest().Skew, 0.5, "that one is far above the average")
	}
	for name, chunks := range map[string]func(int) int64{
		"empty": level(0), "one chunk": but(3, 1, 0), "one collection of a million": but(3, 1_000_000, 0), "a few": but(3, 2_000_000, 20_000),
	} {
		r := partitions.Assess(facts(chunks))
		require.Equal(t, 100, r.HealthyCount, name)
		require.Empty(t, r.Alerts, name)
	}
}

func TestAssess_SizeAndShareMakeAPartitionCostly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		chunks              func(int) int64
		warning, unbalanced int
	}{
		"just below large":                    {level(9_999_999), 0, 0},
		"large, all of them":                  {level(10_000_000), 100, 0},
		"large in bytes":                      {level(14_400_000), 100, 0},
		"huge, one of them":                   {but(7, 50_000_000, 9_000_000), 0, 1},
		"ten times its share, and small":      {but(7, 2_400_000, 1000), 0, 0},
		"ten times its share":                 {but(7, 2_500_000, 200_000), 1, 0},
		"nine times its share":                {but(7, 2_500_000, 253_000), 0, 0},
		"a third of all, and large":           {but(7, 10_000_000, 200_000), 0, 1},
		"a third of all, and not large":       {but(7, 9_000_000, 180_000), 1, 0},
		"one large among others nearly large": {but(7, 11_000_000, 9_000_000), 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := partitions.Assess(facts(c.chunks))
			require.Equal(t, c.warning, r.WarningCount)
			require.Equal(t, c.unbalanced, r.UnbalancedCount)
			require.Equal(t, 100-c.warning-c.unbalanced, r.HealthyCount)
			require.Len(t, r.Recommendations, c.warning+c.unbalanced, "each that is not healthy has something to do")
			require.Equal(t, c.warning+c.unbalanced > 0, len(r.Alerts) > 0)
		})
	}
	bytesAlone := facts(level(1000))
	bytesAlone.Partitions[5].Search.Bytes = 100 << 30
	r := partitions.Assess(bytesAlone)
	require.Equal(t, []int{5}, r.Where(func(h partitions.PartitionHealth) bool { return h.Status == partitions.Unbalanced }),
		"search rows make a partition costly like chunks")
}

func TestAssess_SaysWhatToDoByWhatFillsAPartition(t *testing.T) {
	t.Parallel()
	one := facts(but(7, 60_000_000, 1000))
	one.Partitions[7].LargestChunks = 59_000_000
	r := partitions.Assess(one)
	require.Len(t, r.Recommendations, 1)
	rec := r.Recommendations[0]
	require.Equal(t, 7, *rec.Partition)
	require.Equal(t, partitions.High, rec.Priority)
	require.Contains(t, rec.Reason, one.Partitions[7].Largest.String())
	require.Contains(t, rec.Reason, "too large for one partition")
	require.Contains(t, rec.Action, "several collections")
	require.InDelta(t, 98.8, rec.Skew, 0.1)

	many := facts(level(11_000_000))
	many.Partitions[3].Collections = 1000
	r = partitions.Assess(many)
	require.Len(t, r.Recommendations, 101)
	require.Contains(t, r.Recommendations[0].Action, "CHUNK_PARTITION_COUNT of more than 100")
	require.Contains(t, r.Recommendations[0].Reason, "those of 10 collections")
	require.Equal(t, 3, *r.Recommendations[4].Partition)
	require.Contains(t, r.Recommendations[4].Reason, "1000 collections")

	purging := facts(but(9, 60_000_000, 1000))
	purging.Partitions[9].Collections, purging.Partitions[9].LargestChunks = 0, 0
	require.Contains(t, partitions.Assess(purging).Recommendations[0].Action, "deleted collections")

	both := facts(but(7, 60_000_000, 1000))
	both.Partitions[2].Collections = 5000
	r = partitions.Assess(both)
	require.Equal(t, partitions.High, r.Recommendations[0].Priority, "the urgent first")
	require.Equal(t, partitions.Medium, r.Recommendations[1].Priority)
}

func TestAssess_DeadRowsAreTroubleOnlyWhereNobodyIsAtThem(t *testing.T) {
	t.Parallel()
	with := func(change func(t *partitions.Table)) partitions.Report {
		f := facts(level(1_000_000))
		change(&f.Partitions[4].Chunks)
		return partitions.Assess(f)
	}
	dead := with(func(t *partitions.Table) { t.DeadRows = 250_000 })
	require.Equal(t, partitions.Warning, dead.Health[4].Status)
	require.Len(t, dead.Alerts, 1)
	require.Equal(t, []int{4}, dead.Alerts[0].Partitions)
	require.Equal(t, partitions.LevelWarning, dead.Alerts[0].Level)
	require.Len(t, dead.Recommendations, 1)
	require.Contains(t, dead.Recommendations[0].Reason, "250000 of its 1250000 rows in chunks are dead; no vacuum is known of.")
	require.Contains(t, dead.Recommendations[0].Action, "chunks_p4")
	require.Equal(t, partitions.Medium, dead.Recommendations[0].Priority)

	last := noon.Add(-time.Hour)
	most := with(func(t *partitions.Table) { t.Rows, t.DeadRows, t.LastVacuum = 100_000, 900_000, &last })
	require.Equal(t, partitions.High, most.Recommendations[0].Priority)
	require.Contains(t, most.Recommendations[0].Reason, "the last vacuum was at 2031-05-04 11:00 UTC")

	for name, change := range map[string]func(t *partitions.Table){
		"few":            func(t *partitions.Table) { t.Rows, t.DeadRows = 10, 99_999 },
		"a small part":   func(t *partitions.Table) { t.DeadRows = 200_000 },
		"being vacuumed": func(t *partitions.Table) { t.DeadRows, t.Busy = 900_000, true },
	} {
		r := with(change)
		require.Empty(t, r.Alerts, name)
		require.Equal(t, 100, r.HealthyCount, name)
	}
}

func TestAssess_SaysWhatIsWrongAndHowBadlyItIs(t *testing.T) {
	t.Parallel()
	old := noon.Add(-49 * time.Hour)
	for name, c := range map[string]struct {
		change func(f *partitions.Facts)
		level  partitions.Level
		says   string
	}{
		"no partitions by list":    {func(f *partitions.Facts) { f.Method.Strategy = "HASH" }, partitions.LevelCritical, "not partitioned by LIST"},
		"another column":           {func(f *partitions.Facts) { f.Method.Column = "collection_id" }, partitions.LevelCritical, "not partitioned by LIST"},
		"a key of no expression":   {func(f *partitions.Facts) { f.Method.Expression = "" }, partitions.LevelCritical, "does not generate"},
		"no foreign key":           {func(f *partitions.Facts) { f.Method.ForeignKey = "" }, partitions.LevelCritical, "foreign key"},
		"generated on chunks":      {func(f *partitions.Facts) { f.Method.GeneratedOnChunks = true }, partitions.LevelCritical, "chunks generates"},
		"a trigger":                {func(f *partitions.Facts) { f.Method.Triggers = []string{"set_key"} }, partitions.LevelCritical, "set_key"},
		"a collection's key":       {func(f *partitions.Facts) { f.Verification.CollectionsWrong = 1 }, partitions.LevelCritical, "1 of 0 collections"},
		"a chunk's key":            {func(f *partitions.Facts) { f.Verification.ChunksWrong = 1 }, partitions.LevelCritical, "1 of 0 chunks"},
		"a partition of chunks":    {func(f *partitions.Facts) { f.Partitions[1].Chunks.Exists = false }, partitions.LevelCritical, "1 partition is missing"},
		"one of search rows":       {func(f *partitions.Facts) { f.Partitions[1].Search.Exists = false }, partitions.LevelCritical, "1 partition is missing"},
		"autovacuum off":           {func(f *partitions.Facts) { f.Autovacuum = false }, partitions.LevelWarning, "switched off"},
		"other settings":           {func(f *partitions.Facts) { f.Partitions[1].Search.Kept = false }, partitions.LevelWarning, "settings"},
		"a parent never analyzed":  {func(f *partitions.Facts) { f.Parents[0].LastAnalyze = nil }, partitions.LevelWarning, "chunks has not been analyzed ever"},
		"a parent of the day past": {func(f *partitions.Facts) { f.Parents[1].LastAnalyze = &old }, partitions.LevelWarning, "chunk_search has not been analyzed since 2031-05-02 11:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := facts(level(1000))
			c.change(&f)
			r := partitions.Assess(f)
			require.Len(t, r.Alerts, 1)
			require.Equal(t, c.level, r.Alerts[0].Level)
			require.Contains(t, r.Alerts[0].Message, c.says)
			require.NotEmpty(t, r.Alerts[0].Action)
			require.True(t, strings.HasSuffix(r.Alerts[0].Action, "."))
		})
	}
	few := facts(level(10))
	few.Parents[0].LastAnalyze = nil
	require.Empty(t, partitions.Assess(few).Alerts, "statistics of a thousand rows are nobody's concern")
	fresh, now := facts(level(1000)), noon.Add(-time.Minute)
	fresh.Parents[0].LastAnalyze = nil
	for i := range fresh.Partitions {
		fresh.Partitions[i].Chunks.LastAnalyze = &now
	}
	require.Empty(t, partitions.Assess(fresh).Alerts, "what was loaded a minute ago is analyzed soon")
	all := facts(level(60_000_000))
	all.Verification.CollectionsWrong = 5
	r := partitions.Assess(all)
	require.Equal(t, partitions.LevelCritical, r.Alerts[0].Level, "the critical first")
	require.Len(t, r.Alerts, 2, "an alert names its partitions, however many")
}
