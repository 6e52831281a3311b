package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"semantik/platform/activity"
	"semantik/platform/database"
)

type connectionsResult struct {
	Used        int64              `json:"used"`
	Max         int64              `json:"max"`
	Reserved    int64              `json:"reserved"`
	Connections []connectionsGroup `json:"connections"`
}

type connectionsGroup struct {
	Database    string  `json:"database"`
	Application string  `json:"application"`
	User        string  `json:"user"`
	State       string  `json:"state"`
	Client      string  `json:"client"`
	Count       int64   `json:"count"`
	Seconds     float64 `json:"longest_seconds"`
}

func newDBConnections(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Show who is connected, and how many may be",
		Long: "Show the connections of the PostgreSQL server, of all its databases, by application, state and\n" +
			"client, with how long that one has been in its state which has been in it longest, and how many\n" +
			"there may be.",
		Example: "  semantik db connections\n  semantik db connections --json",
	}
	limit := addLimit(cmd, 100)
	cmd.PreRunE = func(*cobra.Command, []string) error { return checkLimit(*limit) }
	return s.dbCommand(cmd, func(ctx context.Context, db *database.DB, asJSON bool) error {
		found, limits, err := activity.NewRepository(db).Connections(ctx, *limit)
		if err != nil {
			return err
		}
		if asJSON {
			result := connectionsResult{Used: limits.Used, Max: limits.Max, Reserved: limits.Reserved, Connections: []connectionsGroup{}}
			for _, c := range found {
				result.Connections = append(result.Connections, connectionsGroup{c.Database, c.Application, c.User, c.State, c.Client, c.Count, c.Longest.Seconds()})
			}
			return s.json(result)
		}
		s.printf("%d of %d connections are in use; %d are kept for superusers.\n\n", limits.Used, limits.Max, limits.Reserved)
		rows := make([][]string, len(found))
		for i, c := range found {
			rows[i] = []string{grouped(c.Count), orDash(c.State), tookText(c.Longest), orDash(c.Application), c.User, c.Client, orDash(c.Database)}
		}
		s.table([]string{"COUNT", "STATE", "LONGEST", "APPLICATION", "USER", "CLIENT", "DATABASE"}, rows)
		return nil
	})
}

func newDBKill(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kill",
		Short: "End statements that have run for too long",
		Long: "List the statements of this database that have run for --older-than (an hour), and the\n" +
			"transactions of that age that do nothing and keep others waiting; ask, and end them. Without a\n" +
			"terminal to ask on, and without --yes, they are listed and nothing is ended.\n\n" +
			"A statement is told to stop, as by pg_cancel_backend: its program gets an error and keeps its\n" +
			"connection. --terminate ends the connection, which is the only way where nothing is done in a\n" +
			"transaction, and with --idle also those that keep nobody waiting.\n\n" +
			"Never listed are those that only wait for another which can be ended; what makes a backup\n" +
			"(semantik backup, pg_dump, pg_basebackup and the like, by whatever name, and what copies a\n" +
			"table out); what changes the schema; replication; PostgreSQL's own, such as autovacuum.",
		Example: "  semantik db kill\n  semantik db kill --older-than 10m --terminate\n  semantik db kill --older-than 10m --idle --terminate --yes",
	}
	older := cmd.Flags().Duration("older-than", activity.DefaultLong, "how long a statement must have run")
	terminate := cmd.Flags().Bool("terminate", false, "end the connection too")
	idle := cmd.Flags().Bool("idle", false, "also those that hold a transaction open and do nothing; needs --terminate")
	yes := cmd.Flags().BoolP("yes", "y", false, "do not ask")
	limit := addLimit(cmd, 100)
	cmd.PreRunE = func(*cobra.Command, []string) error {
		switch {
		case *older < 0:
			return usagef("--older-than is no time in the future")
		case *idle && !*terminate:
			return usagef("what does nothing has no statement to end: --idle needs --terminate")
		}
		return checkLimit(*limit)
	}
	return s.dbCommand(cmd, func(ctx context.Context, db *database.DB, asJSON bool) error {
		look := activity.NewRepository(db)
		found, err := look.LongRunning(ctx, *older, *idle, *limit)
		if err != nil {
			return err
		}
		return s.kill(ctx, look, found, killing{yes: *yes, terminate: *terminate, json: asJSON})
	})
}

// killing is how it is done.
type killing struct{ yes, terminate, json bool }

// kill shows the sessions, asks, and ends what they are at.
func (s *shell) kill(ctx context.Context, look *activity.Repository, found []activity.Session, how killing) error {
	results := sessionResults(found)
	if !how.json || !how.yes && isTerminal(s.stdin) {
		s.showSessions(found)
	}
	able := len(found) - idleOnes(found, how.terminate)
	sure, err := s.sureToKill(ctx, able, how.yes, how.terminate)
	if err != nil {
		return err
	}
	ended := 0
	for i, x := range found {
		if !sure {
			break
		}
		done, err := look.End(ctx, x, how.terminate)
		if err != nil {
			return err
		}
		results[i].Ended = &done
		if done {
			ended++
		}
	}
	if how.json {
		return s.json(map[string]any{"sessions": results, "ended": ended})
	}
	s.saySlain(able, ended, sure)
	if n := len(found) - able; n > 0 {
		s.printf("%s with a transaction open and no statement: --terminate ends the connection.\n", counted(n, "session", "sessions"))
	}
	return nil
}

// idleOnes counts those that can be ended with their connection alone, which is not asked for.
func idleOnes(found []activity.Session, terminate bool) int {
	n := 0
	for _, x := range found {
		if x.Idle() && !terminate {
			n++
		}
	}
	return n
}

func (s *shell) saySlain(found, ended int, sure bool) {
	switch {
	case found == 0:
		s.printf("No statement has run for so long that can be ended.\n")
	case !sure:
		s.printf("\nNothing was ended. --yes ends them without asking.\n")
	case ended == found:
		s.printf("\nEnded: %d.\n", ended)
	default:
		s.printf("\nEnded: %d. The other %d had ended by then, or went on to something else.\n", ended, found-ended)
	}
}

// sureToKill asks, where there is somebody to ask.
func (s *shell) sureToKill(ctx context.Context, found int, yes, terminate bool) (bool, error) {
	if found == 0 || yes {
		return yes, nil
	}
	if !isTerminal(s.stdin) {
		return false, nil
	}
	what := counted(found, "statement", "statements")
	if terminate {
		what = counted(found, "connection", "connections")
	}
	typed, err := s.askLine(ctx, fmt.Sprintf("End %s? Type yes to go on: ", what))
	return strings.EqualFold(strings.TrimSpace(typed), "yes"), err
}
