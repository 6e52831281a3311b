package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"semantik/app"
	"semantik/platform/auth"
	"semantik/platform/config"
)

// inside is the program in this process, neither serving nor at work, and the id of
// somebody who owns collections.
func (b *bench) inside(ctx context.Context, url string, settings ...string) (*app.App, int64, error) {
	c, err := config.Load(config.Options{NoEnvFile: true, Environ: append(settings,
		"DATABASE_URL="+url, "SEMANTIK_DATA="+filepath.Join(b.work, "inside"),
	)})
	if err != nil {
		return nil, 0, fmt.Errorf("reading the configuration: %w", err)
	}
	a, err := app.Build(ctx, c, app.Options{Version: "bench", Logger: slog.New(slog.DiscardHandler), Quick: true})
	if err != nil {
		return nil, 0, fmt.Errorf("building the program: %w", err)
	}
	var id int64
	err = a.DB.Querier(ctx).QueryRow(ctx, `
insert into users (username, email, hashed_password) values ('bench', 'bench@example.com', 'none')
on conflict (lower(username)) do update set full_name = null returning id`).Scan(&id)
	if err != nil {
		a.Close()
		return nil, 0, fmt.Errorf("preparing the program: %w", err)
	}
	return a, id, nil
}

// as has what follows be done by that user.
func as(ctx context.Context, id int64) context.Context {
	return auth.WithIdentity(ctx, auth.Identity{UserID: id, Username: "bench"})
}
