package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"semantik/modules/collections"
	"semantik/platform/config"
	"semantik/platform/jobs"
	"semantik/schema/backup"
)

// restoreFlags are what a restore is told.
type restoreFlags struct {
	force, undo bool
	jobs        int
	collections []string
	as, owner   string
}

func newRestore(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Bring a backup back",
		Long: "Make the database what the backup says. Stop every server and worker on it before. A database that\n" +
			"is not empty is refused without --force; what it holds is set aside until all is restored, and\n" +
			"comes back if anything fails, so that there has to be room for both. The schema of an older backup\n" +
			"is brought up to date.\n\n" +
			"A restore that was cut short leaves a database that no server starts on: begin the same one\n" +
			"again, or take back what was there before with --undo.\n\n" +
			"With --collection only that one comes back, into a database that is in use, beside what it holds.\n" +
			"It keeps its id and its documents theirs. It belongs to whom it belonged to, or to --owner, and is\n" +
			"shared with nobody. What it had been waiting for has failed: \"semantik collections retry-failed\".\n\n" +
			"Restore only what you trust: a backup of an older program brings its schema along, which is run.\n\n" + backupNames,
		Example: "  semantik restore latest\n  semantik restore /mnt/backups/monday.tar --force\n" +
			"  semantik restore latest --collection notes\n  semantik restore latest --collection notes --as notes-of-monday\n" +
			"  semantik restore --undo",
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := addJSON(cmd)
	f := &restoreFlags{}
	cmd.Flags().BoolVar(&f.force, "force", false, "replace what the database holds")
	cmd.Flags().BoolVar(&f.undo, "undo", false, "take back what was there before a restore that was cut short")
	cmd.Flags().StringArrayVarP(&f.collections, "collection", "c", nil, "restore this collection alone; may be given several times")
	cmd.Flags().StringVar(&f.as, "as", "", "the name that the one collection gets")
	cmd.Flags().StringVar(&f.owner, "owner", "", "the user whom the collections are to belong to")
	cmd.Flags().IntVarP(&f.jobs, "jobs", "j", backup.DefaultJobs, "how many tables are loaded at the same time")
	addDatabase(cmd)
	addBackups(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(args); err != nil {
			return err
		}
		if cmd.Flags().Changed("as") {
			name, problem := collections.CleanName(f.as)
			if problem != "" {
				return usagef("--as: the collection's name %s", problem)
			}
			f.as = name
		}
		if f.undo {
			return s.undoRestore(cmd, *asJSON)
		}
		return s.restore(cmd, f, args[0], *asJSON)
	}
	return withExitCodes(cmd)
}

func (f *restoreFlags) check(args []string) error {
	switch {
	case f.undo && len(args) > 0:
		return usagef("--undo takes no backup: it takes back what was there before")
	case !f.undo && len(args) == 0:
		return usagef("BACKUP is missing: semantik restore BACKUP")
	case f.force && len(f.collections) > 0:
		return usagef("--force replaces a whole database, and --collection brings one collection into it: leave one of them out")
	}
	return checkJobs(f.jobs)
}

func (s *shell) undoRestore(cmd *cobra.Command, asJSON bool) error {
	return s.withDatabaseURL(cmd, orNew, func(ctx context.Context, _ *config.Config, url string) error {
		undone, err := backup.Undo(ctx, url, backup.Common{QueueSchema: jobs.Schema})
		switch {
		case err != nil:
			return err
		case asJSON:
			return s.json(map[string]any{"undone": undone})
		case undone:
			s.printf("What was in the database before the restore is there again.\n")
		default:
			s.printf("No restore was cut short: there is nothing to take back.\n")
		}
		return nil
	})
}

func (s *shell) restore(cmd *cobra.Command, f *restoreFlags, name string, asJSON bool) error {
	return s.withDatabaseURL(cmd, orNew, func(ctx context.Context, c *config.Config, url string) (err error) {
		b, err := openBackup(c, name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.Close()) }()
		progress := &backupProgress{shell: s, quiet: asJSON}
		defer progress.close()
		o := backup.RestoreOptions{Force: f.force, Common: s.backupCommon(c, f.jobs, progress)}
		if len(f.collections) > 0 || !b.Manifest.Whole() {
			restored, err := backup.RestoreCollections(ctx, url, b, backup.CollectionOptions{
				RestoreOptions: o, Names: f.collections, As: f.as, Owner: f.owner,
			})
			progress.close()
			return errors.Join(err, s.showRestoredCollections(restored, asJSON))
		}
		if f.as != "" || f.owner != "" {
			return usagef("--as and --owner are for collections: name them with --collection")
		}
		restored, err := backup.Restore(ctx, url, b, o)
		progress.close()
		if err != nil {
			return err
		}
		return s.showRestored(b, restored, asJSON)
	})
}
