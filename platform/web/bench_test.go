package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"semantik/platform/metrics"
	"semantik/platform/ratelimit"
	"semantik/platform/web"
)

// What the server itself costs a request, without a connection.
func BenchmarkServer(b *testing.B) {
	const unlimited = 1 << 30
	benchmarkServer(b, web.Config{}, web.Deps{})
	b.Run("measured", func(b *testing.B) { benchmarkServer(b, web.Config{}, web.Deps{Metrics: metrics.New("test")}) })
	b.Run("counted", func(b *testing.B) {
		benchmarkServer(b, web.Config{Limits: web.Limits{General: ratelimit.Rate{Count: unlimited, Per: time.Minute}}}, web.Deps{})
	})
}

func benchmarkServer(b *testing.B, config web.Config, deps web.Deps) {
	b.Helper()
	deps.Logger, deps.Authenticator = slog.New(slog.DiscardHandler), people{}
	server := web.New(config, deps)
	routes(server.API())
	for name, c := range map[string]struct{ method, path, body string }{
		"get":   {http.MethodGet, "/me", ""},
		"thing": {http.MethodGet, "/things/" + someUUID, ""},
		"post":  {http.MethodPost, "/accounts", `{"name":"alice","password":"hunter2hunter2","age":3}`},
		"422":   {http.MethodPost, "/accounts", `{"name":"al"}`},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), c.method, c.path, strings.NewReader(c.body))
				r.Header.Set("Authorization", "Bearer alice")
				server.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
