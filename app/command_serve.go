package app

import (
	"context"

	"github.com/spf13/cobra"

	"semantik/platform/config"
)

// serving is the command's result for programs, once it answers.
type serving struct {
	URL        string `json:"url"`
	DocsURL    string `json:"docs_url"`
	OpenAPIURL string `json:"openapi_url"`
}

func newServe(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API and work on operations",
		Long: "Serve the API and work on operations, until it is told to stop.\n\n" +
			"Without DATABASE_URL it brings a PostgreSQL of its own. With SEMANTIK_ADMIN_PASSWORD\n" +
			"it makes the first superuser, if there is no user.\n\n" +
			"With WORKER_CONCURRENCY=0 it leaves the work to others on the same database:\n" +
			"servers, and processes of \"semantik worker\".",
		Example: "  semantik serve\n  semantik serve --json\n  semantik serve --http-addr 127.0.0.1:9000",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		log := s.logger(c, c.Log.Level)
		for _, warning := range c.Warnings() {
			log.Warn(warning)
		}
		return run(cmd.Context(), c, log, func(message string) { log.Info(message) }, func(ctx context.Context, a *App, url string) error {
			if c.Auth.AdminPassword != "" {
				made, err := ensureAdmin(ctx, a, c)
				if err != nil {
					return err
				}
				if made.created {
					log.InfoContext(ctx, "the first superuser was made", "username", made.username)
				}
			}
			log.InfoContext(ctx, "serving", "address", url)
			if *asJSON {
				return s.json(serving{URL: url, DocsURL: url + "/docs", OpenAPIURL: url + "/openapi.json"})
			}
			return nil
		})
	}
	config.AddFlags(cmd.Flags())
	return withExitCodes(cmd)
}
