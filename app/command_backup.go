package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"semantik/platform/config"
	"semantik/platform/jobs"
	"semantik/schema/backup"
)

func newBackup(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Back up the database, and look after backups",
		Long: "Back up the database, documents and their contents included, and look after backups: the database\n" +
			"of DATABASE_URL, or the embedded one. \"semantik restore\" brings a backup back.\n\n" +
			"What is not in the database is not in a backup: the settings, and the key that signs tokens\n" +
			"(jwt.key in SEMANTIK_DATA), without which everybody signs in anew.",
		Example: "  semantik backup create\n  semantik backup verify latest\n  semantik backup list",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBackupCreate(s), newBackupList(s), newBackupVerify(s), newBackupPrune(s))
	return withExitCodes(cmd)
}

// addBackups declares what tells where backups are.
func addBackups(cmd *cobra.Command) {
	config.AddFlags(cmd.Flags(), "BACKUP_DIR", "LOG_LEVEL", "LOG_FORMAT")
}

// addJobs declares --jobs.
func addJobs(cmd *cobra.Command) *int {
	return cmd.Flags().IntP("jobs", "j", backup.DefaultJobs, "how many tables are copied at the same time")
}

// maxJobs bounds --jobs: each is a connection.
const maxJobs = 64

func checkJobs(n int) error {
	if n < 1 || n > maxJobs {
		return usagef("--jobs must be from 1 to %d", maxJobs)
	}
	return nil
}

// withDatabaseURL does something with the database in use, the embedded one started if
// it does not run.
func (s *shell) withDatabaseURL(cmd *cobra.Command, origin origin, do func(ctx context.Context, c *config.Config, url string) error) (err error) {
	c, err := s.load(cmd)
	if err != nil {
		return err
	}
	db, err := s.databaseFor(cmd.Context(), c, s.logger(c, upLogLevel(c)), origin)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, db.stop(context.WithoutCancel(cmd.Context()), stopBy(cmd.Context())))
	}()
	return do(cmd.Context(), c, db.url)
}

// backupCommon is what each of these commands tells.
func (s *shell) backupCommon(c *config.Config, n int, progress backup.Progress) backup.Common {
	return backup.Common{Jobs: n, QueueSchema: jobs.Schema, Version: version(), Progress: progress, Logger: s.logger(c, upLogLevel(c))}
}

func newBackupCreate(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a backup",
		Long: "Make a backup of the whole database, or of some collections: one moment of it, while it is in use.\n" +
			"It is one file, or a folder where --to does not end in .tar. With --to - the file goes to standard\n" +
			"output, on its way to another machine. Nobody but its owner can read it; it is not encrypted.\n\n" +
			"Until it is whole its name ends in .partial, so that nobody takes half a backup for one. Nothing is\n" +
			"written over, and two do not write to the same name.",
		Example: "  semantik backup create\n  semantik backup create --to /mnt/backups/monday.tar\n" +
			"  semantik backup create --collection notes --to notes.tar\n" +
			"  semantik backup create --to - | ssh elsewhere 'cat > semantik.tar'",
		Args: cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	jobsFlag := addJobs(cmd)
	to := cmd.Flags().String("to", "", "where it goes: a file (NAME.tar), a folder, or - (default: a new file in BACKUP_DIR)")
	only := cmd.Flags().StringArrayP("collection", "c", nil, "back up this collection alone; may be given several times")
	addDatabase(cmd)
	addBackups(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkJobs(*jobsFlag); err != nil {
			return err
		}
		if *to == "-" && (*asJSON || isTerminal(s.stdout)) {
			return usagef("a backup is no text: let standard output go to a file or to another program, and leave --json out")
		}
		return s.withDatabaseURL(cmd, hasToBe, func(ctx context.Context, c *config.Config, url string) error {
			path := *to
			if path == "" {
				path = filepath.Join(c.Store.BackupDir, backup.Name(time.Now()))
			}
			progress := &backupProgress{shell: s, quiet: *asJSON}
			m, err := backup.Create(ctx, url, backup.CreateOptions{
				To: path, Stdout: s.stdout, Collections: *only, Common: s.backupCommon(c, *jobsFlag, progress),
			})
			progress.close()
			if err != nil {
				return err
			}
			return s.showCreated(path, m, *asJSON)
		})
	}
	return withExitCodes(cmd)
}

