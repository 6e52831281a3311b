package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Rule is something that always holds in the data, in every snapshot, and that
// no constraint of the database can see to.
type Rule struct {
	// Name says what holds, as a sentence.
	Name string
	// statement selects what breaks the rule: one text a row, which names the row
	// and what is wrong with it.
	statement string
}

// Violation is a rule that does not hold.
type Violation struct {
	Rule string
	// Rows are some of those that break it, at most [ViolationRows].
	Rows []string
}

func (v Violation) String() string { return fmt.Sprintf("%s: %q", v.Rule, v.Rows) }

// ViolationRows is how many rows a [Violation] names.
const ViolationRows = 20

// Rules lists what always holds in the data.
func Rules() []Rule {
	all := [][]Rule{partitionRules, counterRules, chunkRules, searchRules, contentRules, operationRules, deletionRules}
	var rules []Rule
	for _, group := range all {
		rules = append(rules, group...)
	}
	return rules
}

// CheckData looks for rules that do not hold, all in one snapshot, so that it can
// run while others write. It reads every table and locks nothing.
func (m *Manager) CheckData(ctx context.Context) ([]Violation, error) {
	tx, err := m.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("checking the data: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, "set local statement_timeout = 0"); err != nil {
		return nil, fmt.Errorf("checking the data: %w", err)
	}
	var violations []Violation
	for _, rule := range Rules() {
		broken, err := rule.Broken(ctx, tx)
		if err != nil {
			return nil, err
		}
		if len(broken) > 0 {
			violations = append(violations, Violation{Rule: rule.Name, Rows: broken})
		}
	}
	return violations, nil
}

// Broken gives some of the rows that break the rule, as of the transaction.
func (r Rule) Broken(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, fmt.Sprintf("select broken::text from (%s) as found (broken) limit %d", r.statement, ViolationRows))
	if err != nil {
		return nil, fmt.Errorf("checking that %s: %w", r.Name, err)
	}
	broken, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("checking that %s: %w", r.Name, err)
	}
	return broken, nil
}
