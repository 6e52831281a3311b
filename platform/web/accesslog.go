package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// logRequest writes one line for each request: the path's pattern, never the
// query or a header, which may hold a token.
func (s *Server) logRequest(ctx context.Context, out *response, took time.Duration) {
	req := requestOf(ctx)
	level := slog.LevelInfo
	if strings.HasPrefix(req.route, "/health") || strings.HasPrefix(req.route, "/api/health") {
		level = slog.LevelDebug // probes come every few seconds
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	status := out.status
	if status == 0 {
		status = http.StatusOK
	}
	attributes := []slog.Attr{
		slog.String("method", req.method), slog.String("route", req.route), slog.Int("status", status),
		slog.Duration("duration", took), slog.Int64("bytes", out.bytes), slog.String("client", req.client.Addr),
	}
	if req.route == "" {
		attributes[1] = slog.String("route", "-")
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		attributes = append(attributes, slog.Bool("aborted", true))
	}
	s.log.LogAttrs(ctx, level, "request", attributes...)
}

// LogHandler adds to every record that is logged with a request's context the
// request's correlation id and, once it is known, the user's id.
func LogHandler(next slog.Handler) slog.Handler {
	if h, ok := next.(requestLogHandler); ok {
		return h
	}
	return requestLogHandler{next}
}

type requestLogHandler struct{ slog.Handler }

func (h requestLogHandler) Handle(ctx context.Context, record slog.Record) error {
	if req := requestOf(ctx); req.correlationID != "" {
		record = record.Clone()
		record.AddAttrs(slog.String("correlation_id", req.correlationID))
		if req.userID != 0 {
			record.AddAttrs(slog.Int64("user_id", req.userID))
		}
	}
	return h.Handler.Handle(ctx, record)
}

func (h requestLogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLogHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestLogHandler) WithGroup(name string) slog.Handler {
	return requestLogHandler{h.Handler.WithGroup(name)}
}
