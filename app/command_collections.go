package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/platform/config"
)

func newCollections(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "collections",
		Short: "List, make, share, rename and delete collections",
		Long:  "List, make, share, rename and delete collections, and restore documents of theirs. A collection is named\nby its name or its id.",
		Example: "  semantik collections list\n  semantik collections create notes\n" +
			"  semantik collections share notes --user bob --permission read\n  semantik collections delete notes",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCollectionsList(s), newCollectionsCreate(s), newCollectionsShow(s), newCollectionsRename(s), newCollectionsDelete(s),
		newCollectionsShare(s), newCollectionsUnshare(s), newCollectionsPermissions(s), newCollectionsRetryFailed(s),
		newCollectionsBin(s), newCollectionsRestoreDocument(s))
	return withExitCodes(cmd)
}

func newCollectionsList(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the collections that you may read",
		Long:    "List the collections that are yours, are shared with you or are public, newest first; as a\nsuperuser, with --all, everybody's.\n\n" + signInRules,
		Example: "  semantik collections list\n  semantik collections list --query notes --status ready --sort name --json",
		Args:    cobra.NoArgs,
	}
	var filter client.CollectionFilter
	cmd.Flags().StringVarP(&filter.Text, "query", "q", "", "only those with this text in the name or the description")
	cmd.Flags().StringVar(&filter.Status, "status", "", "only those that are pending, processing, ready, error or degraded")
	cmd.Flags().StringVar(&filter.Owner, "owner", "", "only those of this user")
	cmd.Flags().StringVar(&filter.Sort, "sort", "", "name, created_at, updated_at, document_count, vector_count or total_size_bytes, with a - before it for the other way round")
	cmd.Flags().BoolVar(&filter.All, "all", false, "everybody's; for superusers")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			found := []client.Listed[client.Collection]{}
			for collection, err := range c.Collections(ctx, filter) {
				if err != nil {
					return err
				}
				found = append(found, collection)
			}
			if *asJSON {
				return s.json(map[string]any{"collections": found, "total": len(found)})
			}
			return s.showCollections(ctx, c, found)
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) showCollections(ctx context.Context, c *client.Client, found []client.Listed[client.Collection]) error {
	if len(found) == 0 {
		s.printf("There is no collection that you may see; \"semantik collections create NAME\" makes one.\n")
		return nil
	}
	me, err := c.Me(ctx)
	if err != nil {
		return err
	}
	rows := make([][]string, len(found))
	for i, listed := range found {
		one := listed.Value
		rows[i] = []string{
			one.Name, one.Status, grouped(one.DocumentCount), grouped(one.VectorCount), config.FormatSize(one.TotalSizeBytes), accessTo(one, me), one.ID,
		}
	}
	s.table([]string{"NAME", "STATUS", "DOCUMENTS", "PASSAGES", "SIZE", "ACCESS", "ID"}, rows)
	return nil
}

// accessTo says why somebody may read a collection.
func accessTo(c client.Collection, who client.User) string {
	switch {
	case c.OwnerID == who.ID && c.IsPublic:
		return "yours, public"
	case c.OwnerID == who.ID:
		return "yours"
	case c.IsPublic:
		return "public"
	case who.IsSuperuser:
		return "superuser"
	default:
		return "shared"
	}
}

func newCollectionsCreate(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a collection",
		Long:    "Make a collection. It is yours alone until you share it, or --public lets everybody who is\nsigned in read it.\n\n" + signInRules,
		Example: "  semantik collections create notes --description \"What we know\"\n  semantik collections create handbook --public --json",
		Args:    oneArgument,
	}
	var in client.NewCollection
	cmd.Flags().StringVar(&in.Description, "description", "", "what it is for")
	cmd.Flags().BoolVar(&in.IsPublic, "public", false, "let everybody who is signed in read it")
	cmd.Flags().IntVar(&in.ChunkSize, "chunk-size", 0, "characters of a passage (default 1000)")
	overlap := cmd.Flags().Int("chunk-overlap", 0, "characters that two passages have in common (default 200)")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in.Name = args[0]
		if cmd.Flags().Changed("chunk-overlap") {
			in.ChunkOverlap = overlap
		}
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			made, err := c.CreateCollection(ctx, in)
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(made)
			}
			s.printf("Made the collection %q (%s).\n", plain(made.Value.Name), made.Value.ID)
			return nil
		})
	}
	return withExitCodes(cmd)
}

