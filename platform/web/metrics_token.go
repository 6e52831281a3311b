package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
)

const metricsScheme = "metrics"

// BearerOrMetrics is the Security of an operation that serves those who say who they are,
// and a collector that has Config.MetricsToken; see [IsCollector].
func BearerOrMetrics() []map[string][]string {
	return []map[string][]string{{bearerScheme: {}}, {metricsScheme: {}}}
}

type collectorKey struct{}

// IsCollector reports whether the caller has shown the token for metrics: nobody in
// particular, who may read them and nothing else.
func IsCollector(ctx context.Context) bool {
	shown, _ := ctx.Value(collectorKey{}).(bool)
	return shown
}

// isMetricsToken compares in a time that tells neither a character of the token nor its
// length. Without one configured nothing is it.
func (s *Server) isMetricsToken(token string) bool {
	if s.config.MetricsToken == "" {
		return false
	}
	shown, expected := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.config.MetricsToken))
	return subtle.ConstantTimeCompare(shown[:], expected[:]) == 1
}
