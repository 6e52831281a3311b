package chunks

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"semantik/platform/apperr"
	"semantik/platform/metrics"
)

// Metrics are the figures of searches and loads in this process. Those of nil are
// nobody's.
type Metrics struct {
	search   *prometheus.HistogramVec
	hits     prometheus.Observer
	capped   prometheus.Counter
	timeouts prometheus.Counter
	load     *prometheus.HistogramVec
	loaded   *prometheus.CounterVec
}

// hitBuckets are those of the number of hits: none, few, a page, many.
var hitBuckets = []float64{0, 1, 5, 10, 50, 100, 250}

// NewMetrics declares the figures.
func NewMetrics(r *metrics.Registry) *Metrics {
	return &Metrics{
		search: r.Histogram("semantik_search_duration_seconds",
			"How long a search took in all its collections: ok, partial (a collection could not be searched), timeout, refused, error.", metrics.Brief, "outcome"),
		hits:     r.Histogram("semantik_search_hits", "How many hits a search has given.", hitBuckets).WithLabelValues(),
		capped:   r.Counter("semantik_search_capped_total", "Collections that were searched with more candidates than are ranked.").WithLabelValues(),
		timeouts: r.Counter("semantik_search_timeouts_total", "Collections that could not be searched within SEARCH_TIMEOUT.").WithLabelValues(),
		load: r.Histogram("semantik_load_duration_seconds",
			"How long a load of chunks took, from its first byte to its commit: ok, refused, error.", metrics.Long, "outcome"),
		loaded: r.Counter("semantik_load_chunks_total", "Chunks that were sent in loads: inserted, replaced, skipped.", "outcome"),
	}
}

// outcomeOf tells a failure of the server from what it was asked wrong.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case isFault(err):
		return "error"
	default:
		return "refused"
	}
}

// isFault reports whether the server has failed, and not who asked.
func isFault(err error) bool {
	kind := apperr.KindOf(err)
	return err != nil && (kind == apperr.Internal || kind == apperr.Unavailable || kind == apperr.Timeout)
}

func (m *Metrics) searched(result SearchResult, err error, took time.Duration) {
	if m == nil {
		return
	}
	outcome := outcomeOf(err)
	switch {
	case errors.Is(err, ErrSearchTimeout):
		outcome = "timeout"
		m.timeouts.Inc()
	case len(result.Failed) > 0:
		outcome = "partial"
		for _, f := range result.Failed {
			if f.Code == ErrSearchTimeout.Code {
				m.timeouts.Inc()
			}
		}
	}
	m.search.WithLabelValues(outcome).Observe(took.Seconds())
	if err != nil {
		return
	}
	m.hits.Observe(float64(len(result.Hits)))
	m.capped.Add(float64(result.capped))
}

func (m *Metrics) hasLoaded(l Loaded, err error, took time.Duration) {
	if m == nil {
		return
	}
	m.load.WithLabelValues(outcomeOf(err)).Observe(took.Seconds())
	for outcome, n := range map[string]int64{"inserted": l.Inserted, "replaced": l.Replaced, "skipped": l.Skipped} {
		m.loaded.WithLabelValues(outcome).Add(float64(n))
	}
}
