package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"semantik/modules/operations"
	"semantik/platform/database"
)

type activeResult struct {
	ID           string     `json:"id"`
	Type         string     `json:"type"`
	Status       string     `json:"status"`
	CollectionID string     `json:"collection_id"`
	User         *string    `json:"user"`
	CreatedAt    time.Time  `json:"created_at"`
	StartedAt    *time.Time `json:"started_at"`
	Attempt      int        `json:"attempt"`
	Worker       *string    `json:"worker"`
	LeaseSeconds *float64   `json:"lease_seconds"`
	WaitsFor     *string    `json:"waits_for"`
	Progress     *float64   `json:"progress"`
}

func newDBOperations(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operations",
		Short: "List the active operations by user",
		Long: "List the operations that have not ended, by user and the oldest first: how old each is, which\n" +
			"process works on it and for how long that still holds it without a sign of life, and what it\n" +
			"waits for: its turn, another try, or the limit of its user.",
		Example: "  semantik db operations\n  semantik db operations --json",
	}
	limit := addLimit(cmd, 100)
	cmd.PreRunE = func(*cobra.Command, []string) error { return checkLimit(*limit) }
	return s.dbCommand(cmd, func(ctx context.Context, db *database.DB, asJSON bool) error {
		found, err := operations.NewRepository(db).ListActive(ctx, *limit)
		if database.Lacks(err) {
			return fmt.Errorf("this database has not the schema of this program, so that there are no operations: %w", errNoSchema)
		}
		if err != nil {
			return err
		}
		if asJSON {
			results := make([]activeResult, len(found))
			for i, o := range found {
				results[i] = activeResult{
					ID: o.UUID.String(), Type: string(o.Type), Status: string(o.Status), CollectionID: o.CollectionID.String(), User: o.Username,
					CreatedAt: o.CreatedAt, StartedAt: o.StartedAt, Attempt: o.Attempt, Worker: o.Worker, LeaseSeconds: o.Lease,
					WaitsFor: (*string)(o.WaitsFor), Progress: o.Percent,
				}
			}
			return s.json(map[string]any{"operations": results})
		}
		s.showActive(found)
		return nil
	})
}

// errNoSchema says what to do about a database that somebody else uses, or nobody yet.
var errNoSchema = errors.New("\"semantik schema status\" says what it has; look at DATABASE_URL")

func (s *shell) showActive(found []operations.Active) {
	if len(found) == 0 {
		s.printf("No operation is active.\n")
		return
	}
	rows := make([][]string, len(found))
	for i, o := range found {
		progress, lease, waits := "-", "-", "-"
		if o.Percent != nil {
			progress = fmt.Sprintf("%.0f%%", *o.Percent)
		}
		switch {
		case o.Lease == nil:
		case *o.Lease < 0:
			lease = "lapsed"
		default:
			lease = fmt.Sprintf("%.0f s", *o.Lease)
		}
		if o.WaitsFor != nil {
			waits = string(*o.WaitsFor)
		}
		rows[i] = []string{
			valueOr(o.Username, "(gone)"), o.UUID.String(), string(o.Type), string(o.Status), ageText(time.Since(o.CreatedAt)), progress,
			valueOr(o.Worker, "-"), lease, waits,
		}
	}
	s.table([]string{"USER", "OPERATION", "TYPE", "STATUS", "AGE", "PROGRESS", "WORKER", "LEASE", "WAITS FOR"}, rows)
}
