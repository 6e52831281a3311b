package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"semantik/platform/config"
	"semantik/platform/postgres"
)

// stopTimeout bounds ending the worker and the database after the server has
// ended, so that all of it fits into five seconds.
const stopTimeout = 4 * time.Second

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Serve the API and work on operations",
		Long:    "Serve the API and work on operations. Without DATABASE_URL it brings a PostgreSQL of its own.",
		Example: "  semantik serve\n  semantik serve --http-addr 127.0.0.1:9000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(config.FromFlags(cmd.Flags()))
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c)
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}

// serve runs until the context ends: the database it brings, the program, the
// worker and the HTTP server, begun in this order and ended in the reverse.
func serve(ctx context.Context, c *config.Config) (err error) {
	log := logger(c)
	for _, warning := range c.Warnings() {
		log.Warn(warning)
	}
	url, stopDatabase, err := openDatabase(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase()) }()

	a, err := Build(ctx, c, Options{DatabaseURL: url, Version: version(), Logger: log})
	if err != nil {
		return err
	}
	defer a.Close()

	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", c.HTTP.Addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w; choose another address with HTTP_ADDR or --http-addr", c.HTTP.Addr, err)
	}
	if err := a.Worker.Start(ctx); err != nil {
		_ = listener.Close()
		return err
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, a.Worker.Stop(bounded))
	}()
	log.Info("serving", "address", "http://"+listener.Addr().String())
	return a.Server.Serve(ctx, listener)
}

// openDatabase gives the URL of the database in use and a function that ends the
// server, where this program has started it.
func openDatabase(ctx context.Context, c *config.Config, log *slog.Logger) (string, func() error, error) {
	if url := c.DatabaseURL(); url != "" {
		return url, func() error { return nil }, nil
	}
	server, err := postgres.Start(ctx, postgres.Options{
		DataDir: c.Store.DataDir, BinDir: c.Store.PostgresBin, Settings: c.Store.PostgresSettings,
		Extensions: []string{"btree_gin"}, Logger: log,
		OnProgress: func(message string) { log.Info(message) },
	})
	if err != nil {
		return "", nil, err
	}
	return server.URL(), func() error {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return server.Stop(bounded)
	}, nil
}
