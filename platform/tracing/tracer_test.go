package tracing_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	oteltrace "go.opentelemetry.io/otel/trace"

	"semantik/platform/pgtest"
	"semantik/platform/tracing"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// receiver is a collector of traces that keeps them.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	spans []*trace.Span
	about []string
	wrong []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		body, err := io.ReadAll(request.Body)
		var sent collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || request.URL.Path != "/v1/traces" {
			r.wrong = append(r.wrong, fmt.Sprint(request.URL.Path, err))
		}
		for _, resource := range sent.GetResourceSpans() {
			for _, a := range resource.GetResource().GetAttributes() {
				r.about = append(r.about, a.GetKey()+"="+a.GetValue().GetStringValue())
			}
			for _, scope := range resource.GetScopeSpans() {
				r.spans = append(r.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// named gives the spans of that name.
func (r *receiver) named(name string) (found []*trace.Span) {
	for _, s := range r.spans {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}

func TestTracer_ARequestItsStatementsAStepAndASearchAreSentAndWhatAClientBeganGoesOn(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	w := testworld.New(t, testworld.Setting("OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL+"/"))
	alice := w.User("alice")
	c := w.Collection(alice)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."})
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	w.Request(testworld.Scenario{
		As: &alice, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusOK,
		Body:    map[string]any{"collection_uuids": []string{c.ID.String()}, "query": "walrus verysecretword"},
		Headers: map[string]string{"Traceparent": "00-" + theirs + "-00f067aa0ba902b7-01"},
	})
	w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/nowhere/verysecretword?q=verysecretword", Status: http.StatusNotFound, Headers: map[string]string{"Traceparent": "nonsense"}})
	require.NoError(t, w.Tracer.Flush(t.Context()))

	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.wrong)
	require.Contains(t, r.about, "service.name=semantik")
	requests := r.named("POST /api/v2/search")
	require.Len(t, requests, 1)
	require.Equal(t, theirs, hex.EncodeToString(requests[0].GetTraceId()), "the client's trace goes on")
	searches := r.named("search")
	require.Len(t, searches, 1)
	require.Equal(t, requests[0].GetSpanId(), searches[0].GetParentSpanId())
	statements := r.named("chunks.Search")
	require.NotEmpty(t, statements)
	require.Equal(t, searches[0].GetSpanId(), statements[0].GetParentSpanId())
	require.NotEmpty(t, r.named("operation append"), "a step")
	require.Len(t, r.named("GET none"), 1, "a path that there is not has no name")
	for _, s := range r.spans {
		require.NotContains(t, s.String(), "verysecretword")
		require.NotContains(t, s.String(), "walrus")
	}
}

func TestTracer_IsOffByItselfAndCostsNothingThen(t *testing.T) { //nolint:paralleltest // allocations are counted
	off, err := tracing.New(t.Context(), tracing.Config{})
	require.NoError(t, err)
	require.Nil(t, off)
	require.False(t, off.On())
	header := http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		ctx, span := off.Start(off.Continue(t.Context(), header), oteltrace.SpanKindInternal, "x")
		_, inner := off.StartInside(ctx, oteltrace.SpanKindInternal, "y")
		inner.Set()
		inner.End(true)
		span.Name("z")
		span.End(false)
	}))
	require.NoError(t, off.Flush(t.Context()))
	require.NoError(t, off.Close())
}

func TestTracer_ACollectorThatIsNotThereKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.Close()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL))
	answer := w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/health", Status: http.StatusOK})
	require.Contains(t, answer.Body, "healthy")
}
