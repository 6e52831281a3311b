package operations

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"semantik/platform/database"
	"semantik/platform/metrics"
)

// What an attempt at an operation came to.
const (
	attemptEnded    = "ended"       // completed, failed or cancelled
	attemptTurn     = "turn"        // its slice of time was over
	attemptReturned = "handed_back" // the worker stops
	attemptLost     = "lost"        // cancelled, or taken by another worker
	attemptError    = "error"       // ended with an error, to be tried again or not
)

// Metrics are the figures of the work of this process. Those of nil are nobody's.
type Metrics struct {
	duration  *prometheus.HistogramVec
	attempts  *prometheus.CounterVec
	inHand    *prometheus.GaugeVec
	documents *prometheus.CounterVec
	chunks    *prometheus.CounterVec
	bytes     prometheus.Counter
}

// NewMetrics declares the figures.
func NewMetrics(r *metrics.Registry) *Metrics {
	return &Metrics{
		duration: r.Histogram("semantik_operation_duration_seconds",
			"How long an operation took that this process has ended, from its first attempt.", metrics.Long, "type", "outcome"),
		attempts: r.Counter("semantik_operation_attempts_total",
			"Attempts at operations by this process: ended, turn (others were let on), handed_back (it stops), lost (cancelled or taken over), error.", "type", "outcome"),
		inHand: r.Gauge("semantik_operations_in_hand", "Operations that this process works on.", "type"),
		documents: r.Counter("semantik_ingest_documents_total",
			"Documents that operations of this process have got through: done, failed or skipped. Those of a deletion are counted as they go.", "type", "outcome"),
		chunks: r.Counter("semantik_ingest_chunks_total", "Chunks that operations of this process have made, or purged.", "type"),
		bytes:  r.Counter("semantik_ingest_bytes_total", "Bytes of documents that this process has read to make chunks of.").WithLabelValues(),
	}
}

// begun counts an attempt that begins; the function that it gives, that it has ended.
func (m *Metrics) begun(t Type) func(outcome string) {
	if m == nil {
		return func(string) {}
	}
	m.inHand.WithLabelValues(string(t)).Inc()
	return func(outcome string) {
		m.inHand.WithLabelValues(string(t)).Dec()
		m.attempts.WithLabelValues(string(t), outcome).Inc()
	}
}

// ended counts an operation that is over.
func (m *Metrics) ended(o Operation, to Status) {
	if m == nil || o.StartedAt == nil {
		return
	}
	m.duration.WithLabelValues(string(o.Type), string(to)).Observe(max(0, time.Since(*o.StartedAt)).Seconds())
}

// advanced counts what a step has brought.
func (m *Metrics) advanced(t Type, more Progress) {
	if m == nil {
		return
	}
	for outcome, n := range map[string]int64{"done": more.Done - more.Failed - more.Skipped, "failed": more.Failed, "skipped": more.Skipped} {
		if n > 0 {
			m.documents.WithLabelValues(string(t), outcome).Add(float64(n))
		}
	}
	if more.Chunks > 0 {
		m.chunks.WithLabelValues(string(t)).Add(float64(more.Chunks))
	}
}

// read counts the bytes of a document.
func (m *Metrics) read(n int) {
	if m != nil {
		m.bytes.Add(float64(n))
	}
}

// selectQueue is served by the index on the active operations. What waits is what nobody
// has begun, for a limit too; what is unattended has lost its worker.
const selectQueue = `
select case
         when status = 'pending' then 'waiting'
         when waits_for is not null then 'waits_for_' || waits_for
         when lease_until < now() then 'unattended'
         else 'running'
       end as state,
       count(*),
       coalesce(extract(epoch from now() - min(case when started_at is null then created_at end)), 0)::float8
from operations
where status in ('pending', 'processing')
group by 1`

// QueueStates are the states of active operations, as far as a worker is concerned.
var QueueStates = []string{"waiting", "running", "unattended", "waits_for_turn", "waits_for_retry", "waits_for_limit"}

// Waiting is how many operations are active in each of [QueueStates], and how long the
// oldest of those has waited that nobody has begun.
type Waiting struct {
	Counts map[string]int64
	Oldest time.Duration
}

// Waiting reads how the queue is.
func (r *Repository) Waiting(ctx context.Context) (Waiting, error) {
	w := Waiting{Counts: map[string]int64{}}
	rows, err := r.db.Querier(ctx).Query(ctx, selectQueue)
	if err != nil {
		return w, r.db.Translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var state string
		var n int64
		var age float64
		if err := rows.Scan(&state, &n, &age); err != nil {
			return w, r.db.Translate(err)
		}
		w.Counts[state] = n
		w.Oldest = max(w.Oldest, time.Duration(age*float64(time.Second)))
	}
	return w, r.db.Translate(rows.Err())
}

// Figures declares what is read of the queue.
func Figures(f *metrics.Figures, db *database.DB) {
	states := f.Gauge("semantik_queue_operations",
		"Active operations: waiting (not begun), running, unattended (the worker is gone), waits_for_turn, waits_for_retry, waits_for_limit.", "state")
	oldest := f.Gauge("semantik_queue_oldest_waiting_seconds", "How long the oldest operation has waited that nobody has begun; 0 when there is none.")
	repository := NewRepository(db)
	f.From(func(ctx context.Context, emit metrics.Emit) error {
		w, err := repository.Waiting(ctx)
		if err != nil {
			return err
		}
		for _, state := range QueueStates {
			emit(states, float64(w.Counts[state]), state)
		}
		emit(oldest, w.Oldest.Seconds())
		return nil
	})
}
