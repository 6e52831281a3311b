package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// figuresFor is how long what was read is good for.
	figuresFor = 15 * time.Second
	// figuresWithin bounds one reading, the connecting included.
	figuresWithin = 3 * time.Second
)

// Figure is a gauge whose value is read from elsewhere.
type Figure struct{ desc *prometheus.Desc }

// Emit gives the value of a figure with those of its labels.
type Emit func(f Figure, value float64, labels ...string)

// Source reads some figures.
type Source func(ctx context.Context, emit Emit) error

// Figures reads what the database knows, when somebody asks and at most so often. What
// could not be read is left out, and up says so: what it was before tells nobody what it
// is.
type Figures struct {
	registry *Registry
	during   func(ctx context.Context, read func(ctx context.Context) error) error
	up       Figure
	log      *slog.Logger
	now      func() time.Time

	sources []Source

	mu      sync.Mutex
	read    reading
	running chan struct{} // closed when the reading under way has ended; nil while none is
}

type reading struct {
	at      time.Time
	up      bool
	samples []prometheus.Metric
}

// NewFigures makes figures that are read within during, which connects, gives the sources
// a context with that connection, and fails when there is none. The gauge up, 1 or 0, says
// whether it did. The logger is told once when a reading begins to fail; nil tells nobody.
func NewFigures(r *Registry, up, help string, during func(ctx context.Context, read func(ctx context.Context) error) error, log *slog.Logger) *Figures {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &Figures{registry: r, during: during, log: log, now: time.Now, read: reading{up: true}}
	f.up = f.Gauge(up, help)
	r.prometheus.MustRegister(f)
	return f
}

// Gauge declares a figure.
func (f *Figures) Gauge(name, help string, labels ...string) Figure {
	f.registry.describe(Description{name, KindGauge, labels, help})
	return Figure{prometheus.NewDesc(name, help, labels, nil)}
}

// From adds a source. It is for the start: nobody may be reading yet.
func (f *Figures) From(source Source) { f.sources = append(f.sources, source) }

// Describe is Prometheus's. It tells nothing, since what there is depends on the database.
func (f *Figures) Describe(chan<- *prometheus.Desc) {}

// Collect is Prometheus's.
func (f *Figures) Collect(to chan<- prometheus.Metric) {
	r := f.latest()
	up := 0.0
	if r.up {
		up = 1
	}
	to <- prometheus.MustNewConstMetric(f.up.desc, prometheus.GaugeValue, up)
	for _, s := range r.samples {
		to <- s
	}
}

// latest gives figures that are fresh, and reads them where they are not. However many ask,
// one reading is under way, and each waits for it no longer than that may take.
func (f *Figures) latest() reading {
	f.mu.Lock()
	if f.now().Sub(f.read.at) < figuresFor {
		defer f.mu.Unlock()
		return f.read
	}
	if f.running == nil {
		f.running = make(chan struct{})
		go f.refresh(f.running)
	}
	running := f.running
	f.mu.Unlock()

	timer := time.NewTimer(figuresWithin + time.Second/2)
	defer timer.Stop()
	select {
	case <-running:
	case <-timer.C:
		return reading{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

func (f *Figures) refresh(running chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), figuresWithin)
	defer cancel()
	var r reading
	err := f.during(ctx, func(ctx context.Context) error {
		for _, source := range f.sources {
			if err := source(ctx, func(fig Figure, value float64, labels ...string) {
				r.samples = append(r.samples, prometheus.MustNewConstMetric(fig.desc, prometheus.GaugeValue, value, labels...))
			}); err != nil {
				return err
			}
		}
		return nil
	})
	r.at, r.up = f.now(), err == nil
	if err != nil {
		r.samples = nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.read.up {
		f.log.WarnContext(ctx, "the figures of the database cannot be read", "error", err)
	}
	f.read, f.running = r, nil
	close(running)
}
