package app

import (
	"context"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newCollectionsRetryFailed(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry-failed NAME",
		Short: "Have documents that failed worked on again",
		Long: "Have the documents of a collection worked on again that failed for a reason that may pass, such as\n" +
			"an operation that was cancelled. What is wrong with a file itself does not pass: it has to be mended\n" +
			"and loaded again.\n\n" + signInRules,
		Example: "  semantik collections retry-failed notes\n  semantik collections retry-failed notes --json",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			retried, err := c.RetryFailed(ctx, collection.Value.ID)
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(retried)
			}
			s.printf("%s\n", plain(retried.Value.Message))
			if id := retried.Value.OperationID; id != nil {
				s.printf("Watch it:  %s operations watch %s\n", s.program, *id)
			}
			return nil
		})
	}
	return withExitCodes(cmd)
}
