package web

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"semantik/platform/metrics"
	"semantik/platform/tracing"
)

// observer counts the requests and makes a span of each.
type observer struct {
	tracer   *tracing.Tracer
	duration *prometheus.HistogramVec // nil where nobody wants figures
	flying   prometheus.Gauge
	// routes are the patterns that there are; what is none of them has no label of its
	// own, since it is what somebody sent.
	routes map[string]bool
	// learn fills them, with the first request that has ended: all are there then.
	learn func()
}

const noRoute = "none"

func newObserver(r *metrics.Registry, tracer *tracing.Tracer, routes func() []*echo.Route) *observer {
	o := &observer{tracer: tracer, routes: map[string]bool{}}
	o.learn = sync.OnceFunc(func() {
		for _, r := range routes() {
			o.routes[r.Path] = true
		}
	})
	if r == nil {
		return o
	}
	o.duration = r.Histogram("semantik_http_request_duration_seconds",
		"How long a request took until its answer was written, by the pattern of its route. WebSockets are not among them.", metrics.Brief, "route", "method", "status")
	o.flying = r.Gauge("semantik_http_requests_in_flight", "Requests that are being answered, open WebSockets among them.").WithLabelValues()
	return o
}

func (o *observer) begin(ctx context.Context, r *http.Request) (context.Context, *tracing.Span) {
	if o.flying != nil {
		o.flying.Inc()
	}
	if !o.tracer.On() {
		return ctx, nil
	}
	return o.tracer.Start(o.tracer.Continue(ctx, r.Header), trace.SpanKindServer, methodOf(r.Method), attribute.String("http.request.method", methodOf(r.Method)))
}

func (o *observer) end(req *request, out *response, took time.Duration, span *tracing.Span) {
	if o.flying != nil {
		o.flying.Dec()
	}
	o.learn()
	route, method, status := noRoute, methodOf(req.method), out.status
	if o.routes[req.route] {
		route = req.route
	}
	if status == 0 {
		status = http.StatusOK
	}
	// A socket stays open for as long as somebody watches, which is no time of ours.
	if o.duration != nil && status != http.StatusSwitchingProtocols {
		o.duration.WithLabelValues(route, method, statusClasses[min(max(status/100, 1), 5)]).Observe(took.Seconds())
	}
	if span != nil {
		span.Name(method+" "+route, attribute.String("http.route", route), attribute.Int("http.response.status_code", status),
			attribute.String("semantik.correlation_id", req.correlationID))
		span.End(status >= http.StatusInternalServerError)
	}
}

var statusClasses = func() (classes [6]string) {
	for i := range classes {
		classes[i] = strconv.Itoa(i) + "xx"
	}
	return classes
}()

// methodOf is a method that there is; anything may be sent.
func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
