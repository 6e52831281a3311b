// Command run starts throw-away PostgreSQL servers, runs a command that finds
// them in its environment, and ends them:
//
//	go run ./platform/pgtest/run -- go test ./...
//	go run ./platform/pgtest/run -postgres 15 -- go test ./platform/database
//
// TEST_DATABASE_URL is the server of the tests. TEST_DATABASE_URL_OLDEST and
// TEST_DATABASE_URL_NEWEST are for those that try the oldest version that is
// supported and the newest that there is; one of them is the same server, mostly.
// What is set already is used as it is. Where the oldest version cannot be had,
// as on a platform that nobody has built it for, a line says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

const (
	oldest = 15
	newest = 18

	urlVariable = "TEST_DATABASE_URL"
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
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	major := flags.Int("postgres", 0, "the major version of the tests' server; any from 15 when 0")
	if err := flags.Parse(args); err != nil {
		return 0, fmt.Errorf("reading the command line: %w", err)
	}
	if flags.NArg() == 0 {
		return 0, errors.New("say which command to run, as in: run -- go test ./app")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	var all servers
	defer func() { err = errors.Join(err, all.stop()) }()
	if err := all.start(ctx, *major); err != nil {
		return 0, err
	}
	command := exec.CommandContext(ctx, flags.Arg(0), flags.Args()[1:]...)
	command.Env = append(os.Environ(), all.environ...)
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

// servers are those that were started, and what the command is told of them.
type servers struct {
	started []*pgtest.Server
	environ []string
}

func (s *servers) start(ctx context.Context, major int) error {
	if os.Getenv(urlVariable) != "" {
		return nil
	}
	first, err := s.startOne(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN"), Major: major})
	if err != nil {
		return err
	}
	s.tell(urlVariable, first)
	for _, other := range []struct {
		variable string
		major    int
	}{{urlVariable + "_OLDEST", oldest}, {urlVariable + "_NEWEST", newest}} {
		switch {
		case os.Getenv(other.variable) != "":
			continue
		case first.Binaries().Major == other.major:
			s.tell(other.variable, first)
			continue
		}
		server, err := s.startOne(ctx, postgres.BinaryOptions{Major: other.major})
		if errors.Is(err, postgres.ErrVersionMismatch) {
			fmt.Fprintf(os.Stderr, "pgtest: there is no PostgreSQL %d for this machine; what is tried on two versions is tried on one\n", other.major)
			continue
		}
		if err != nil {
			return err
		}
		s.tell(other.variable, server)
	}
	return nil
}

func (s *servers) startOne(ctx context.Context, o postgres.BinaryOptions) (*pgtest.Server, error) {
	o.OnProgress = func(message string) { fmt.Fprintln(os.Stderr, "pgtest:", message) }
	began := time.Now()
	server, err := pgtest.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	s.started = append(s.started, server)
	fmt.Fprintf(os.Stderr, "pgtest: PostgreSQL %s serves the tests (%s)\n",
		server.Binaries().Version, time.Since(began).Round(time.Millisecond))
	return server, nil
}

func (s *servers) tell(variable string, server *pgtest.Server) {
	s.environ = append(s.environ, variable+"="+server.URL)
}

func (s *servers) stop() error {
	var err error
	for _, server := range s.started {
		err = errors.Join(err, server.Stop())
	}
	return err
}
