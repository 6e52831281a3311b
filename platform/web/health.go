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
	// Problems repeats what is wrong, so that a log of probes shows it at a glance.
	Problems []string `json:"problems,omitempty" doc:"What is wrong, a sentence each: what keeps the server from serving, and what is degraded."`
}

type startupBody struct {
	Status   string `json:"status" enum:"healthy,starting"`
	Check    string `json:"check" enum:"startup"`
	WaitsFor string `json:"waits_for,omitempty" doc:"What the start waits for; absent once it is over."`
}

type upkeepBody struct {
	Status  string `json:"status" enum:"healthy,degraded"`
	Cleanup Health `json:"cleanup" doc:"What the server does by the clock."`
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
		Method: http.MethodGet, Path: "/api/health/startupz", OperationID: "health-started", Summary: "Start-up: the server has started", Tags: tags, Metadata: Unlimited(),
		Description: "While the server starts, and recovers its database or changes its schema, every path is answered 503, and this one says what is waited for. Liveness is answered 200 from the first moment.",
	}, func(context.Context, *struct{}) (*bodyOutput[startupBody], error) {
		return &bodyOutput[startupBody]{startupBody{Status: StatusHealthy, Check: "startup"}}, nil
	})
	Register(s.api, huma.Operation{
		Method: http.MethodGet, Path: "/api/health", OperationID: "health-cleanup", Summary: "Say whether the server keeps its house in order", Tags: tags, Metadata: Unlimited(),
		Description: "How the tasks go that the server does by the clock. The status is 200 also when they do not.",
	}, func(ctx context.Context, _ *struct{}) (*bodyOutput[upkeepBody], error) {
		return &bodyOutput[upkeepBody]{s.upkeep(ctx)}, nil
	})
	Register(s.api, huma.Operation{
		Method: http.MethodGet, Path: "/api/health/readyz", OperationID: "health-ready", Summary: "Readiness: requests can be served", Tags: tags, Metadata: Unlimited(),
		Description: "200 when every component that is needed works, 503 when one does not or the server is stopping. One that is degraded keeps nobody from being served; it is named all the same.",
	}, func(ctx context.Context, _ *struct{}) (*readinessOutput, error) {
		body := s.readiness(ctx)
		out := &readinessOutput{Status: http.StatusOK, Body: body}
		if !body.Ready {
			out.Status, out.RetryAfter = http.StatusServiceUnavailable, strconv.Itoa(int(DefaultRetryAfter.Seconds()))
		}
		return out, nil
	})
}

// readiness asks whether requests can be served.
func (s *Server) readiness(ctx context.Context) readinessBody {
	body := readinessBody{Ready: true, Check: "readiness", Services: s.Health(ctx)}
	for _, check := range s.deps.Checks {
		switch health := body.Services[check.Name]; health.Status {
		case StatusUnhealthy:
			body.Ready = false
			body.Problems = append(body.Problems, health.Message)
		case StatusDegraded:
			body.Problems = append(body.Problems, health.Message)
		}
	}
	select {
	case <-s.stopping:
		body.Ready = false
		body.Problems = append(body.Problems, "The server is stopping.")
	default:
	}
	return body
}

// Health probes everything that readiness looks at, at once and within two seconds, and
// gives each by its name.
func (s *Server) Health(ctx context.Context) map[string]Health {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	results := make([]Health, len(s.deps.Checks))
	var group sync.WaitGroup
	for i, check := range s.deps.Checks {
		group.Go(func() { results[i] = s.probe(ctx, check) })
	}
	group.Wait()
	services := map[string]Health{}
	for i, check := range s.deps.Checks {
		if results[i].Status == StatusUnhealthy && check.Optional {
			results[i].Status = StatusDegraded
		}
		services[check.Name] = results[i]
	}
	return services
}

// upkeep asks how the cleaning goes.
func (s *Server) upkeep(ctx context.Context) upkeepBody {
	body := upkeepBody{Status: StatusHealthy, Cleanup: Health{Status: StatusHealthy, Message: "There is nothing to clean."}}
	if s.deps.Cleanup != nil {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		body.Cleanup = s.probe(ctx, Check{Name: "cleanup", Probe: s.deps.Cleanup})
	}
	if body.Cleanup.Status != StatusHealthy {
		body.Status = StatusDegraded
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
