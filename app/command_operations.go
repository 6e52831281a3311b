package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newOperations(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operations",
		Short: "List, show, watch and cancel what is being done to collections",
		Long: "List, show, watch and cancel operations: what the server does to collections in the background,\n" +
			"such as making uploaded documents searchable. " + operationRules,
		Example: "  semantik operations list\n  semantik operations watch --collection notes\n" +
			"  semantik operations show 5b0c1f3e\n  semantik operations cancel 5b0c1f3e",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOperationsList(s), newOperationsShow(s), newOperationsWatch(s), newOperationsCancel(s))
	return withExitCodes(cmd)
}

const operationRules = "An operation is named by its id, or by the first\n8 characters of it or more, where no other one of yours begins so."

// operationFlags are those of the list.
type operationFlags struct {
	client.OperationFilter

	collection string
}

func newOperationsList(s *shell) *cobra.Command {
	f := &operationFlags{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List operations",
		Long: "List the operations that you have started, newest first; with --collection those on a collection,\n" +
			"whoever has started them; as a superuser, with --user or --all, those of others.\n\n" + signInRules,
		Example: "  semantik operations list\n  semantik operations list --status pending,processing\n" +
			"  semantik operations list --collection notes --type append --json",
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&f.Status, "status", "", "only those that are pending, processing, completed, failed or cancelled; several with commas")
	cmd.Flags().StringVar(&f.Type, "type", "", "only those of this type, such as index, append, reindex, retry_documents or delete")
	cmd.Flags().StringVarP(&f.collection, "collection", "c", "", "only those on this collection, by its name or its id")
	cmd.Flags().StringVar(&f.User, "user", "", "those of this user; for superusers")
	cmd.Flags().BoolVar(&f.All, "all", false, "everybody's; for superusers")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "how many, 1 to 1000")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case f.Limit < 1 || f.Limit > 1000:
			return usagef("--limit must be 1 to 1000")
		case f.collection != "" && (f.All || f.User != ""):
			return usagef("--collection lists everybody's operations on it already; leave --all and --user out")
		}
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error { return s.listOperations(ctx, c, *f, *asJSON) })
	}
	return withExitCodes(cmd)
}

func (s *shell) listOperations(ctx context.Context, c *client.Client, f operationFlags, asJSON bool) error {
	names := collectionNames{client: c, known: map[string]string{}}
	if f.collection != "" {
		collection, err := namedCollection(ctx, c, f.collection)
		if err != nil {
			return err
		}
		f.CollectionID = collection.Value.ID
		names.known[f.CollectionID] = collection.Value.Name
	}
	found := []client.Listed[client.Operation]{}
	for o, err := range c.Operations(ctx, f.OperationFilter) {
		var p *client.Problem
		if errors.As(err, &p) && p.Status == http.StatusBadRequest { // a status or a type that the server does not know
			return usageError{err}
		}
		if err != nil {
			return err
		}
		found = append(found, o)
	}
	if asJSON {
		return s.json(map[string]any{"operations": found})
	}
	if len(found) == 0 {
		s.printf("There is no such operation; \"semantik ingest\" starts one, and --all lists those of others to superusers.\n")
		return nil
	}
	rows := make([][]string, len(found))
	for i, listed := range found {
		o := listed.Value
		name, err := names.of(ctx, o)
		if err != nil {
			return err
		}
		rows[i] = []string{o.ID, o.Type, o.Status, orDash(shortProgress(o)), name, ageText(c.Now().Sub(o.CreatedAt))}
	}
	s.table([]string{"ID", "TYPE", "STATUS", "PROGRESS", "COLLECTION", "AGE"}, rows)
	return nil
}

// maxNames bounds how many collections are asked for their names.
const maxNames = 100

// collectionNames finds the names of collections, each once.
type collectionNames struct {
	client *client.Client
	known  map[string]string
}

// of is the name of the collection that is worked on; the beginning of its id where it is
// gone, or is not to be seen any more.
func (n collectionNames) of(ctx context.Context, o client.Operation) (string, error) {
	id := o.CollectionID
	if name, known := n.known[id]; known {
		return name, nil
	}
	name := fmt.Sprintf("(%.8s…)", id)
	if o.Type != client.TypeDelete && len(n.known) < maxNames {
		collection, err := n.client.Collection(ctx, id)
		p, refused := errors.AsType[*client.Problem](err)
		switch {
		case err == nil:
			name = collection.Value.Name
		case !refused || p.Status != http.StatusNotFound && p.Status != http.StatusForbidden:
			return "", err
		}
	}
	n.known[id] = name
	return name, nil
}

// ageText is how long ago something was, in the largest unit.
func ageText(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}
