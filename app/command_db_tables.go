package app

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"semantik/platform/activity"
	"semantik/platform/database"
)

type sizeResult struct {
	Schema     string `json:"schema"`
	Table      string `json:"table"`
	Partitions int    `json:"partitions"`
	Rows       int64  `json:"rows"`
	DeadRows   int64  `json:"dead_rows"`
	Heap       int64  `json:"heap_bytes"`
	Indexes    int64  `json:"index_bytes"`
	Toast      int64  `json:"toast_bytes"`
	Total      int64  `json:"total_bytes"`
	// Estimated bytes are those of the last vacuum: the table is locked.
	Estimated bool `json:"estimated,omitempty"`
}

func newDBSizes(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sizes",
		Short: "Show what takes room",
		Long: "Show what the tables take, the largest first, with their partitions together: the rows, the\n" +
			"indexes, and what is stored apart because it is long. The rows are PostgreSQL's estimates. The\n" +
			"contents of documents are the table document_contents.",
		Example: "  semantik db sizes\n  semantik db sizes --limit 5 --json",
	}
	limit := addLimit(cmd, 100)
	cmd.PreRunE = func(*cobra.Command, []string) error { return checkLimit(*limit) }
	return s.dbCommand(cmd, func(ctx context.Context, db *database.DB, asJSON bool) error {
		found, err := activity.NewRepository(db).Sizes(ctx, *limit)
		if err != nil {
			return err
		}
		if asJSON {
			results := make([]sizeResult, len(found))
			for i, t := range found {
				results[i] = sizeResult(t)
			}
			return s.json(map[string]any{"tables": results})
		}
		rows := make([][]string, len(found))
		var locked []string
		size := func(n int64) string { return mebibytes(float64(n) / (1 << 20)) }
		for i, t := range found {
			if t.Estimated {
				locked = append(locked, tableName(t.Schema, t.Table))
			}
			partitions := "-"
			if t.Partitions > 0 {
				partitions = grouped(int64(t.Partitions))
			}
			rows[i] = []string{tableName(t.Schema, t.Table), size(t.Total), size(t.Heap), size(t.Indexes), size(t.Toast), grouped(t.Rows), grouped(t.DeadRows), partitions}
		}
		s.table([]string{"TABLE", "IN ALL", "ROWS", "INDEXES", "LONG VALUES", "COUNT", "DEAD", "PARTITIONS"}, rows)
		if len(locked) > 0 {
			s.notef("Locked right now, so that the sizes are those of the last vacuum: %s. \"semantik db locks\" says by whom.\n", plain(firstOf(locked, 10)))
		}
		return nil
	})
}

// tableName leaves out the schema that is everybody's.
func tableName(schema, table string) string {
	if schema == "public" {
		return table
	}
	return schema + "." + table
}

type vacuumResult struct {
	Table string `json:"table"`
	// Reason is why it wants a vacuum; "" where it does not.
	Reason     string     `json:"reason"`
	Rows       int64      `json:"rows"`
	DeadRows   int64      `json:"dead_rows"`
	LastVacuum *time.Time `json:"last_vacuum"`
	// Done is set where it was to be vacuumed; false where it was passed over.
	Done    *bool   `json:"done,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

func newDBVacuum(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vacuum [TABLE]",
		Short: "Say what wants a vacuum, and vacuum it",
		Long: "Say which tables and partitions want a vacuum and why, and vacuum and analyze those of the table\n" +
			"that is named, whether they want it or not, or with --all each that wants it: one after the\n" +
			"other, beside everything else that goes on. What somebody has locked is passed over.",
		Example: "  semantik db vacuum\n  semantik db vacuum --all\n  semantik db vacuum chunks --json",
		Args:    cobra.MaximumNArgs(1),
	}
	all := cmd.Flags().Bool("all", false, "vacuum each that wants it")
	cmd.PreRunE = func(_ *cobra.Command, args []string) error {
		if *all && len(args) > 0 {
			return usagef("--all and a table exclude each other")
		}
		return nil
	}
	return s.dbCommand(cmd, func(ctx context.Context, db *database.DB, asJSON bool) error {
		name := cmd.Flags().Arg(0)
		look := activity.NewRepository(db)
		found, err := look.Wants(ctx, name)
		if err != nil {
			return err
		}
		if name != "" && len(found) == 0 {
			return fmt.Errorf("there is no table %q", plain(name))
		}
		if name == "" {
			found = wanting(found)
		}
		results := make([]vacuumResult, len(found))
		for i, w := range found {
			results[i] = vacuumResult{Table: tableName(w.Schema, w.Table), Reason: w.Reason, Rows: w.Rows, DeadRows: w.DeadRows, LastVacuum: w.LastVacuum}
		}
		if name != "" || *all {
			if err := s.vacuum(ctx, look, found, results); err != nil {
				return err
			}
		}
		if asJSON {
			return s.json(map[string]any{"tables": results})
		}
		s.showVacuums(results, name != "" || *all)
		return nil
	})
}

// wanting keeps those that want a vacuum.
func wanting(all []activity.Want) []activity.Want {
	var some []activity.Want
	for _, w := range all {
		if w.Reason != "" {
			some = append(some, w)
		}
	}
	return some
}

// vacuum goes through the tables and tells of each.
func (s *shell) vacuum(ctx context.Context, look *activity.Repository, found []activity.Want, results []vacuumResult) error {
	for i, w := range found {
		began := time.Now()
		s.notef("%d of %d: %s … ", i+1, len(found), plain(results[i].Table))
		done, err := look.Vacuum(ctx, w)
		if err != nil {
			s.notef("failed\n")
			return err
		}
		results[i].Done, results[i].Seconds = &done, time.Since(began).Seconds()
		if done {
			s.notef("%s\n", tookText(time.Since(began)))
		} else {
			s.notef("passed over: it is locked, or is somebody else's\n")
		}
	}
	return nil
}

func (s *shell) showVacuums(results []vacuumResult, vacuumed bool) {
	if vacuumed {
		done := 0
		for _, r := range results {
			if r.Done != nil && *r.Done {
				done++
			}
		}
		s.printf("Vacuumed: %d of %s.\n", done, counted(len(results), "table", "tables"))
		return
	}
	if len(results) == 0 {
		s.printf("Nothing wants a vacuum.\n")
		return
	}
	rows := make([][]string, len(results))
	for i, r := range results {
		rows[i] = []string{r.Table, grouped(r.Rows), grouped(r.DeadRows), when(r.LastVacuum), r.Reason}
	}
	s.table([]string{"TABLE", "ROWS", "DEAD", "LAST VACUUM", "WHY"}, rows)
	s.printf("\n\"semantik db vacuum --all\" vacuums them.\n")
}
