package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"semantik/platform/activity"
	"semantik/platform/config"
	"semantik/platform/database"
)

func newDB(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "db",
		Short: "Look at what the database is doing",
		Long: "Look at what the database is doing: the one of DATABASE_URL, or the embedded one, which is\n" +
			"started for as long as it takes where it does not run. They need no server and no account,\n" +
			"and but for \"kill\" and \"vacuum\" they change nothing.\n\n" +
			"What others send shows only to a role that may read it: that of PostgreSQL's pg_monitor, or\n" +
			"the same role.",
		Example: "  semantik db connections\n  semantik db slow\n  semantik db kill --older-than 2h",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDBSlow(s), newDBConnections(s), newDBKill(s), newDBLocks(s), newDBSizes(s), newDBVacuum(s), newDBOperations(s))
	return withExitCodes(cmd)
}

// dbSession is how a command's session is called in the database, which "kill" leaves alone
// by asking for others.
const dbSession = "semantik db"

// dbSteady is how long a command's connection waits for the database.
const dbSteady = 10 * time.Second

// dbCommand is what the commands on the database itself have in common: a connection of
// their own, and no look at the schema.
func (s *shell) dbCommand(cmd *cobra.Command, do func(ctx context.Context, db *database.DB, asJSON bool) error) *cobra.Command {
	asJSON := addJSON(cmd)
	addDatabase(cmd)
	config.AddFlags(cmd.Flags(), "LOG_LEVEL", "LOG_FORMAT", "SLOW_QUERY_MS")
	if cmd.Args == nil {
		cmd.Args = cobra.NoArgs
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		ctx := cmd.Context()
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		found, err := s.databaseFor(ctx, c, s.logger(c, upLogLevel(c)), hasToBe)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, found.stop(context.WithoutCancel(ctx), stopBy(ctx))) }()
		db, err := database.Open(ctx, database.Config{URL: found.url, MaxConns: 1, PoolTimeout: dbSteady})
		if err != nil {
			return fmt.Errorf("connecting to the database: %w", err)
		}
		defer db.Close()
		return db.Aside(ctx, dbSession, func(ctx context.Context) error { return do(ctx, db, *asJSON) })
	}
	return withExitCodes(cmd)
}

// addLimit declares --limit.
func addLimit(cmd *cobra.Command, at int) *int {
	return cmd.Flags().Int("limit", at, "how many at most, 1 to 1000")
}

func checkLimit(limit int) error {
	if limit < 1 || limit > 1000 {
		return usagef("--limit is 1 to 1000, not %d", limit)
	}
	return nil
}

// statementText is the beginning of a statement, for a column at the end of a line.
func statementText(text string) string {
	const width = 100
	text = plain(text)
	if utf8.RuneCountInString(text) <= width {
		return orDash(text)
	}
	return strings.TrimRight(string([]rune(text)[:width]), " ") + " …"
}

// tookText is how long something took.
func tookText(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return ageText(d)
	}
}

// sessionResult is a session for programs.
type sessionResult struct {
	PID         int     `json:"pid"`
	User        string  `json:"user"`
	Application string  `json:"application"`
	Client      string  `json:"client"`
	State       string  `json:"state"`
	Seconds     float64 `json:"seconds"`
	Query       string  `json:"query"`
	// Blocks is how many wait for its locks.
	Blocks int `json:"blocks"`
	// Ended is set by "kill": whether PostgreSQL was told to end it.
	Ended *bool `json:"ended,omitempty"`
}

func sessionResults(sessions []activity.Session) []sessionResult {
	results := make([]sessionResult, len(sessions))
	for i, x := range sessions {
		results[i] = sessionResult{PID: x.PID, User: x.User, Application: x.Application, Client: x.Client, State: x.State, Seconds: x.Age.Seconds(), Query: x.Text, Blocks: x.Blocks}
	}
	return results
}

func (s *shell) showSessions(sessions []activity.Session) {
	rows := make([][]string, len(sessions))
	for i, x := range sessions {
		rows[i] = []string{strconv.Itoa(x.PID), tookText(x.Age), x.State, orDash(x.Application), x.User, x.Client, blocksText(x.Blocks), statementText(x.Text)}
	}
	s.table([]string{"PID", "FOR", "STATE", "APPLICATION", "USER", "CLIENT", "KEEPS WAITING", "STATEMENT"}, rows)
}

// blocksText is how many wait for a session.
func blocksText(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
