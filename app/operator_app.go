package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/platform/config"
	"semantik/schema"
)

// withUsers does something with the accounts of the database itself. A new database gets
// its schema; one that an older or newer program has made is left alone.
func (s *shell) withUsers(cmd *cobra.Command, do func(ctx context.Context, service *users.Service) error) error {
	return s.withOperator(cmd, []schema.State{schema.StateEmpty, schema.StateCurrent}, func(ctx context.Context, a *App) error {
		return do(ctx, a.Users)
	})
}

// withOperator does something with the program on the database itself, as the operator,
// whether a server runs or not. A database whose schema is in another state is left alone.
func (s *shell) withOperator(cmd *cobra.Command, states []schema.State, do func(ctx context.Context, a *App) error) error {
	origin := hasToBe
	if slices.Contains(states, schema.StateEmpty) {
		origin = orNew
	}
	return s.withDatabaseURL(cmd, origin, func(ctx context.Context, c *config.Config, url string) error {
		log := s.logger(c, upLogLevel(c))
		if err := s.checkSchema(ctx, c, url, states); err != nil {
			return err
		}
		a, err := Build(ctx, c, Options{DatabaseURL: url, Version: version(), Logger: log})
		if err != nil {
			return err
		}
		defer a.Close()
		return do(auth.WithIdentity(ctx, auth.Operator()), a)
	})
}

// checkSchema refuses a database whose schema is in none of the states.
func (s *shell) checkSchema(ctx context.Context, c *config.Config, url string, states []schema.State) error {
	return withManager(ctx, c, url, s.logger(c, upLogLevel(c)), func(ctx context.Context, m *schema.Manager) error {
		status, err := m.Status(ctx)
		if err != nil {
			return err
		}
		if status.State == schema.StateRestoring {
			return schema.ErrRestoring
		}
		if !slices.Contains(states, status.State) {
			return fmt.Errorf("the schema of the database is not that of this program: %s", stateText[status.State])
		}
		return nil
	})
}
