package web

import (
	"errors"
	"net/http"
	"os"
	"runtime/debug"
	"time"
)

// ServeHTTP handles one request: everything that holds for all of them is done
// here, around the router.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.prepare()
	s.active.enter()
	defer s.active.leave()

	req, r := s.newRequest(r)
	out := newResponse(w, s.config.WriteTimeout)
	if r.Body != nil && r.Body != http.NoBody {
		req.body = newRequestBody(r.Body, out.control, s.config.StreamIdleTimeout)
		r.Body = req.body
		out.beforeHeader = req.body.abandon
	}
	setHeaders(out.Header(), req.correlationID)
	if len(r.TransferEncoding) > 0 {
		// It may have had a length as well, which net/http removes without a word: a
		// proxy that goes by the length takes what comes next for a part of the body.
		// So nothing comes next.
		out.Header().Set("Connection", "close")
	}

	start := time.Now()
	ctx, span := s.observer.begin(r.Context(), r)
	if span != nil {
		r = r.WithContext(ctx)
	}
	defer func() { //nolint:contextcheck // r carries the context by then
		took := time.Since(start)
		s.observer.end(req, out, took, span)
		s.logRequest(r.Context(), out, took)
	}()
	defer out.finish()
	defer s.recover(out, r)

	if s.answerCORS(out, r) {
		return
	}
	if err := checkTarget(r.URL); err != nil {
		if limited := s.limits.other(r.Context(), out.Header()); limited != nil {
			err = limited
		}
		writeError(r.Context(), out, err)
		return
	}
	r = s.routed(r)
	s.echo.ServeHTTP(out, r)
}

// recover turns a panic into a 500, or, when the answer has begun, cuts the
// connection, so that half an answer is not taken for a whole one.
func (s *Server) recover(out *response, r *http.Request) {
	reason := recover()
	if reason == nil {
		return
	}
	if err, ok := reason.(error); ok && (errors.Is(err, http.ErrAbortHandler) || s.clientGone(r, err)) {
		panic(http.ErrAbortHandler)
	}
	s.log.ErrorContext(r.Context(), "a handler panicked",
		"method", requestOf(r.Context()).method, "route", requestOf(r.Context()).route,
		"reason", reason, "stack", string(debug.Stack()))
	if out.status != 0 {
		panic(http.ErrAbortHandler)
	}
	writeProblem(out, newProblem(r.Context(), errInternal))
}

// clientGone recognises that an answer could not be written because nobody
// reads it any more; Huma panics then.
func (s *Server) clientGone(r *http.Request, err error) bool {
	return r.Context().Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)
}
