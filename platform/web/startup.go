package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"semantik/platform/apperr"
)

// Startup answers while the server cannot yet: that the process lives, that it is not
// ready, and what it waits for. Then it hands the listener over.
type Startup struct {
	listener *net.TCPListener
	server   *http.Server
	served   chan error
	waitsFor atomic.Pointer[string]
}

var errStarting = apperr.New(apperr.Unavailable, "server_starting",
	"The server is starting. Try again in a moment.")

// handOver bounds how long answers that have begun may take.
const handOver = 200 * time.Millisecond

// BeginStartup answers on the listener until [Startup.End].
func BeginStartup(listener *net.TCPListener, log *slog.Logger) *Startup {
	s := &Startup{listener: listener, served: make(chan error, 1)}
	s.WaitFor("the start")
	s.server = &http.Server{
		Handler: http.HandlerFunc(s.answer), ReadHeaderTimeout: DefaultHeaderTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	// The connections of now are not those of later, which are held to other rules.
	s.server.SetKeepAlivesEnabled(false)
	go func() { s.served <- s.server.Serve(lentListener{listener}) }()
	return s
}

// WaitFor says what is waited for, in a word or two that anybody may read.
func (s *Startup) WaitFor(what string) { s.waitsFor.Store(&what) }

// End stops answering. The listener is whole again: whoever connected and was not answered
// is answered by what takes it over.
func (s *Startup) End(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOver)
	defer cancel()
	_ = s.server.Shutdown(bounded)
	_ = s.server.Close()
	<-s.served //nolint:errcheck // that it was closed
	return s.listener.SetDeadline(time.Time{})
}

func (s *Startup) answer(w http.ResponseWriter, r *http.Request) {
	waitsFor := *s.waitsFor.Load()
	req := &request{correlationID: correlationIDFor(r.Header.Get(HeaderCorrelationID)), method: r.Method, path: r.URL.Path}
	setHeaders(w.Header(), req.correlationID)
	status := http.StatusServiceUnavailable
	var body any
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case "/api/health/healthz":
		status, body = http.StatusOK, livenessBody{Status: StatusHealthy, Check: "liveness"}
	case "/api/health/startupz":
		body = startupBody{Status: "starting", Check: "startup", WaitsFor: waitsFor}
	case "/api/health/readyz":
		body = readinessBody{Check: "readiness", Services: map[string]Health{}, Problems: []string{"The server is starting and waits for " + waitsFor + "."}}
	default:
		// It is no news for the log, which writeError would make it.
		writeProblem(w, newProblem(context.WithValue(r.Context(), requestKey{}, req), errStarting.WithMessagef("The server is starting and waits for %s. Try again in a moment.", waitsFor)))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if status != http.StatusOK {
		w.Header().Set("Retry-After", seconds(DefaultRetryAfter))
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // whoever has gone away is not told
	}
}

// lentListener ends the waiting for connections when it is closed, and leaves the listener
// open.
type lentListener struct{ *net.TCPListener }

func (l lentListener) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return nil, net.ErrClosed
	}
	return conn, err
}

func (l lentListener) Close() error { return l.SetDeadline(time.Unix(1, 0)) }
