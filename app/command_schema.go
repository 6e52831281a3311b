package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"semantik/platform/config"
	"semantik/platform/database"
	"semantik/platform/jobs"
	"semantik/platform/postgres"
	"semantik/schema"
)

func newSchema(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Look at and change the schema of the database",
		Long: "Look at and change the schema of the database: the one of DATABASE_URL, or the embedded one,\n" +
			"which is started for as long as it takes where it does not run.\n\n" +
			"A server brings the schema up to date when it starts; these commands are for looking at\n" +
			"what it would do, for doing it apart, and for undoing it.",
		Example: "  semantik schema status\n  semantik schema plan\n  semantik schema apply",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSchemaPlan(s), newSchemaApply(s), newSchemaStatus(s), newSchemaHistory(s), newSchemaRollback(s), newSchemaCheck(s))
	return withExitCodes(cmd)
}

// schemaCommand is what the commands on the schema have in common. On one that has to be
// there they make none.
func (s *shell) schemaCommand(cmd *cobra.Command, origin origin, do func(ctx context.Context, m *schema.Manager, asJSON bool) error) *cobra.Command {
	cmd.Args = cobra.NoArgs
	asJSON := addJSON(cmd)
	addDatabase(cmd)
	config.AddFlags(cmd.Flags(), "CHUNK_PARTITION_COUNT", "LOG_LEVEL", "LOG_FORMAT")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		return s.withSchema(cmd.Context(), c, origin, func(ctx context.Context, m *schema.Manager) error { return do(ctx, m, *asJSON) })
	}
	return withExitCodes(cmd)
}

// How long the end of a database may take that was started for one command: as long as
// it takes to write to the disk what the command has changed, a restore's gigabytes too,
// but not long for somebody who has told it to stop.
const (
	writtenStop = 10 * time.Minute
	hurriedStop = 4 * time.Second
)

// stopBy is when the database of a command has to have ended.
func stopBy(ctx context.Context) time.Time {
	if ctx.Err() != nil {
		return time.Now().Add(hurriedStop)
	}
	return time.Now().Add(writtenStop)
}

// withSchema does something with the schema of the database in use.
func (s *shell) withSchema(ctx context.Context, c *config.Config, origin origin, do func(ctx context.Context, m *schema.Manager) error) (err error) {
	log := s.logger(c, upLogLevel(c))
	db, err := s.databaseFor(ctx, c, log, origin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.stop(context.WithoutCancel(ctx), stopBy(ctx))) }()
	return withManager(ctx, c, db.url, log, do)
}

// withManager does something with the schema of the database at the URL.
func withManager(ctx context.Context, c *config.Config, url string, log *slog.Logger, do func(ctx context.Context, m *schema.Manager) error) error {
	settings, err := pgxpool.ParseConfig(url)
	if err != nil {
		return usagef("the database URL cannot be understood; it looks like postgres://user:password@host:5432/name")
	}
	settings.MaxConns = 2
	if settings.ConnConfig.ConnectTimeout == 0 {
		settings.ConnConfig.ConnectTimeout = database.DefaultConnectTimeout
	}
	settings.ConnConfig.RuntimeParams["application_name"] = schema.ApplicationName
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	defer pool.Close()
	return do(ctx, schema.New(pool, schema.Options{
		PartitionCount: c.Database.PartitionCount, QueueSchema: jobs.Schema, Version: version(), Logger: log,
	}))
}

// origin says where a command's database comes from.
type origin int

const (
	orNew   origin = iota // the embedded one is made where there is none
	hasToBe               // a database that is not there is an error: a look makes none
)

// databaseFor finds the database that is configured or runs, and starts the
// embedded one where it does not.
func (s *shell) databaseFor(ctx context.Context, c *config.Config, log *slog.Logger, origin origin) (*databaseInUse, error) {
	if c.DatabaseURL() == "" {
		running, err := postgres.FindRunning(ctx, c.Store.DataDir)
		if err == nil {
			return &databaseInUse{url: running.URL}, nil
		}
		if !errors.Is(err, postgres.ErrNotRunning) {
			return nil, err
		}
		dir, there, err := postgres.HasCluster(c.Store.DataDir)
		if err != nil {
			return nil, err
		}
		if !there && origin == hasToBe {
			return nil, fmt.Errorf("there is no database to look at: no DATABASE_URL is set, and %s (SEMANTIK_DATA) holds none; "+
				"name one of the two, or start in the folder of the .env file that does", dir)
		}
	}
	return openDatabase(ctx, c, log, func(message string) { s.notef("%s\n", message) })
}