func newBackupList(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the backups in BACKUP_DIR",
		Long:    "List the backups in BACKUP_DIR, the newest first, and those that were broken off or cannot be read.",
		Example: "  semantik backup list\n  semantik backup list --backup-dir /mnt/backups --json",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	config.AddFlags(cmd.Flags(), "SEMANTIK_DATA")
	addBackups(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		found, err := backup.List(c.Store.BackupDir)
		if err != nil {
			return err
		}
		if *asJSON {
			return s.json(map[string]any{"dir": c.Store.BackupDir, "backups": found})
		}
		s.showBackups(c.Store.BackupDir, found)
		return nil
	}
	return withExitCodes(cmd)
}

func newBackupVerify(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify BACKUP",
		Short: "Restore a backup into a scratch database and compare it",
		Long: "Restore a backup into a new database on the same server, compare every table with the checksums\n" +
			"of the backup, look whether every rule of the data holds, and drop that database again. It takes\n" +
			"as much room and time as a restore does, and the right to create a database. What a verification\n" +
			"that was killed has left on the server is dropped before. A rule that is broken is named, and the\n" +
			"exit code is 1.\n\n" +
			"With --quick it reads the backup alone, and compares what it has with its checksums.\n\n" + backupNames,
		Example: "  semantik backup verify latest\n  semantik backup verify --quick /mnt/backups/monday.tar",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	jobsFlag := addJobs(cmd)
	quick := cmd.Flags().Bool("quick", false, "read the backup alone, without a database")
	addDatabase(cmd)
	addBackups(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkJobs(*jobsFlag); err != nil {
			return err
		}
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		progress := &backupProgress{shell: s, quiet: *asJSON}
		verified, err := s.verify(cmd, c, args[0], *quick, *jobsFlag, progress)
		progress.close()
		if err != nil {
			return err
		}
		return s.showVerified(verified, *asJSON)
	}
	return withExitCodes(cmd)
}

func (s *shell) verify(cmd *cobra.Command, c *config.Config, name string, quick bool, n int, progress backup.Progress) (v *backup.Verified, err error) {
	b, err := openBackup(c, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if quick || !b.Manifest.Whole() {
		// One of some collections has no database to be compared with.
		return backup.VerifyFiles(cmd.Context(), b, n, progress)
	}
	err = s.withDatabaseURL(cmd, hasToBe, func(ctx context.Context, c *config.Config, url string) error {
		v, err = backup.Verify(ctx, url, b, backup.RestoreOptions{Common: s.backupCommon(c, n, progress)})
		return err
	})
	return v, err
}

// backupNames says how a backup is named.
const backupNames = "BACKUP is a path, the name of one in BACKUP_DIR, or \"latest\"."

// openBackup opens the backup of a name.
func openBackup(c *config.Config, name string) (*backup.Backup, error) {
	if name == "latest" {
		latest, err := backup.Latest(c.Store.BackupDir)
		if err != nil {
			return nil, err
		}
		return backup.Open(latest.Path)
	}
	b, err := backup.Open(name)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(name) == name {
		b, err = backup.Open(filepath.Join(c.Store.BackupDir, name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no backup %s, nor one of this name in %s; \"semantik backup list\" shows those that there are", name, c.Store.BackupDir)
	}
	return b, err
}

func newBackupPrune(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove old backups from BACKUP_DIR",
		Long: "Remove old backups from BACKUP_DIR: all but the newest --keep, of the whole database and of each\n" +
			"choice of collections by itself, and but those that are younger than --within. What was broken off\n" +
			"a day ago goes too, if it is a backup that nobody writes. One that cannot be read stays and is\n" +
			"named, for somebody to look at. What is no backup is left alone.",
		Example: "  semantik backup prune --dry-run\n  semantik backup prune --keep 7 --within 720h",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	o := backup.PruneOptions{}
	cmd.Flags().IntVar(&o.Keep, "keep", 7, "how many of the newest stay")
	cmd.Flags().DurationVar(&o.Within, "within", 0, "those stay besides that are younger, such as 720h")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would go, and remove nothing")
	config.AddFlags(cmd.Flags(), "SEMANTIK_DATA")
	addBackups(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.Keep < 1 || o.Within < 0 {
			return usagef("--keep must be 1 or more, and --within not negative")
		}
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		o.Now = time.Now()
		pruned, err := backup.Prune(c.Store.BackupDir, o)
		if *asJSON {
			return errors.Join(err, s.json(map[string]any{"dry_run": o.DryRun, "removed": pruned.Removed, "kept": pruned.Kept}))
		}
		s.showPruned(pruned, o.DryRun)
		return err
	}
	return withExitCodes(cmd)
}
