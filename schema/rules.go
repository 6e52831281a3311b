package schema

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Severity says how bad it is that a rule does not hold.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // data is wrong, lost, or about to be
	SeverityWarning Severity = "warning" // it gets worse, or slow, if nobody does anything
	SeverityHint    Severity = "hint"    // worth a look, and nothing is wrong
)

// Rule is something that holds, and that can be seen from within the database. Those
// of [Rules] always hold in the data, in every snapshot, whoever writes meanwhile.
type Rule struct {
	// Key names the rule for programs, and never changes.
	Key string
	// Name says what holds, as a sentence.
	Name string
	// Severity is that of a row that breaks it.
	Severity Severity
	// Meaning tells an operator in a sentence what it means when it does not hold, and
	// Remedy what to do.
	Meaning, Remedy string
	// Statement selects what breaks the rule: a text that names it and says what is
	// wrong with it, and how many rows that is.
	Statement string
	// scan is read before the statement, once for all rules that have it.
	scan *scan
}

// scan is one pass over a large table that several rules judge. Rules that have it stand
// beside one another.
type scan struct{ name, read string }

// Broken is what breaks a rule.
type Broken struct {
	// Count is how many rows it is, each of them.
	Count int64
	// Examples are some of those, at most [ViolationRows].
	Examples []string
}

// Violation is a rule that does not hold.
type Violation struct {
	Rule Rule
	Broken
}

func (v Violation) String() string {
	return fmt.Sprintf("%s (%s): %d, such as %q", v.Rule.Name, v.Rule.Key, v.Count, v.Examples)
}

// ViolationRows is how many rows a [Violation] names.
const ViolationRows = 20

// Rules lists what always holds in the data.
func Rules() []Rule {
	all := [][]Rule{
		collectionRules, chunkRules, searchRules, pairRules, documentRules, contentRules, operationRules, deletionRules, orphanRules(),
		sequenceRules,
	}
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
	return CheckRules(ctx, tx, Rules(), nil)
}

// forChecks are the settings of a transaction that checks. Where the chunks are many they
// are summed up, and joined with their search rows, partition by partition: as a whole
// PostgreSQL sorts them on disk, which takes longer than all the rest. With few it would be
// the planning that does.
const forChecks = `
select set_config('statement_timeout', '0', true),
       set_config('idle_in_transaction_session_timeout', '0', true),
       set_config('work_mem', '64MB', true),
       set_config('plan_cache_mode', 'auto', true),
       set_config('enable_partitionwise_join', large, true),
       set_config('enable_partitionwise_aggregate', large, true)
from (
  select (coalesce(sum(c.reltuples), 0) > 100000)::text as large
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = to_regclass('chunks')
) chunks`

// CheckRules gives those of the rules that do not hold, as of the transaction, which has
// other settings then. before hears of each statement, and which rules it is about; nil
// is nobody. It ends with the context, and so does the statement that it waits for.
func CheckRules(ctx context.Context, tx pgx.Tx, rules []Rule, before func(rules []Rule)) ([]Violation, error) {
	if _, err := tx.Exec(ctx, forChecks); err != nil {
		return nil, fmt.Errorf("preparing the checks: %w", err)
	}
	var violations []Violation
	for len(rules) > 0 {
		together := 1
		for together < len(rules) && rules[0].scan != nil && rules[together].scan == rules[0].scan {
			together++
		}
		if before != nil {
			before(rules[:together])
		}
		found, err := broken(ctx, tx, rules[:together])
		if err != nil {
			return nil, err
		}
		violations = append(violations, found...)
		rules = rules[together:]
	}
	return violations, nil
}

// Broken gives what breaks the rule, as of the transaction.
func (r Rule) Broken(ctx context.Context, tx pgx.Tx) (Broken, error) {
	found, err := broken(ctx, tx, []Rule{r})
	if err != nil || len(found) == 0 {
		return Broken{}, err
	}
	return found[0].Broken, nil
}

// broken asks for rules that have the same scan, in one statement.
func broken(ctx context.Context, tx pgx.Tx, rules []Rule) ([]Violation, error) {
	rows, err := tx.Query(ctx, statementOf(rules))
	if err != nil {
		return nil, fmt.Errorf("checking that %s: %w", rules[0].Name, err)
	}
	var found []Violation
	var number int
	var b Broken
	_, err = pgx.ForEachRow(rows, []any{&number, &b.Count, &b.Examples}, func() error {
		found = append(found, Violation{Rule: rules[number], Broken: b})
		b = Broken{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checking that %s: %w", rules[0].Name, err)
	}
	return found, nil
}

// statementOf counts what breaks each of the rules, and keeps the first examples only,
// however many there are.
func statementOf(rules []Rule) string {
	var b strings.Builder
	b.WriteString("with ")
	if s := rules[0].scan; s != nil {
		b.WriteString(s.name + " as materialized (" + s.read + "), ")
	}
	b.WriteString("broken (rule, example, n) as (")
	for i, r := range rules {
		if i > 0 {
			b.WriteString("\nunion all")
		}
		fmt.Fprintf(&b, "\nselect %d, found.example::text, found.n::bigint from (%s) as found (example, n)", i, r.Statement)
	}
	fmt.Fprintf(&b, `)
select rule, sum(n)::bigint, array_agg(example) filter (where place <= %d)
from (select rule, example, n, row_number() over (partition by rule) as place from broken) numbered
group by rule
order by rule`, ViolationRows)
	return b.String()
}
