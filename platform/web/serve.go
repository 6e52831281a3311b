package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
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
	s.prepare()
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           s,
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
