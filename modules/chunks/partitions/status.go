package partitions

import "slices"

// Status is how a partition stands.
type Status string

// The statuses, from the best to the worst. Unbalanced is the word of the API for
// a partition that needs something done; evenness alone never makes one.
const (
	Healthy    Status = "HEALTHY"
	Warning    Status = "WARNING"
	Unbalanced Status = "UNBALANCED"
)

// worse is the worse of the two.
func (s Status) worse(other Status) Status {
	order := []Status{Healthy, Warning, Unbalanced}
	if slices.Index(order, other) > slices.Index(order, s) {
		return other
	}
	return s
}

// Level is how soon somebody should look at an alert.
type Level string

// The levels. Critical means that data is wrong or cannot be loaded: now, whatever
// the time is. Warning means that work gets dearer: in the daytime.
const (
	LevelCritical Level = "critical"
	LevelWarning  Level = "warning"
)

// Priority is that of a recommendation.
type Priority string

// The priorities.
const (
	High   Priority = "HIGH"
	Medium Priority = "MEDIUM"
)

// What makes a partition costly. The bounds are about the one table that a single
// worker of autovacuum, a single REINDEX and a single rebuild of search rows has to
// get through, and come from what those do:
//
//   - A vacuum that has to change pages is throttled by PostgreSQL's defaults: a
//     page that it changes costs vacuum_cost_page_dirty (20) of
//     vacuum_cost_limit (200), every autovacuum_vacuum_cost_delay (2 ms), so some
//     5,000 pages or 39 MiB a second. One that has to freeze 20 GiB takes nine
//     minutes; 100 GiB take three quarters of an hour, in which nothing else of the
//     partition is vacuumed. (PostgreSQL's documentation, "Cost-based Vacuum Delay"
//     and "Automatic Vacuuming".)
//   - Search rows are built at 3,700 a second and core, measured with this schema:
//     those of ten million chunks in three quarters of an hour, of fifty million in
//     nearly four hours.
//   - A read finds its rows by index and does not care: at ten million chunks it
//     has to be within a fifth of what it takes at a hundred thousand.
const (
	largeRows  int64 = 10_000_000
	largeBytes int64 = 20 << 30
	hugeRows   int64 = 50_000_000
	hugeBytes  int64 = 100 << 30

	// A partition that holds many times its even share gets so much of the work
	// that partitions no longer divide it: vacuums, index builds and what is cached
	// all wait for the one. That matters once it is a quarter of the way to being
	// large. A thousand equal collections over a hundred partitions give one of
	// them twice its share, ten small ones ten times.
	tallShare     = 10.0
	loomingShare  = 30.0
	noticedRows   = largeRows / 4
	noticedBytes  = largeBytes / 4
	manyInOne     = 1000
	halfOf        = 0.5
	deadRowsRatio = 0.2
	deadRowsLeast = 100_000
)

// Dead rows count when they are a fifth of a table, which is where PostgreSQL would
// vacuum any table by its own default (autovacuum_vacuum_scale_factor 0.2): the
// partitions ask for it at a hundredth, so autovacuum has been kept from it for
// long. Below a hundred thousand they cost nobody anything.

// judgement is the status of a partition with what speaks for it.
type judgement struct {
	status Status
	// size and share are set where the partition is too large in itself, and where
	// it holds too much of all.
	size, share Status
	// dead is set where dead rows are not taken away.
	dead bool
}

// rows is how many rows the larger of the two tables has, and bytes likewise.
func (p Partition) rows() int64  { return max(p.Chunks.Rows, p.Search.Rows) }
func (p Partition) bytes() int64 { return max(p.Chunks.Bytes, p.Search.Bytes) }

// atLeast reports whether the partition has so many rows or bytes.
func (p Partition) atLeast(rows, bytes int64) bool { return p.rows() >= rows || p.bytes() >= bytes }

// hasDeadRows reports whether a table's dead rows are many and nobody is at them.
func (t Table) hasDeadRows() bool {
	return !t.Busy && t.DeadRows >= deadRowsLeast && float64(t.DeadRows) >= deadRowsRatio*float64(t.DeadRows+t.Rows)
}

// judge decides about a partition that holds so many times its even share.
func judge(p Partition, times float64) judgement {
	j := judgement{status: Healthy, size: Healthy, share: Healthy}
	switch {
	case p.atLeast(hugeRows, hugeBytes):
		j.size = Unbalanced
	case p.atLeast(largeRows, largeBytes):
		j.size = Warning
	}
	switch {
	case times >= loomingShare && p.atLeast(largeRows, largeBytes):
		j.share = Unbalanced
	case times >= tallShare && p.atLeast(noticedRows, noticedBytes):
		j.share = Warning
	}
	j.status = j.size.worse(j.share)
	if p.Chunks.hasDeadRows() || p.Search.hasDeadRows() {
		j.dead = true
		j.status = j.status.worse(Warning)
	}
	return j
}
