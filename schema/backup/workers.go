package backup

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// onEach hands things out to so many workers, each with a session of its own that
// prepare has made ready, in the order that they have. The first error stops all.
func onEach[T any](
	ctx context.Context, jobs int, connect func(ctx context.Context) (*pgx.Conn, error), things []T,
	do func(ctx context.Context, conn *pgx.Conn, thing T) error,
) error {
	queue := make(chan T)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(queue)
		for _, thing := range things {
			select {
			case queue <- thing:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(jobs, len(things)) {
		group.Go(func() (err error) {
			conn, err := connect(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, disconnect(ctx, conn)) }()
			for thing := range queue {
				if err := do(ctx, conn, thing); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
