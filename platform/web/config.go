package web

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"semantik/platform/auth"
	"semantik/platform/metrics"
	"semantik/platform/ratelimit"
	"semantik/platform/tracing"
)

// Defaults for what [Config] leaves at zero.
const (
	DefaultMaxBodyBytes      = 1 << 20
	DefaultBodyTimeout       = 30 * time.Second
	DefaultStreamIdleTimeout = 30 * time.Second
	DefaultHeaderTimeout     = 10 * time.Second
	DefaultWriteTimeout      = 60 * time.Second
	DefaultKeepAlive         = 2 * time.Minute
	DefaultShutdownTimeout   = 3 * time.Second

	// maxHeaderBytes bounds the request line and the headers together; net/http
	// refuses more with 431 by itself.
	maxHeaderBytes = 64 << 10
	// drainTimeout bounds how long the rest of a body that nobody wants is read,
	// which keeps the connection usable.
	drainTimeout = 2 * time.Second
)

// Config is what an operator decides. Zero values stand for the defaults above.
type Config struct {
	// Title, Version and Description head the OpenAPI description.
	Title       string
	Version     string
	Description string

	// CORSOrigins may call from a browser: scheme://host[:port], in lower case.
	CORSOrigins []string

	// TrustedProxies are believed when they say in X-Forwarded-For whom they speak
	// for; nobody else is.
	TrustedProxies []netip.Prefix
	// Limits say how often something may be asked for; without them there is no
	// limit.
	Limits Limits

	// InternalKey lets in whoever shows it, where a route says [BearerOrInternal];
	// "" lets nobody in that way.
	InternalKey string

	// MetricsToken lets in whoever shows it as a bearer token, where a route says
	// [BearerOrMetrics]; "" lets nobody in that way.
	MetricsToken string

	// MaxBodyBytes bounds a JSON body of a route that sets no limit of its own.
	MaxBodyBytes int64
	// BodyTimeout bounds the whole reading of a JSON body.
	BodyTimeout time.Duration
	// StreamIdleTimeout is how long a streamed body may bring no byte.
	StreamIdleTimeout time.Duration
	// HeaderTimeout bounds the reading of a request's headers.
	HeaderTimeout time.Duration
	// WriteTimeout bounds each write of an answer, not the whole of it.
	WriteTimeout time.Duration
	// KeepAlive is how long an idle connection stays open.
	KeepAlive time.Duration
	// ShutdownTimeout is how long requests that have begun may take to finish;
	// negative for no time at all.
	ShutdownTimeout time.Duration
}

// Deps are the pieces that the server works with.
type Deps struct {
	// Logger is slog.Default() when nil.
	Logger *slog.Logger
	// Limiter counts for Config.Limits; in the memory of this process when nil.
	Limiter ratelimit.Limiter
	// Authenticator turns tokens into identities. Without one no token is valid.
	Authenticator Authenticator
	// Checks are what readiness depends on.
	Checks []Check
	// Cleanup tells how the tasks go that are done by the clock; nil where there are none.
	Cleanup func(ctx context.Context) Health
	// Metrics counts the requests; nil counts none.
	Metrics *metrics.Registry
	// Tracer makes a span of each request; nil makes none.
	Tracer *tracing.Tracer
}

// Authenticator turns a bearer token into an identity.
type Authenticator interface {
	// Authenticate returns an apperr of kind Unauthenticated for a token that is
	// not good, Forbidden for one whose user may not act, and Unavailable when
	// it cannot tell.
	Authenticate(ctx context.Context, token string) (auth.Identity, error)
}

func (c Config) withDefaults() Config {
	if c.Title == "" {
		c.Title = "Semantik"
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.MaxBodyBytes <= 0 {
		c.MaxBodyBytes = DefaultMaxBodyBytes
	}
	for field, value := range map[*time.Duration]time.Duration{
		&c.BodyTimeout:       DefaultBodyTimeout,
		&c.StreamIdleTimeout: DefaultStreamIdleTimeout,
		&c.HeaderTimeout:     DefaultHeaderTimeout,
		&c.WriteTimeout:      DefaultWriteTimeout,
		&c.KeepAlive:         DefaultKeepAlive,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	if c.ShutdownTimeout == 0 {
		c.ShutdownTimeout = DefaultShutdownTimeout
	}
	return c
}
