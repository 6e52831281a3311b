package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/schema/backup"
)

const (
	// completionTimeout bounds what is asked of a server while somebody waits with a
	// finger on the Tab key.
	completionTimeout = 2 * time.Second
	// maxCompletions bounds the names that are offered: nobody reads more.
	maxCompletions = 100
)

// withCompletions has the tree's commands propose what their arguments can be: names of
// backups, names of collections for who is signed in, and files only where a file is meant.
func (s *shell) withCompletions(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		s.withCompletions(child)
	}
	reachesServer := cmd.Flags().Lookup("server") != nil
	if reachesServer && cmd.Flags().Lookup("collection") != nil {
		// It fails only for a flag that is not there, or that has one already.
		_ = cmd.RegisterFlagCompletionFunc("collection", s.completeCollections)
	}
	_, argument, _ := strings.Cut(cmd.Use, " ")
	argument, _, _ = strings.Cut(argument, " ")
	switch {
	case argument == "BACKUP":
		cmd.ValidArgsFunction = firstArgument(s.completeBackups)
	case argument == "NAME" && reachesServer && cmd.Parent().Name() == "collections" && cmd.Name() != "create":
		cmd.ValidArgsFunction = firstArgument(s.completeCollections)
	case argument == "FILE" || argument == "DIR" || argument == "[DIR]": // the shell knows those
	case !cmd.HasSubCommands():
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
}

// firstArgument proposes nothing for the arguments after the first.
func firstArgument(propose cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return propose(cmd, args, begun)
	}
}

// completeBackups proposes the backups in BACKUP_DIR that are whole; a path is the
// shell's to complete.
func (s *shell) completeBackups(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := s.load(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	found, err := backup.List(c.Store.BackupDir)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names := []string{}
	for _, b := range found {
		if b.State == backup.StateComplete {
			names = append(names, b.Name)
		}
	}
	if len(names) > 0 {
		names = append(names[:min(len(names), maxCompletions)], "latest")
	}
	proposed := slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, begun) })
	return proposed, cobra.ShellCompDirectiveDefault
}

// completeCollections proposes the collections that one may see. Whoever is not signed in
// is proposed none: to complete is no reason to sign in, nor to complain.
func (s *shell) completeCollections(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	c, err := s.clientWith(cmd, client.Options{Tries: 1})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	proposed := []cobra.Completion{}
	for collection, err := range c.Collections(ctx, client.CollectionFilter{}) {
		if err != nil || len(proposed) == maxCompletions {
			break
		}
		if name := collection.Value.Name; strings.HasPrefix(name, begun) {
			proposed = append(proposed, name)
		}
	}
	return proposed, cobra.ShellCompDirectiveNoFileComp
}
