package partitions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"semantik/platform/database"
)

const (
	// AnalyzeEvery is how often the parents are looked at.
	AnalyzeEvery = 5 * time.Minute
	// analyzeAge is how old a parent's statistics may become, and analyzeShare how
	// much of its rows may change.
	analyzeAge   = 24 * time.Hour
	analyzeShare = 0.1
	// analyzeLeast is how many rows have to change at least: what is so small is
	// planned well in any case.
	analyzeLeast = 1000
)

// Analyzer keeps the statistics of the partitioned parents, chunks and chunk_search,
// which autovacuum never analyzes: once a tenth of the rows has changed, and at
// least daily. Any number may do so on one database, one at a time.
//
// PostgreSQL counts changes in the partitions, and forgets them when it analyzes
// those. So the analyzer remembers how many changes there had been when the parent
// was last analyzed; what was before its own start it tells from the number of rows.
type Analyzer struct {
	db         *database.DB
	repository *Repository
	log        *slog.Logger
	// keeping guards seen.
	keeping sync.Mutex
	seen    map[string]baseline
}

// baseline is how many changes there had been by an analyze.
type baseline struct {
	analyzed time.Time
	changes  int64
}

// NewAnalyzer makes an analyzer. It works whenever [Analyzer.Keep] is called; a nil
// logger discards.
func NewAnalyzer(db *database.DB, repository *Repository, log *slog.Logger) *Analyzer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Analyzer{db: db, repository: repository, log: log, seen: map[string]baseline{}}
}

// Keep analyzes the parents that have to be.
func (a *Analyzer) Keep(ctx context.Context) error {
	_, err := a.keep(ctx)
	return err
}

// Report is [Analyzer.Keep], and says in a sentence what was done.
func (a *Analyzer) Report(ctx context.Context) (string, error) {
	done, err := a.keep(ctx)
	if len(done) == 0 {
		return "Nothing had to be analyzed.", err
	}
	return "Analyzed: " + strings.Join(done, ", ") + ".", err
}

// keep gives the parents that were analyzed.
func (a *Analyzer) keep(ctx context.Context) (done []string, err error) {
	a.keeping.Lock()
	defer a.keeping.Unlock()
	found, err := a.repository.Churn(ctx)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, c := range found {
		reason := a.due(c)
		if reason == "" {
			continue
		}
		analyzed, err := a.analyze(ctx, c, reason)
		failed = append(failed, err)
		if analyzed {
			done = append(done, c.Table+" ("+reason+")")
		}
	}
	return done, errors.Join(failed...)
}

// neverWas is the reason of the first time, or of the first after a crash, with which
// PostgreSQL forgets its statistics. What it then knows of the partitions is nothing
// either, not even that there is something to vacuum, so that they are analyzed too.
const neverWas = "it never was"

// due tells why the parent has to be analyzed; "" when it has not.
func (a *Analyzer) due(c Churn) string {
	switch {
	case c.LastAnalyze == nil:
		return neverWas
	case c.At.Sub(*c.LastAnalyze) >= analyzeAge:
		return "a day has passed"
	}
	known, ok := a.seen[c.Table]
	switch {
	case !ok:
		// Nobody has counted what came between that analyze and our start.
		known = baseline{*c.LastAnalyze, c.Changes - int64(math.Abs(float64(c.Rows)-math.Max(c.NotedRows, 0)))}
		a.seen[c.Table] = known
	case !known.analyzed.Equal(*c.LastAnalyze), c.Changes < known.changes:
		// Another process has analyzed it, or the statistics have begun again.
		known = baseline{*c.LastAnalyze, c.Changes}
		a.seen[c.Table] = known
	}
	changed := c.Changes - known.changes
	if float64(changed) >= max(analyzeLeast, analyzeShare*c.NotedRows) {
		return fmt.Sprintf("%d rows have changed", changed)
	}
	return ""
}

// analyze analyzes a parent, unless somebody else is at it or has just been.
func (a *Analyzer) analyze(ctx context.Context, c Churn, reason string) (done bool, err error) {
	began := time.Now()
	err = a.db.InTx(ctx, func(ctx context.Context) error {
		done = false
		claimed, version, err := a.repository.ClaimAnalyze(ctx, c.Table)
		if err != nil || !claimed {
			return err
		}
		now, err := a.churn(ctx, c.Table)
		if err != nil || !sameInstant(now.LastAnalyze, c.LastAnalyze) {
			return err
		}
		if err := a.repository.Analyze(ctx, c.Table, reason != neverWas && version >= analyzeOnly); err != nil {
			return err
		}
		done = true
		return nil
	}, database.NoRetry())
	if err != nil || !done {
		return false, err
	}
	took := time.Since(began)
	after, err := a.churn(ctx, c.Table)
	switch {
	case err != nil:
		return true, err
	case sameInstant(after.LastAnalyze, c.LastAnalyze):
		return false, fmt.Errorf("%s is locked by something else", c.Table)
	}
	a.seen[c.Table] = baseline{*after.LastAnalyze, after.Changes}
	a.log.InfoContext(ctx, "analyzed the parent of the partitions", "table", c.Table, "because", reason, "took", took.Round(time.Millisecond))
	return true, nil
}

// churn is what has happened to one parent.
func (a *Analyzer) churn(ctx context.Context, table string) (Churn, error) {
	found, err := a.repository.Churn(ctx)
	if err != nil {
		return Churn{}, err
	}
	for _, c := range found {
		if c.Table == table {
			return c, nil
		}
	}
	return Churn{}, fmt.Errorf("the table %s is not there any more", table)
}

func sameInstant(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}
