package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"semantik/platform/config"
	"semantik/platform/web"
)

// The exit codes of every command.
const (
	exitOK = 0
	// exitFailed means that the command could not do what it was asked for.
	exitFailed = 1
	// exitUsage means that the command line or the configuration is wrong.
	exitUsage = 2
	// exitIncomplete means that all was done but for some files.
	exitIncomplete = 3
	// exitInterrupted means that it was told to stop before it was done.
	exitInterrupted = 130
)

const exitCodes = `Exit codes:
  0    done
  1    failed
  2    the command line or the configuration is wrong
  3    done, but some files could not be loaded
  130  interrupted
`

// errIncomplete makes the exit code that says that some files are missing; what
// there is to say about them has been said.
var errIncomplete = errors.New("some files could not be loaded")

// usageError is a fault of the command line.
type usageError struct{ error }

// oneArgument is for commands whose use names one argument.
func oneArgument(cmd *cobra.Command, args []string) error {
	_, name, _ := strings.Cut(cmd.Use, " ")
	name, _, _ = strings.Cut(name, " ")
	switch len(args) {
	case 1:
		return nil
	case 0:
		return usagef("%s is missing: %s", name, cmd.UseLine())
	default:
		return usagef("only one %s is taken at a time, and %d were given", name, len(args))
	}
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Main runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong
// usage or configuration, 3 some files could not be loaded, 130 interrupted.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second signal ends the process at once; the database ends with it.
	context.AfterFunc(ctx, stop)
	return systemShell().run(ctx, args)
}

// run runs one command.
func (s *shell) run(ctx context.Context, args []string) int {
	root := newRoot(s) //nolint:contextcheck // each command takes the context that it is executed with
	root.SetArgs(args)
	root.SetIn(s.stdin)
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)
	// What goes wrong before a command begins is a fault of the command line.
	began := false
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err, began)
	switch {
	case errors.Is(err, errIncomplete):
	case code == exitInterrupted:
		s.notef("semantik: interrupted\n")
	default:
		s.notef("%s %s\n", s.styleFor(s.stderr).red("semantik:"), explain(err))
		if !began {
			s.notef("Run \"%s --help\" for how it is used.\n", cmd.CommandPath())
		}
	}
	return code
}

func exitCode(ctx context.Context, err error, began bool) int {
	var wrong *config.Error
	var usage usageError
	switch {
	case errors.Is(err, errIncomplete):
		return exitIncomplete
	case !began, errors.As(err, &wrong), errors.As(err, &usage):
		return exitUsage
	case ctx.Err() != nil && brokenOff(ctx, err):
		return exitInterrupted
	default:
		return exitFailed
	}
}

// statementCancelled is the SQLSTATE of a statement that was told to stop.
const statementCancelled = "57014"

// brokenOff reports whether the error is that of being told to stop.
func brokenOff(ctx context.Context, err error) bool {
	var pgErr *pgconn.PgError
	return errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)) ||
		(errors.As(err, &pgErr) && pgErr.Code == statementCancelled)
}

func newRoot(s *shell) *cobra.Command {
	root := &cobra.Command{
		Use:   "semantik",
		Short: "Collections of documents, searchable",
		Long: "Semantik makes folders of documents searchable: one program with the HTTP API, the worker,\n" +
			"the schema of its database and this command line. \"semantik up\" starts all of it.",
		Example:       "  semantik up ~/notes\n  semantik search \"how to restore\" --collection notes",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newUp(s), newServe(s), newWorker(s), newIngest(s), newLoad(s), newSearch(s), newCollections(s), newOperations(s), newLogin(s), newLogout(s), newKeys(s), newAudit(s), newUsers(s), newPartitions(s), newTasks(s), newBackup(s), newRestore(s), newSchema(s), newDoctor(s), newDB(s), newConfig(s), newHealth(s), newCompletion(s), newVersion(s))
	s.withCompletions(root)
	return withExitCodes(root)
}

// withExitCodes ends a command's help with what it exits with.
func withExitCodes(cmd *cobra.Command) *cobra.Command {
	cmd.SetUsageTemplate(cmd.UsageTemplate() + "\n" + exitCodes)
	return cmd
}

// addJSON declares --json.
func addJSON(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print the result as JSON on standard output")
}

func newVersion(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Say which version this is",
		Example: "  semantik version\n  semantik version --json",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if *asJSON {
			return s.json(map[string]string{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
		}
		s.printf("%s\n", version())
		return nil
	}
	return withExitCodes(cmd)
}

// stamp is the version that `make build` writes into the binary.
var stamp string

// version is the stamp, or that of the module as the Go command has written it
// into the binary.
func version() string {
	if stamp != "" {
		return stamp
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// logger writes to standard error in the form that the configuration says.
func (s *shell) logger(c *config.Config, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(web.LogHandler(slog.NewJSONHandler(s.stderr, options)))
	}
	return slog.New(web.LogHandler(slog.NewTextHandler(s.stderr, options)))
}
