// Command run starts a throw-away PostgreSQL, runs a command that finds it in
// TEST_DATABASE_URL, and ends it:
//
//	go run ./platform/pgtest/run -- go test ./...
//
// A TEST_DATABASE_URL that is set already is used as it is. A second server, of
// the newest version at hand, is given as TEST_DATABASE_URL_NEWEST to the tests
// that try both.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"semantik/platform/pgtest"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = 1
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0, errors.New("say which command to run, as in: run -- go test ./app")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	environ := os.Environ()
	if os.Getenv("TEST_DATABASE_URL") == "" {
		server, err := pgtest.Start(ctx, os.Getenv("SEMANTIK_POSTGRES_BIN"))
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		fmt.Fprintf(os.Stderr, "pgtest: PostgreSQL %s serves the tests\n", server.Version())
		environ = append(environ, "TEST_DATABASE_URL="+server.URL)
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // the caller's own command
	command.Env = environ
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Interrupted, the command gets the time to clean up.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	err = command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
