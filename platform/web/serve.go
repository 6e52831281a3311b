package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// lastWait is how long handlers that were cancelled may take to return.
const lastWait = time.Second

// Serve answers requests on the listener until the context ends, and closes it.
// Then no new request is taken, those that have begun may finish within
// ShutdownTimeout, and after that their contexts are cancelled. It returns nil
// after a stop, an error when it could not serve or when a handler did not even
// return on being cancelled. It is called once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	if addr, ok := listener.Addr().(*net.TCPAddr); ok {
		s.port.Store(int64(addr.Port))
	}
	return s.serve(ctx, listener, s)
}

// Port is the one that the server answers on; 0 before it does.
func (s *Server) Port() int { return int(s.port.Load()) }

// probed are the paths of [Server.ServeProbes].
var probed = []string{"/health", "/api/health", "/metrics"}

// ServeProbes is [Server.Serve] for a process that has nothing to offer but how it is: it
// answers /metrics and the probes, with the rules that they have anywhere, and knows no
// other path.
func (s *Server) ServeProbes(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.ContainsFunc(probed, func(p string) bool { return r.URL.Path == p || strings.HasPrefix(r.URL.Path, p+"/") }) {
			http.NotFound(w, r)
			return
		}
		s.ServeHTTP(w, r)
	}))
}

func (s *Server) serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	s.prepare()
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: s.config.HeaderTimeout,
		IdleTimeout:       s.config.KeepAlive,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return requests },
		// Mostly clients that speak something else, or leave: no news.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()

	select {
	case err := <-failed:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-ctx.Done():
	}
	close(s.stopping)
	err := s.stop(ctx, server, cancel)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serving HTTP: %w", served))
	}
	return err
}

func (s *Server) stop(ctx context.Context, server *http.Server, cancel context.CancelFunc) error {
	bounded, done := context.WithTimeout(context.WithoutCancel(ctx), max(0, s.config.ShutdownTimeout))
	defer done()
	if err := server.Shutdown(bounded); err != nil {
		s.log.WarnContext(ctx, "requests did not finish in time and are cut off", "timeout", s.config.ShutdownTimeout)
	}
	// Sockets are no requests to net/http: they end themselves, or here.
	cancel()
	_ = server.Close()
	select {
	case <-s.active.idle():
		return nil
	case <-time.After(lastWait):
		return errors.New("stopping the HTTP server: a request goes on although it was cancelled")
	}
}
