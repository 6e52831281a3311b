package app

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

// watchFlags are those of the command.
type watchFlags struct {
	collection string
	timeout    time.Duration
	json       *bool
}

func newOperationsWatch(s *shell) *cobra.Command {
	f := &watchFlags{}
	cmd := &cobra.Command{
		Use:   "watch [ID]",
		Short: "Watch an operation until it has ended",
		Long: "Watch an operation until it has ended: a bar on a terminal, lines elsewhere, and with --json an object\n" +
			"a line, the last of them the whole operation. It fails unless the operation completes. With\n" +
			"--collection it is the one that is being done to the collection, or, when there is none, the last\n" +
			"that was. " + operationRules + "\n\n" +
			"A server that goes away meanwhile is waited for, as long as --timeout says. Ctrl-C ends the watching\n" +
			"and not the operation.\n\n" + signInRules,
		Example: "  semantik operations watch 5b0c1f3e\n  semantik operations watch --collection notes --json\n" +
			"  semantik operations watch --collection notes --timeout 10m && echo searchable",
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVarP(&f.collection, "collection", "c", "", "watch what is done to this collection, by its name or its id")
	addTimeout(cmd, &f.timeout)
	f.json = addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (len(args) == 0) == (f.collection == "") {
			return usagef("name the operation by its id, or its collection with --collection NAME")
		}
		return s.watch(cmd, args, f)
	}
	return withExitCodes(cmd)
}

// addTimeout declares how long a server is waited for.
func addTimeout(cmd *cobra.Command, timeout *time.Duration) {
	cmd.Flags().DurationVar(timeout, "timeout", 0, "how long the server may be away until this gives up, such as 10m; 0 for ever")
}

// patience is what somebody has said with --timeout.
func patience(timeout time.Duration) (time.Duration, error) {
	switch {
	case timeout < 0:
		return 0, usagef("--timeout must not be negative")
	case timeout == 0:
		return client.Forever, nil
	default:
		return timeout, nil
	}
}

func (s *shell) watch(cmd *cobra.Command, args []string, f *watchFlags) error {
	wait, err := patience(f.timeout)
	if err != nil {
		return err
	}
	sight := s.sight(*f.json)
	c, err := s.patientClient(cmd, wait, sight.above)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx := cmd.Context()
	id, err := watched(ctx, c, args, f.collection)
	if err != nil {
		return err
	}
	sight.now = c.Now
	o, err := c.Watch(ctx, id, sight.show)
	sight.close()
	switch {
	case err != nil && ctx.Err() != nil:
		s.notef("Nobody watches it any more, and the operation goes on: \"%s operations watch %s\" watches it again,\n\"%s operations cancel %s\" ends it.\n",
			s.program, id, s.program, id)
		return err
	case err != nil:
		return fmt.Errorf("watching the operation %s: %w", id, err)
	case *f.json:
		if err := s.json(o); err != nil {
			return err
		}
	case o.Value.Status == client.StatusCompleted:
		s.showCompleted(o.Value)
	}
	return endOf(o.Value)
}

// watched is the id of the operation that is to be watched.
func watched(ctx context.Context, c *client.Client, args []string, collection string) (string, error) {
	if collection == "" {
		return operationID(ctx, c, args[0])
	}
	found, err := namedCollection(ctx, c, collection)
	if err != nil {
		return "", err
	}
	for _, status := range []string{"pending,processing", ""} {
		for o, err := range c.Operations(ctx, client.OperationFilter{CollectionID: found.Value.ID, Status: status, Limit: 1}) {
			return o.Value.ID, err
		}
	}
	return "", fmt.Errorf("nothing was ever done to the collection %q; \"semantik ingest\" loads a folder into it", collection)
}

func (s *shell) showCompleted(o client.Operation) {
	s.printf("The %s operation has completed", plain(o.Type))
	if done := progressText(o); done != "" {
		s.printf(": %s", done)
	}
	s.printf(".")
	if o.StartedAt != nil && o.CompletedAt != nil {
		s.printf(" %s", s.styleFor(s.stdout).dim("("+seconds(o.CompletedAt.Sub(*o.StartedAt).Seconds())+")"))
	}
	s.printf("\n")
	if o.Progress != nil && o.Progress.Failed > 0 {
		s.printf("\"%s operations show %s\" tells why documents failed.\n", s.program, o.ID)
	}
}
