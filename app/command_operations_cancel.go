package app

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newOperationsCancel(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel an operation",
		Long: "Cancel an operation that is waiting or being worked on. What it has done stays, and documents that\n" +
			"it has not got to fail, so that \"semantik collections retry-failed\" takes them up again. Nothing is\n" +
			"asked back. " + operationRules + "\n\n" + signInRules,
		Example: "  semantik operations cancel 5b0c1f3e\n  semantik operations cancel 5b0c1f3e --json",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withOperation(cmd, args[0], func(ctx context.Context, c *client.Client, id string) error {
			o, err := c.CancelOperation(ctx, id)
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(o)
			}
			// The operation is cancelled, whatever is known of its collection.
			name, err := (collectionNames{client: c, known: map[string]string{}}).of(ctx, o.Value)
			if err != nil {
				name = o.Value.CollectionID
			}
			s.showCancelled(o.Value, name)
			return nil
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) showCancelled(o client.Operation, collection string) {
	s.printf("Cancelled the %s operation on the collection %q", plain(o.Type), plain(collection))
	if done := progressText(o); done != "" {
		s.printf(" after %s", done)
	}
	s.printf(".\n")
	left := int64(0)
	if err := json.Unmarshal(o.Result["documents_left"], &left); err == nil && left > 0 {
		s.printf("%s not processed; \"%s collections retry-failed %s\" takes them up again.\n",
			counted(left, "document was", "documents were"), s.program, quoted(collection))
	}
}
