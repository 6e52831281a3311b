package app

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"semantik/platform/config"
	"semantik/platform/postgres"
)

func newConfig(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings in use",
		Long: "Show every setting with its value and where that is from: a flag, the environment, a .env file\n" +
			"or the default. Secrets are masked.",
		Example: "  semantik config\n  semantik config --json\n  psql \"$(semantik config url)\"",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	config.AddFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		for _, warning := range c.Warnings() {
			s.notef("%s %s\n", s.styleFor(s.stderr).yellow("warning:"), warning)
		}
		return c.Print(s.stdout, *asJSON)
	}
	cmd.AddCommand(newConfigURL(s))
	return withExitCodes(cmd)
}

func newConfigURL(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "url",
		Short: "Print the URL of the database in use, for psql",
		Long: "Print the URL of the database in use, with its password: that of DATABASE_URL, or of the\n" +
			"embedded one while it runs.",
		Example: "  psql \"$(semantik config url)\"",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	addDatabase(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		url := c.DatabaseURL()
		if url == "" {
			running, err := postgres.FindRunning(cmd.Context(), c.Store.DataDir)
			if errors.Is(err, postgres.ErrNotRunning) {
				return fmt.Errorf("%w\nIt runs while \"semantik up\" or \"semantik serve\" does", err)
			}
			if err != nil {
				return err
			}
			url = running.URL
		}
		if *asJSON {
			return s.json(map[string]string{"url": url})
		}
		s.printf("%s\n", url)
		return nil
	}
	return withExitCodes(cmd)
}

// addDatabase declares the flags that say which database is meant.
func addDatabase(cmd *cobra.Command) {
	config.AddFlags(cmd.Flags(), "DATABASE_URL", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER",
		"SEMANTIK_DATA", "SEMANTIK_POSTGRES_BIN", "SEMANTIK_POSTGRES_SETTINGS")
}
