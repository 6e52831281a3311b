package web

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// Server is the HTTP server. Routes are registered before [Server.Serve], not
// while it runs. It is an http.Handler too, for tests.
type Server struct {
	config   Config
	deps     Deps
	log      *slog.Logger
	echo     *echo.Echo
	api      huma.API
	origins  map[string]bool
	fill     *filler
	active   *activity
	stopping chan struct{}
	limits   *limits
	observer *observer
	port     atomic.Int64
	// proxyWarning is given once.
	proxyWarning sync.Once
	// prepare runs what waits until all routes are there.
	prepare     func()
	description func() (description, error)
}

var _ http.Handler = (*Server)(nil)

// New makes a server with the routes that are about itself: /health,
// /api/health/…, /openapi.json, /openapi.yaml and /docs.
func New(config Config, deps Deps) *Server {
	s := &Server{
		config:   config.withDefaults(),
		deps:     deps,
		echo:     echo.New(),
		origins:  map[string]bool{},
		fill:     &filler{},
		active:   newActivity(),
		stopping: make(chan struct{}),
	}
	if s.deps.Logger == nil {
		s.deps.Logger = slog.Default()
	}
	s.log = slog.New(LogHandler(s.deps.Logger.Handler()))
	s.limits = newLimits(config.Limits, deps.Limiter)
	s.observer = newObserver(deps.Metrics, deps.Tracer, func() []*echo.Route { return s.echo.Routes() })
	for _, origin := range config.CORSOrigins {
		s.origins[origin] = true
	}

	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = s.echoError
	s.echo.IPExtractor = echo.ExtractIPDirect()
	s.echo.Use(noteRoute)

	s.api = humaecho.New(s.echo, s.humaConfig())
	s.api.UseMiddleware(s.operation)
	s.prepare = sync.OnceFunc(func() {
		tidySchemas(s.api.OpenAPI())
		s.limits.check(s.api.OpenAPI())
	})
	s.description = sync.OnceValues(s.describe)
	s.registerHealth()
	s.registerOpenAPI()
	s.registerDocs()
	return s
}

// API is what routes are registered with; see [Register].
func (s *Server) API() huma.API { return s.api }

// Echo is the router, for what is no API operation: sockets, files, the console.
func (s *Server) Echo() *echo.Echo { return s.echo }

// Stopping is closed when the server has been told to stop: what would hold a
// connection open for long ends itself then.
func (s *Server) Stopping() <-chan struct{} { return s.stopping }

func (s *Server) humaConfig() huma.Config {
	config := huma.DefaultConfig(s.config.Title, s.config.Version)
	config.Info.Description = s.config.Description
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearerScheme: {
			Type: "http", Scheme: "bearer",
			Description: "An access token from /api/auth/login, or an API key.",
		},
		internalScheme: {
			Type: "apiKey", In: "header", Name: headerInternalKey,
			Description: "The server's INTERNAL_API_KEY, for monitors. It counts for nothing when none is set.",
		},
		metricsScheme: {
			Type: "http", Scheme: "bearer",
			Description: "The server's METRICS_TOKEN, for collectors of metrics. It counts for nothing when none is set.",
		},
	}
	// The hooks put "$schema" into every answer; the paths would serve a page
	// that loads its script from elsewhere, and a description that is made anew
	// by whichever requests come first at once.
	config.CreateHooks = nil
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Formats = map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()}
	config.Transformers = []huma.Transformer{s.transform}
	return config
}

// transform has the last look at every body that Huma writes.
func (s *Server) transform(ctx huma.Context, _ string, v any) (any, error) {
	switch body := v.(type) {
	case *Problem:
		return body, nil
	case *huma.ErrorModel:
		return s.problemOfValidation(ctx.Context(), body), nil
	default:
		return s.fill.value(v), nil
	}
}

// noteRoute remembers the pattern of the route, for the log.
func noteRoute(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		requestOf(c.Request().Context()).route = c.Path()
		return next(c)
	}
}
