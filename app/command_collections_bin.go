package app

import (
	"context"

	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/platform/config"
)

func newCollectionsBin(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bin NAME",
		Short: "List the deleted documents that can be restored",
		Long: "List the documents of a collection that were deleted, and until when each can be restored. The\n" +
			"operator says how long that is, by TRASH_DAYS.\n\n" + signInRules,
		Example: "  semantik collections bin notes\n  semantik collections bin notes --json",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			found := []client.Listed[client.BinnedDocument]{}
			for document, err := range c.Bin(ctx, collection.Value.ID) {
				if err != nil {
					return err
				}
				found = append(found, document)
			}
			if *asJSON {
				return s.json(map[string]any{"documents": found, "total": len(found)})
			}
			s.showBin(collection.Value, found)
			return nil
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) showBin(c client.Collection, found []client.Listed[client.BinnedDocument]) {
	if len(found) == 0 {
		s.printf("No deleted document of %q can be restored.\n", plain(c.Name))
		return
	}
	rows := make([][]string, len(found))
	for i, listed := range found {
		d := listed.Value
		rows[i] = []string{d.FilePath, config.FormatSize(d.FileSize), when(&d.DeletedAt), when(&d.RestorableUntil), d.ID}
	}
	s.table([]string{"FILE", "SIZE", "DELETED", "RESTORABLE UNTIL", "ID"}, rows)
}

func newCollectionsRestoreDocument(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore-document NAME DOCUMENT",
		Short: "Take a deleted document out of the bin",
		Long: "Take a deleted document out of the bin, by its id, which \"semantik collections bin\" shows. It is\n" +
			"worked on as if it were new. A file that is gone from a folder of the server which is a source of\n" +
			"the collection is removed again by the next run over it.\n\n" + signInRules,
		Example: "  semantik collections restore-document notes 4c9a3f0e-6e6c-4b1f-9d36-0f6d2f1f8a77",
		Args:    cobra.ExactArgs(2),
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			restored, err := c.RestoreDocument(ctx, collection.Value.ID, args[1])
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(restored)
			}
			s.printf("Restored %s.\n", plain(restored.Value.Document.FilePath))
			if id := restored.Value.OperationID; id != nil {
				s.printf("Watch it:  %s operations watch %s\n", s.program, *id)
			} else {
				s.printf("It was registered without its content: load its chunks again.\n")
			}
			return nil
		})
	}
	return withExitCodes(cmd)
}
