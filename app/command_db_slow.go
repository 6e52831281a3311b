package app

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"semantik/platform/activity"
	"semantik/platform/database"
)

type slowResult struct {
	// Extension says whether pg_stat_statements could be read.
	Extension   bool            `json:"extension"`
	ThresholdMS float64         `json:"threshold_ms"`
	Queries     []slowStatement `json:"queries"`
	Running     []sessionResult `json:"running"`
}

type slowStatement struct {
	Query   string  `json:"query"`
	Calls   int64   `json:"calls"`
	Rows    int64   `json:"rows"`
	TotalMS float64 `json:"total_ms"`
	MeanMS  float64 `json:"mean_ms"`
	MaxMS   float64 `json:"max_ms"`
}

func newDBSlow(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slow",
		Short: "List the statements that are slow",
		Long: "List the statements that took --slow-query-ms (SLOW_QUERY_MS, 1,000) or longer, that first which\n" +
			"took the most time in all, and those that have run for so long now. No value of any is shown.\n\n" +
			"The first list is that of PostgreSQL's extension pg_stat_statements. Where that is not\n" +
			"installed, each server remembers its own: GET /api/v2/system/slow-queries.",
		Example: "  semantik db slow\n  semantik db slow --slow-query-ms 200 --limit 5 --json",
	}
	limit := addLimit(cmd, 20)
	cmd.PreRunE = func(*cobra.Command, []string) error { return checkLimit(*limit) }
	return s.dbCommand(cmd, func(ctx context.Context, db *database.DB, asJSON bool) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		least := c.Watch.SlowQuery
		if least == 0 {
			return usagef("with SLOW_QUERY_MS=0 no statement is slow; give --slow-query-ms")
		}
		look := activity.NewRepository(db)
		found, known, err := look.SlowStatements(ctx, least, *limit)
		if err != nil {
			return err
		}
		running, err := look.LongRunning(ctx, least, false, *limit)
		if err != nil {
			return err
		}
		if asJSON {
			return s.json(newSlowResult(found, known, running, least))
		}
		s.showSlow(found, known, running, least)
		return nil
	})
}

func newSlowResult(found []activity.SlowStatement, known bool, running []activity.Session, least time.Duration) slowResult {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	r := slowResult{Extension: known, ThresholdMS: ms(least), Queries: make([]slowStatement, len(found)), Running: sessionResults(running)}
	for i, q := range found {
		r.Queries[i] = slowStatement{Query: q.Text, Calls: q.Calls, Rows: q.Rows, TotalMS: ms(q.Total), MeanMS: ms(q.Mean), MaxMS: ms(q.Max)}
	}
	return r
}

func (s *shell) showSlow(found []activity.SlowStatement, known bool, running []activity.Session, least time.Duration) {
	switch {
	case !known:
		s.printf("%s\n", folded("PostgreSQL keeps no list of slow statements: the extension pg_stat_statements is not installed, or this role may not read it. "+
			"What a server remembers of its own is at GET /api/v2/system/slow-queries.", ""))
	case len(found) == 0:
		s.printf("No statement has taken %s or longer.\n", tookText(least))
	default:
		rows := make([][]string, len(found))
		for i, q := range found {
			rows[i] = []string{grouped(q.Calls), tookText(q.Total), tookText(q.Mean), tookText(q.Max), statementText(q.Text)}
		}
		s.table([]string{"CALLS", "IN ALL", "MEAN", "LONGEST", "STATEMENT"}, rows)
	}
	if len(running) > 0 {
		s.printf("\nRunning for so long now:\n")
		s.showSessions(running)
	}
}
