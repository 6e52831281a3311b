package web

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"semantik/platform/apperr"
)

// WriteError answers a request of a route that is no API operation with the
// problem for err, and logs it if it is the server's fault. The request's
// context must be the one that the server gave it.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, problemFor(r.Context(), err))
}

func writeError(ctx context.Context, w http.ResponseWriter, err error) {
	writeProblem(w, problemFor(ctx, err))
}

// problemFor is what every error on its way to the client passes once.
func problemFor(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	p = newProblem(ctx, err)
	if p.Status >= http.StatusInternalServerError {
		logFailure(ctx, p, err)
	}
	return p
}

// logFailure logs a 5xx with its cause. Nobody reads the answer to a request
// that its client has given up, so that failure is no news.
func logFailure(ctx context.Context, p *Problem, err error) {
	log := requestOf(ctx).logger()
	level := slog.LevelError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		level = slog.LevelDebug
	case p.Status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	}
	log.Log(ctx, level, "a request failed", "method", requestOf(ctx).method, "route", requestOf(ctx).route,
		"status", p.Status, "code", p.Code, "error", err)
}

// writeProblem writes the answer. Headers of an answer that was begun and not
// sent are taken back.
func writeProblem(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	for _, name := range []string{"Content-Disposition", "Content-Encoding", "Content-Length", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Content-Type", contentTypeProblem)
	h.Set("Cache-Control", "no-store")
	maps.Copy(h, p.headers)
	data, _ := marshalPlain(p) // strings and numbers, which cannot fail
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(data, '\n'))
}

// echoError answers what the router, or a route that is no API operation,
// refuses.
func (s *Server) echoError(err error, c echo.Context) {
	ctx := c.Request().Context()
	if c.Response().Committed {
		s.log.ErrorContext(ctx, "a request failed after its answer had begun", "route", c.Path(), "error", err)
		return
	}
	var router *echo.HTTPError
	if !errors.As(err, &router) || router.Code >= http.StatusInternalServerError {
		writeError(ctx, c.Response(), err)
		return
	}
	if limited := s.limits.other(ctx, c.Response().Header()); limited != nil {
		writeError(ctx, c.Response(), limited)
		return
	}
	switch router.Code {
	case http.StatusNotFound:
		err = apperr.Newf(apperr.NotFound, "route_not_found", "There is nothing at this address.")
	case http.StatusMethodNotAllowed:
		p := &Problem{Code: "method_not_allowed", Detail: "This address does not take the method " + requestOf(ctx).method + "; see the Allow header."}
		p.complete(ctx, router.Code)
		if allow := c.Response().Header().Get(echo.HeaderAllow); allow != "" {
			p.header(echo.HeaderAllow, withHead(allow))
		}
		err = p
	default:
		p := &Problem{Code: strings.ReplaceAll(strings.ToLower(http.StatusText(router.Code)), " ", "_"), Detail: http.StatusText(router.Code) + "."}
		p.complete(ctx, router.Code)
		err = p
	}
	writeError(ctx, c.Response(), err)
}

// withHead adds what the server does for every GET.
func withHead(allow string) string {
	if slices.Contains(strings.Split(allow, ", "), http.MethodGet) {
		return allow + ", " + http.MethodHead
	}
	return allow
}
