package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracesPath is where a collector takes traces, below its address.
const tracesPath = "/v1/traces"

// Config says where traces go.
type Config struct {
	// Endpoint is the address of the collector, such as http://localhost:4318; traces go
	// to /v1/traces below it. "" makes none.
	Endpoint string
	// Version is the program's.
	Version string
	// Logger hears when traces cannot be sent; nil for nobody.
	Logger *slog.Logger
}

// Tracer makes spans. A nil one makes none.
type Tracer struct {
	provider   *sdk.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	shutdown   func() error
}

// closeWithin bounds the sending of the last spans.
const closeWithin = 500 * time.Millisecond

// New makes a tracer, or nil where there is nowhere to send to. What else is to be said
// about the sending, OpenTelemetry reads from its variables: OTEL_EXPORTER_OTLP_HEADERS,
// OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME and the like. It does not wait for the collector,
// and one that is not there costs a warning and the spans.
func New(ctx context.Context, config Config) (*Tracer, error) {
	if config.Endpoint == "" {
		return nil, nil //nolint:nilnil // a nil tracer is one that makes no spans
	}
	if config.Logger != nil {
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
			config.Logger.Warn("traces could not be sent", "error", err)
		}))
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimRight(config.Endpoint, "/")+tracesPath))
	if err != nil {
		return nil, fmt.Errorf("preparing to send traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "semantik"), attribute.String("service.version", config.Version)),
		resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("preparing to send traces: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracer{
		provider: provider, tracer: provider.Tracer("semantik"), propagator: propagation.TraceContext{},
		shutdown: func() error {
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
			defer cancel()
			return provider.Shutdown(bounded)
		},
	}, nil
}

// Close sends what is left, for half a second at the most, and ends it.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	if err := t.shutdown(); err != nil {
		return fmt.Errorf("sending the last traces: %w", err)
	}
	return nil
}

// Flush sends what has ended by now.
func (t *Tracer) Flush(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.ForceFlush(ctx); err != nil {
		return fmt.Errorf("sending traces: %w", err)
	}
	return nil
}

// On reports whether spans are made.
func (t *Tracer) On() bool { return t != nil }

// Continue gives the context of what a client has begun, by the header traceparent of
// W3C's Trace Context. One that is not understood begins nothing.
func (t *Tracer) Continue(ctx context.Context, header http.Header) context.Context {
	if t == nil {
		return ctx
	}
	return t.propagator.Extract(ctx, propagation.HeaderCarrier(header))
}

// Span is a piece of work under way. A nil one is none.
type Span struct{ span trace.Span }

// Start begins a span within that of the context.
func (t *Tracer) Start(ctx context.Context, kind trace.SpanKind, name string, attributes ...attribute.KeyValue) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...)) //nolint:spancheck // the caller ends it
	return ctx, &Span{span}                                                                               //nolint:spancheck // as above
}

// StartInside is [Tracer.Start] where the context belongs to a span, and nothing
// elsewhere: what the program does by itself every second is no trace.
func (t *Tracer) StartInside(ctx context.Context, kind trace.SpanKind, name string, attributes ...attribute.KeyValue) (context.Context, *Span) {
	if t == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, nil
	}
	return t.Start(ctx, kind, name, attributes...)
}

// Name names it anew, once it is known what it is.
func (s *Span) Name(name string, attributes ...attribute.KeyValue) {
	if s == nil {
		return
	}
	s.span.SetName(name)
	s.span.SetAttributes(attributes...)
}

// Set adds to what is known of it.
func (s *Span) Set(attributes ...attribute.KeyValue) {
	if s != nil {
		s.span.SetAttributes(attributes...)
	}
}

// End ends it. Of a failure it tells that there was one and not which: the text of an
// error may have values in it.
func (s *Span) End(failed bool) {
	if s == nil {
		return
	}
	if failed {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
