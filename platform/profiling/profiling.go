// Package profiling serves Go's profiles of the running program, for whoever wants to
// know where its time and memory go. They tell much about the inside of it and cost some
// of its time, so that they have a port of their own, on this machine alone, and none at
// all unless somebody asks for it.
package profiling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"
)

// Limits of the server. A profile of the processor takes as long as was asked for, and
// so has no limit here.
const (
	headerTimeout = 5 * time.Second
	keepAlive     = time.Minute
)

// Listen takes the address, which must be one of this machine alone.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for profiles: %w; choose another address with PPROF_ADDR, or none", addr, err)
	}
	return listener, nil
}

// Serve answers on the listener until the context ends, and closes it. A profile that is
// being made then is cut off.
func Serve(ctx context.Context, listener net.Listener, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: keepAlive,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.InfoContext(ctx, "profiles are served", "url", "http://"+listener.Addr().String()+"/debug/pprof/")
	select {
	case err := <-failed:
		return fmt.Errorf("serving profiles: %w", err)
	case <-ctx.Done():
	}
	err := server.Close()
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page of the web that has its own name lead here is told nothing.
		if !isHere(r.Host) {
			http.Error(w, "Ask for it by an address of this machine.", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isHere reports whether a Host header names this machine by itself.
func isHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
