package metrics

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// ContentType is that of [Registry.Text].
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Buckets of durations, in seconds. There is a series for each, so that they are few.
var (
	// Brief is for what is mostly done in milliseconds: requests and statements.
	Brief = []float64{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10}
	// Long is for background work.
	Long = []float64{0.1, 1, 10, 60, 600, 3600, 6 * 3600}
)

// Kind is what a metric is to Prometheus.
type Kind string

// The kinds.
const (
	KindCounter   Kind = "counter"
	KindGauge     Kind = "gauge"
	KindHistogram Kind = "histogram"
)

// Description is what a metric is called and means.
type Description struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string
}

// Registry holds the metrics of one program. It is safe for concurrent use.
type Registry struct {
	prometheus *prometheus.Registry

	mu        sync.Mutex
	described []Description
}

// New makes a registry that has the figures of Go, of the process and of the build.
func New(version string) *Registry {
	r := &Registry{prometheus: prometheus.NewRegistry()}
	r.prometheus.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	r.Gauge("semantik_build_info", "1, with the version of the program and of Go.", "version", "go_version").
		WithLabelValues(version, runtime.Version()).Set(1)
	return r
}

// Counter declares a counter. As with the others below, a name that is declared twice
// panics.
func (r *Registry) Counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.add(c, Description{name, KindCounter, labels, help})
	return c
}

// Gauge declares a gauge.
func (r *Registry) Gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	r.add(g, Description{name, KindGauge, labels, help})
	return g
}

// Histogram declares a histogram.
func (r *Registry) Histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.add(h, Description{name, KindHistogram, labels, help})
	return h
}

// GaugeFunc declares a gauge that is read when somebody asks.
func (r *Registry) GaugeFunc(name, help string, read func() float64) {
	r.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read), Description{name, KindGauge, nil, help})
}

// CounterFunc declares a counter that something else keeps.
func (r *Registry) CounterFunc(name, help string, read func() float64) {
	r.add(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read), Description{name, KindCounter, nil, help})
}

func (r *Registry) add(c prometheus.Collector, d Description) {
	r.prometheus.MustRegister(c)
	r.describe(d)
}

func (r *Registry) describe(d Description) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.described = append(r.described, d)
}

// Describe lists what is declared, by name. What Go and the process tell by themselves,
// as go_… and process_…, is not in it.
func (r *Registry) Describe() []Description {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.described)
	slices.SortFunc(all, func(a, b Description) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Text reads every metric, in Prometheus's text form.
func (r *Registry) Text() (string, error) {
	families, err := r.prometheus.Gather()
	if err != nil {
		return "", fmt.Errorf("reading the metrics: %w", err)
	}
	var text bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return "", fmt.Errorf("writing the metrics: %w", err)
		}
	}
	return text.String(), nil
}

// Markdown is the list of the metrics for docs/operations.md.
func (r *Registry) Markdown() string {
	var b strings.Builder
	b.WriteString("| metric | kind | labels | what it is |\n| --- | --- | --- | --- |\n")
	for _, d := range r.Describe() {
		labels := make([]string, len(d.Labels))
		for i, l := range d.Labels {
			labels[i] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, d.Kind, strings.Join(labels, ", "), strings.ReplaceAll(d.Help, "|", `\|`))
	}
	return b.String()
}
