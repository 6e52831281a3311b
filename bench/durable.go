package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

// durable is a PostgreSQL as the program sets up its own: a commit waits for the disk.
// Whatever is about the number of transactions is measured on it, since one that
// forgets is many times as fast.
func (b *bench) durable(ctx context.Context, name string) (url string, stop func() error, err error) {
	server, err := postgres.Start(ctx, postgres.Options{
		DataDir: filepath.Join(b.work, name), BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN"), Extensions: []string{"btree_gin"},
	})
	if err != nil {
		return "", nil, fmt.Errorf("starting a database: %w", err)
	}
	stop = func() error {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		err := server.Stop(bounded)
		if errors.Is(err, postgres.ErrUncleanStop) {
			return nil // its data go anyway
		}
		return err
	}
	return server.URL(), stop, nil
}

// forgetful is a PostgreSQL that does not wait for the disk.
func forgetful(ctx context.Context) (url string, stop func() error, err error) {
	given, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return "", nil, fmt.Errorf("starting a database: %w", err)
	}
	return given.URL, given.Stop, nil
}
