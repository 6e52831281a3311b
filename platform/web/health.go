package web

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// probeTimeout bounds the probes of one request for readiness.
const probeTimeout = 2 * time.Second

// The words of [Health.Status].
const (
	StatusHealthy   = "healthy"
	StatusDegraded  = "degraded"
	StatusUnhealthy = "unhealthy"
)

// Check is one thing that readiness looks at.
type Check struct {
	// Name is its member in the answer, such as "database".
	Name string
	// Optional things degrade the service when they are down and do not unready
	// it.
	Optional bool
	// Probe looks at it. It returns when its context ends.
	Probe func(ctx context.Context) Health
}

// Health is the state of one thing. It is shown to anyone: no address and no
// error text of the inside.
type Health struct {
	Status  string
	Message string
	// Details are further members.
	Details map[string]any
}

// MarshalJSON puts the details beside status and message.
func (h Health) MarshalJSON() ([]byte, error) {
	members := maps.Clone(h.Details)
	if members == nil {
		members = map[string]any{}
	}
	members["status"], members["message"] = h.Status, h.Message
	return json.Marshal(members)
}

// Schema describes what MarshalJSON writes.
func (h Health) Schema(huma.Registry) *huma.Schema {
	text := func() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"status", "message"}, AdditionalProperties: true,
		Properties: map[string]*huma.Schema{"status": text(), "message": text()},
	}
}

type aliveBody struct {
	Status  string `json:"status" enum:"healthy"`
	Service string `json:"service"`
}

type livenessBody struct {
	Status string `json:"status" enum:"healthy"`
	Check  string `json:"check" enum:"liveness"`
}

type readinessBody struct {
	Ready    bool              `json:"ready"`
	Check    string            `json:"check" enum:"readiness"`
	Services map[string]Health `json:"services"`
}

type readinessOutput struct {
	Status     int
	RetryAfter string `header:"Retry-After"`
	Body       readinessBody
}

type bodyOutput[T any] struct{ Body T }

func (s *Server) registerHealth() {
	tags := []string{"Health"}
	Register(s.api, huma.Operation{
		Method: http.MethodGet, Path: "/health", OperationID: "health", Summary: "Tell a container's probe that the server answers", Tags: tags, Metadata: Unlimited(),
	}, func(context.Context, *struct{}) (*bodyOutput[aliveBody], error) {
		return &bodyOutput[aliveBody]{aliveBody{Status: StatusHealthy, Service: "webui"}}, nil
	})
	Register(s.api, huma.Operation{
		Method: http.MethodGet, Path: "/api/health/healthz", OperationID: "health-live", Summary: "Liveness: the process works", Tags: tags, Metadata: Unlimited(),
	}, func(context.Context, *struct{}) (*bodyOutput[livenessBody], error) {
		return &bodyOutput[livenessBody]{livenessBody{Status: StatusHealthy, Check: "liveness"}}, nil
	})
	Register(s.api, huma.Operation{
		Method: http.MethodGet, Path: "/api/health/readyz", OperationID: "health-ready", Summary: "Readiness: requests can be served", Tags: tags, Metadata: Unlimited(),
		Description: "200 when every component that is needed works, 503 when one does not or the server is stopping.",
	}, func(ctx context.Context, _ *struct{}) (*readinessOutput, error) {
		body := s.readiness(ctx)
		out := &readinessOutput{Status: http.StatusOK, Body: body}
		if !body.Ready {
			out.Status, out.RetryAfter = http.StatusServiceUnavailable, strconv.Itoa(int(DefaultRetryAfter.Seconds()))
		}
		return out, nil
	})
}

// readiness probes everything at once.
func (s *Server) readiness(ctx context.Context) readinessBody {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	results := make([]Health, len(s.deps.Checks))
	var group sync.WaitGroup
	for i, check := range s.deps.Checks {
		group.Go(func() { results[i] = s.probe(ctx, check) })
	}
	group.Wait()

	body := readinessBody{Ready: true, Check: "readiness", Services: map[string]Health{}}
	for i, check := range s.deps.Checks {
		health := results[i]
		if health.Status == StatusUnhealthy && check.Optional {
			health.Status = StatusDegraded
		}
		if health.Status == StatusUnhealthy {
			body.Ready = false
		}
		body.Services[check.Name] = health
	}
	select {
	case <-s.stopping:
		body.Ready = false
	default:
	}
	return body
}

// probe keeps a probe that panics from ending the process: it runs in a
// goroutine of its own, where nothing else would catch it.
func (s *Server) probe(ctx context.Context, check Check) (health Health) {
	defer func() {
		if reason := recover(); reason != nil {
			s.log.ErrorContext(ctx, "a readiness probe panicked", "check", check.Name, "reason", reason)
			health = Health{Status: StatusUnhealthy, Message: "The check itself failed."}
		}
	}()
	return check.Probe(ctx)
}