func newSchemaPlan(s *shell) *cobra.Command {
	return s.schemaCommand(&cobra.Command{
		Use:   "plan",
		Short: "Show what apply would do",
		Long: "Show the statements that \"schema apply\" would run, and change nothing: above each of them, what\n" +
			"it may lose, when it can fail, which lock it takes on which table, how large that is, and whether\n" +
			"its rows are read or written anew.",
		Example: "  semantik schema plan\n  semantik schema plan --json",
	}, hasToBe, func(ctx context.Context, m *schema.Manager, asJSON bool) error {
		plan, err := m.Plan(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			return s.json(plan)
		}
		s.showPlan(plan)
		return nil
	})
}

func newSchemaApply(s *shell) *cobra.Command {
	var destructive bool
	cmd := s.schemaCommand(&cobra.Command{
		Use:   "apply",
		Short: "Bring the schema up to date",
		Long: "Bring the schema up to date, in one transaction, and write down what was done and how it is\n" +
			"undone. What would lose data is refused. A table that others use is waited for five seconds at a\n" +
			"time, five times; then nothing was changed.\n\n" +
			"Indexes on tables of 64 MiB or more are built after the transaction while everybody reads and\n" +
			"writes. It may be killed at any time, and goes on when it is run again.",
		Example: "  semantik schema apply\n  DATABASE_URL=postgres://semantik@db/semantik semantik schema apply",
	}, orNew, func(ctx context.Context, m *schema.Manager, asJSON bool) error {
		applied, err := m.Apply(ctx, schema.ApplyOptions{AllowDestructive: destructive})
		if err != nil {
			return err
		}
		if asJSON {
			return s.json(applied)
		}
		s.showApplied(applied)
		return nil
	})
	cmd.Flags().BoolVar(&destructive, "allow-destructive", false, "run statements that lose data too")
	return cmd
}

func newSchemaStatus(s *shell) *cobra.Command {
	return s.schemaCommand(&cobra.Command{
		Use:     "status",
		Short:   "Say whether the schema is up to date",
		Example: "  semantik schema status",
	}, hasToBe, func(ctx context.Context, m *schema.Manager, asJSON bool) error {
		status, err := m.Status(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			return s.json(status)
		}
		s.showStatus(status)
		return nil
	})
}

func newSchemaHistory(s *shell) *cobra.Command {
	return s.schemaCommand(&cobra.Command{
		Use:     "history",
		Short:   "List what was done to the schema",
		Example: "  semantik schema history\n  semantik schema history --json",
	}, hasToBe, func(ctx context.Context, m *schema.Manager, asJSON bool) error {
		entries, err := m.History(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			if entries == nil {
				entries = []schema.Entry{}
			}
			return s.json(map[string]any{"entries": entries})
		}
		s.showHistory(entries)
		return nil
	})
}

func newSchemaRollback(s *shell) *cobra.Command {
	var destructive bool
	cmd := s.schemaCommand(&cobra.Command{
		Use:   "rollback",
		Short: "Undo the last apply",
		Long: "Undo the last apply that stands, in one transaction. Undoing the first one drops all tables.\n" +
			"What would lose data is refused. A server of the newer version that runs refuses to write from\n" +
			"then on, and one that starts applies its schema again: stop it first, and go on with the older\n" +
			"program.",
		Example: "  semantik schema rollback\n  semantik schema rollback --allow-destructive",
	}, hasToBe, func(ctx context.Context, m *schema.Manager, asJSON bool) error {
		servers, err := m.Servers(ctx)
		if err != nil {
			return err
		}
		if servers != "" {
			s.notef("Servers or workers are connected, from %s: one of the newer version answers 503 from now on, and applies its schema\nagain when it is started again. Stop them, and go on with the older program.\n", plain(servers))
		}
		entry, err := m.Rollback(ctx, schema.RollbackOptions{AllowDestructive: destructive})
		if err != nil {
			return err
		}
		if asJSON {
			return s.json(entry)
		}
		s.printf("Undid entry %d of the history with %s.\n", entry.Details.RolledBack, counted(len(entry.Statements), "statement", "statements"))
		return nil
	})
	cmd.Flags().BoolVar(&destructive, "allow-destructive", false, "run statements that lose data too")
	return cmd
}

// errDrift makes check fail; what has drifted has been said.
var errDrift = errors.New("the database is not what the schema declares; \"semantik schema plan\" shows what apply would mend")

func newSchemaCheck(s *shell) *cobra.Command {
	return s.schemaCommand(&cobra.Command{
		Use:     "check",
		Short:   "Find what was changed behind the program's back",
		Long:    "Compare the database with what the schema declares, and list every difference. With one it\nexits with 1.",
		Example: "  semantik schema check && echo all well",
	}, hasToBe, func(ctx context.Context, m *schema.Manager, asJSON bool) error {
		drift, err := m.Check(ctx)
		if err != nil {
			return err
		}
		if drift == nil {
			drift = []schema.Drift{}
		}
		if asJSON {
			err = s.json(map[string]any{"drift": drift})
		} else {
			s.showDrift(drift)
		}
		if len(drift) > 0 {
			return errors.Join(err, errDrift)
		}
		return err
	})
}
