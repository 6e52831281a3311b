package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
// the planning that does. Rows that a policy hides are an error, and not rows that are gone.
const forChecks = `
select set_config('statement_timeout', '0', true),
       set_config('idle_in_transaction_session_timeout', '0', true),
       set_config('work_mem', '64MB', true),
       set_config('row_security', 'off', true),
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
// is nobody. It ends with the context, and so does the statement that it waits for. A rule
// that cannot be checked is an error.
func CheckRules(ctx context.Context, tx pgx.Tx, rules []Rule, before func(rules []Rule)) ([]Violation, error) {
	violations, unchecked, err := CheckEach(ctx, tx, rules, before)
	if err == nil && len(unchecked) > 0 {
		err = fmt.Errorf("checking that %s: %w", unchecked[0].Rule.Name, unchecked[0].Err)
	}
	return violations, err
}

// Unchecked is a rule that could not be checked.
type Unchecked struct {
	Rule Rule
	// Err is PostgreSQL's reason.
	Err error
}

// CheckEach is [CheckRules] that goes on after a rule which cannot be checked, and lists
// those. Only a lost connection, or the end of the context, is an error.
func CheckEach(ctx context.Context, tx pgx.Tx, rules []Rule, before func(rules []Rule)) (violations []Violation, unchecked []Unchecked, err error) {
	if _, err := tx.Exec(ctx, forChecks); err != nil {
		return nil, nil, fmt.Errorf("preparing the checks: %w", err)
	}
	for len(rules) > 0 {
		together := 1
		for together < len(rules) && rules[0].scan != nil && rules[together].scan == rules[0].scan {
			together++
		}
		if before != nil {
			before(rules[:together])
		}
		found, failed, err := checkTogether(ctx, tx, rules[:together])
		if err != nil {
			return nil, nil, err
		}
		violations, unchecked = append(violations, found...), append(unchecked, failed...)
		rules = rules[together:]
	}
	return violations, unchecked, nil
}

// checkTogether checks rules that have the same scan: in one statement, or, where that
// fails for something that is not there or not permitted, each by itself.
func checkTogether(ctx context.Context, tx pgx.Tx, rules []Rule) (violations []Violation, unchecked []Unchecked, err error) {
	violations, reason, err := attempt(ctx, tx, rules)
	if err != nil || reason == nil {
		return violations, nil, err
	}
	for _, r := range rules {
		if len(rules) > 1 && strings.HasPrefix(codeOf(reason), "42") {
			found, failed, err := checkTogether(ctx, tx, []Rule{r})
			if err != nil {
				return nil, nil, err
			}
			violations, unchecked = append(violations, found...), append(unchecked, failed...)
			continue
		}
		unchecked = append(unchecked, Unchecked{Rule: r, Err: reason})
	}
	return violations, unchecked, nil
}

// attempt asks behind a savepoint, so that a statement that fails is the end of nothing
// else. reason is PostgreSQL's, for a statement that has failed.
func attempt(ctx context.Context, tx pgx.Tx, rules []Rule) (found []Violation, reason, err error) {
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("checking that %s: %w", rules[0].Name, err)
	}
	found, err = broken(ctx, savepoint, rules)
	if err == nil {
		return found, nil, savepoint.Commit(ctx)
	}
	if ctx.Err() != nil || codeOf(err) == "" || savepoint.Rollback(ctx) != nil {
		return nil, nil, fmt.Errorf("checking that %s: %w", rules[0].Name, err)
	}
	return nil, err, nil
}

// codeOf is PostgreSQL's code of an error; "" where it comes from elsewhere.
func codeOf(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}

// Broken gives what breaks the rule, as of the transaction.
func (r Rule) Broken(ctx context.Context, tx pgx.Tx) (Broken, error) {
	found, err := broken(ctx, tx, []Rule{r})
	if err != nil {
		return Broken{}, fmt.Errorf("checking that %s: %w", r.Name, err)
	}
	if len(found) == 0 {
		return Broken{}, nil
	}
	return found[0].Broken, nil
}

// broken asks for rules that have the same scan, in one statement.
func broken(ctx context.Context, tx pgx.Tx, rules []Rule) ([]Violation, error) {
	rows, err := tx.Query(ctx, statementOf(rules))
	if err != nil {
		return nil, err
	}
	var found []Violation
	var number int
	var b Broken
	_, err = pgx.ForEachRow(rows, []any{&number, &b.Count, &b.Examples}, func() error {
		found = append(found, Violation{Rule: rules[number], Broken: b})
		b = Broken{}
		return nil
	})
	return found, err
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