func newCollectionsShow(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a collection",
		Long:    "Show a collection: what is in it, and how it is.\n\n" + signInRules,
		Example: "  semantik collections show notes\n  semantik collections show notes --json",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			if *asJSON {
				return s.json(collection)
			}
			me, err := c.Me(ctx)
			if err != nil {
				return err
			}
			s.showCollection(collection.Value, me)
			return nil
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) showCollection(c client.Collection, me client.User) {
	row := func(name, text string) {
		if text != "" {
			s.printf("%-12s %s\n", name, plain(text))
		}
	}
	row("name", c.Name)
	row("description", valueOr(c.Description, ""))
	row("id", c.ID)
	status := c.Status
	if c.StatusMessage != nil {
		status += ": " + *c.StatusMessage
	}
	row("status", status)
	row("access", accessTo(c, me))
	documents := grouped(c.DocumentCount)
	if c.ErrorCount > 0 {
		documents += fmt.Sprintf(" (%s failed)", grouped(c.ErrorCount))
	}
	row("documents", documents)
	row("passages", grouped(c.VectorCount))
	row("size", config.FormatSize(c.TotalSizeBytes))
	row("made", when(&c.CreatedAt))
}

func newCollectionsRename(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rename NAME NEW-NAME",
		Short:   "Rename a collection",
		Long:    "Give a collection another name. What is in it stays where it is.\n\n" + signInRules,
		Example: "  semantik collections rename notes \"notes of 2025\"",
		Args:    cobra.ExactArgs(2),
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			renamed, err := c.RenameCollection(ctx, collection.Value.ID, args[1])
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(renamed)
			}
			s.printf("Renamed the collection %q to %q.\n", plain(collection.Value.Name), plain(renamed.Value.Name))
			return nil
		})
	}
	return withExitCodes(cmd)
}

func newCollectionsDelete(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a collection with all that is in it",
		Long: "Delete a collection with all that is in it. It is gone for everybody at once, its name is free,\n" +
			"and nothing brings it back. On a terminal its name is asked for, to be sure; elsewhere --yes is\n" +
			"needed.\n\n" + signInRules,
		Example: "  semantik collections delete notes\n  semantik collections delete notes --yes --json",
		Args:    oneArgument,
	}
	yes := cmd.Flags().BoolP("yes", "y", false, "do not ask")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !*yes && !isTerminal(s.stdin) {
			return usagef("there is no terminal to ask on whether you are sure; add --yes")
		}
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			if !*yes {
				if err := s.confirmDeletion(ctx, collection.Value); err != nil {
					return err
				}
			}
			if err := c.DeleteCollection(ctx, collection.Value.ID); err != nil {
				return err
			}
			if *asJSON {
				return s.json(map[string]any{"id": collection.Value.ID, "name": collection.Value.Name, "deleted": true})
			}
			s.printf("Deleted the collection %q with %s.\n", plain(collection.Value.Name), counted(collection.Value.DocumentCount, "document", "documents"))
			return nil
		})
	}
	return withExitCodes(cmd)
}

// confirmDeletion asks for the collection's name.
func (s *shell) confirmDeletion(ctx context.Context, c client.Collection) error {
	typed, err := s.askLine(ctx, fmt.Sprintf("This deletes the collection %q with %s, for everybody. Type its name to go on: ",
		plain(c.Name), counted(c.DocumentCount, "document", "documents")))
	if err != nil {
		return err
	}
	if typed != c.Name && typed != plain(c.Name) {
		return fmt.Errorf("%q is not the name of the collection; nothing was deleted", typed)
	}
	return nil
}
