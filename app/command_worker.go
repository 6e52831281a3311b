package app

import (
	"context"

	"github.com/spf13/cobra"

	"semantik/platform/config"
)

// working is the command's result for programs, once it works.
type working struct {
	Name        string `json:"name"`
	Concurrency int    `json:"concurrency"`
}

func newWorker(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Work on operations, and serve nothing",
		Long: "Work on operations and on what is done by the clock, until it is told to stop, and serve nothing.\n\n" +
			"Any number of workers and servers share a database, which DATABASE_URL names: what\n" +
			"one of them starts another may end. A worker that is told to stop hands back what it\n" +
			"is at; what one was killed over is taken up within a minute.",
		Example: "  semantik worker --database-url postgres://semantik@db/semantik\n  semantik worker --worker-concurrency 8",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		switch {
		case c.DatabaseURL() == "":
			return usagef("a worker needs the database of the servers that it works for: set DATABASE_URL or the POSTGRES_ variables, there and here. " +
				"A PostgreSQL that \"semantik serve\" brings itself is that process's alone")
		case c.Operations.Concurrency == 0:
			return usagef("a worker that works on nothing has nothing to do: set WORKER_CONCURRENCY to 1 or more")
		}
		log := s.logger(c, c.Log.Level)
		for _, warning := range c.Warnings() {
			log.Warn(warning)
		}
		return work(cmd.Context(), c, log, func(ctx context.Context, a *App, _ string) error {
			log.InfoContext(ctx, "working", "name", a.Worker.Name(), "concurrency", c.Operations.Concurrency)
			if *asJSON {
				return s.json(working{Name: a.Worker.Name(), Concurrency: c.Operations.Concurrency})
			}
			return nil
		})
	}
	config.AddFlags(cmd.Flags())
	return withExitCodes(cmd)
}
