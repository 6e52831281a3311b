package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

// A module logs with the context it was given, and its lines can be found by what
// the client was told.
func TestLogHandler_addsTheRequestToAModulesLines(t *testing.T) {
	t.Parallel()
	lines := &logBuffer{}
	log := slog.New(web.LogHandler(web.LogHandler(slog.NewJSONHandler(lines, nil)))).With("module", "test").WithGroup("g")
	w := newWorld(t, web.Config{}, nil, func(api huma.API) {
		web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/log", Security: web.Bearer()},
			func(ctx context.Context, _ *struct{}) (*textOutput, error) {
				log.InfoContext(ctx, "inside")
				return said("%s", web.CorrelationID(ctx)), nil
			})
	})
	a := w.do(t, scenario{path: "/log", header: map[string]string{"Authorization": "Bearer alice", "X-Correlation-ID": someUUID}})
	require.Contains(t, a.body, someUUID)
	log.InfoContext(t.Context(), "outside")

	inside := lines.lines(t, "inside")
	require.Len(t, inside, 1)
	require.Equal(t, "test", inside[0]["module"])
	require.Equal(t, map[string]any{"correlation_id": someUUID, "user_id": 7.0}, inside[0]["g"])
	require.NotContains(t, lines.lines(t, "outside")[0], "g")
	require.Empty(t, web.CorrelationID(t.Context()))
	require.Equal(t, web.Client{}, web.ClientOf(t.Context()))
}
