package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"semantik/platform/activity"
	"semantik/platform/database"
)

// lockResult is a session for programs, in the order of the tree.
type lockResult struct {
	sessionResult

	BlockedBy []int  `json:"blocked_by"`
	Lock      string `json:"lock,omitempty"`
	// Depth in the tree; 0 for one that waits for nobody.
	Depth int `json:"depth"`
	// Under is the one of those that it waits for which has to end first.
	Under *int `json:"under"`
}

// locksShown is how many sessions "locks" shows unless it is told.
const locksShown = 200

func newDBLocks(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "locks",
		Short: "Show who waits for whom",
		Long: "Show the sessions of this database that wait for locks as a tree: each stands once, under that one\n" +
			"of those it waits for which has to end first. At the root is who has to end for the others to go\n" +
			"on; how long it is old is the age of its transaction.",
		Example: "  semantik db locks\n  semantik db locks --json",
	}
	limit := addLimit(cmd, locksShown)
	cmd.PreRunE = func(*cobra.Command, []string) error { return checkLimit(*limit) }
	return s.dbCommand(cmd, func(ctx context.Context, db *database.DB, asJSON bool) error {
		found, err := activity.NewRepository(db).Locks(ctx)
		if err != nil {
			return err
		}
		tree := activity.Tree(found)
		more := max(len(tree)-*limit, 0)
		tree = tree[:len(tree)-more]
		if asJSON {
			return s.json(map[string]any{"sessions": lockResults(tree), "more": more})
		}
		if len(tree) == 0 {
			s.printf("Nobody waits for a lock.\n")
			return nil
		}
		rows := make([][]string, len(tree))
		for i, b := range tree {
			rows[i] = []string{indented(b), tookText(b.Age), b.State, waitText(b), orDash(b.Application), statementText(b.Text)}
		}
		s.table([]string{"PID", "FOR", "STATE", "WAITS FOR", "APPLICATION", "STATEMENT"}, rows)
		if more > 0 {
			s.printf("… and %d more; --limit shows up to 1000.\n", more)
		}
		return nil
	})
}

func lockResults(tree []activity.Branch) []lockResult {
	results := make([]lockResult, len(tree))
	for i, b := range tree {
		results[i] = lockResult{
			sessionResult: sessionResult{PID: b.PID, User: b.User, Application: b.Application, Client: b.Client, State: b.State, Seconds: b.Age.Seconds(), Query: b.Text},
			BlockedBy:     slices.Concat([]int{}, b.BlockedBy), Lock: b.Lock, Depth: b.Depth,
		}
		if b.Under != 0 {
			results[i].Under = &b.Under
		}
	}
	return results
}

// indented is its number, behind a dot for each that it stands under, up to a bound.
func indented(b activity.Branch) string {
	const most = 12
	if b.Depth > most {
		return strings.Repeat("· ", most) + fmt.Sprintf("(%d) ", b.Depth) + strconv.Itoa(b.PID)
	}
	return strings.Repeat("· ", b.Depth) + strconv.Itoa(b.PID)
}

// waitText is what it waits for, and who else keeps it waiting beside the one above it.
func waitText(b activity.Branch) string {
	const most = 3
	var others []string
	for _, pid := range b.BlockedBy {
		switch pid {
		case b.Under:
		case 0:
			others = append(others, "a prepared transaction")
		default:
			others = append(others, strconv.Itoa(pid))
		}
	}
	if len(others) == 0 {
		return orDash(b.Lock)
	}
	if b.Lock != "" && b.Under == 0 {
		return b.Lock + " of " + firstOf(others, most)
	}
	return orDash(b.Lock) + ", also of " + firstOf(others, most)
}

// firstOf lists the first ones, and how many there are beside them.
func firstOf(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
}
