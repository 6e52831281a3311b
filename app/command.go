package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"semantik/platform/config"
	"semantik/platform/web"
)

// The exit codes of every command.
const (
	exitOK = iota
	// exitFailed means that the command could not do what it was asked for.
	exitFailed
	// exitUsage means that the command line or the configuration is wrong.
	exitUsage
)

// Main runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong
// usage or configuration.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(os.Stderr, "semantik:", err)
	var wrong *config.Error
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "semantik",
		Short:         "Collections of documents, searchable",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newServe(), newVersion())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which version this is",
		Example: "  semantik version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version())
			return err
		},
	}
}

// version is that of the module, as the Go command has written it into the
// binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// logger writes to standard error as the configuration says.
func logger(c *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Log.Level}
	if c.Log.Format == "json" {
		return slog.New(web.LogHandler(slog.NewJSONHandler(os.Stderr, options)))
	}
	return slog.New(web.LogHandler(slog.NewTextHandler(os.Stderr, options)))
}
