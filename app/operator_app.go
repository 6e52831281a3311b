package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/platform/config"
	"semantik/schema"
)

// withUsers does something with the accounts of the database itself, as the
// operator, whether a server runs or not. A new database gets its schema; one that
// an older or newer program has made is left alone.
func (s *shell) withUsers(cmd *cobra.Command, do func(ctx context.Context, service *users.Service) error) (err error) {
	ctx := cmd.Context()
	c, err := s.load(cmd)
	if err != nil {
		return err
	}
	log := s.logger(c, upLogLevel(c))
	db, err := s.databaseFor(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.stop(context.WithoutCancel(ctx), stopBy(ctx))) }()
	if err := s.checkSchema(ctx, c, db.url); err != nil {
		return err
	}
	a, err := Build(ctx, c, Options{DatabaseURL: db.url, Version: version(), Logger: log})
	if err != nil {
		return err
	}
	defer a.Close()
	return do(auth.WithIdentity(ctx, auth.Operator()), a.Users)
}

// checkSchema refuses a database whose schema is another than this program's.
func (s *shell) checkSchema(ctx context.Context, c *config.Config, url string) error {
	return withManager(ctx, c, url, s.logger(c, upLogLevel(c)), func(ctx context.Context, m *schema.Manager) error {
		status, err := m.Status(ctx)
		if err != nil {
			return err
		}
		if status.State == schema.StatePending || status.State == schema.StateNewer {
			return fmt.Errorf("the schema of the database is not that of this program: %s", stateText[status.State])
		}
		return nil
	})
}
