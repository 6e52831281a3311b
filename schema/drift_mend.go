package schema

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	mendApply       = `"semantik schema apply" mends it`
	mendDestructive = `it may hold data: save what is needed, then "semantik schema apply --allow-destructive" drops it`
	mendMove        = "it cannot be altered in place: back the database up and restore it into an empty one"
)

// MarshalJSON adds what mends it.
func (d Drift) MarshalJSON() ([]byte, error) {
	type plain Drift
	return json.Marshal(struct {
		plain

		Mend string `json:"mend"`
	}{plain(d), d.Mend()})
}

// Mend says what an operator does about it.
func (d Drift) Mend() string {
	if d.mend != "" {
		return d.mend
	}
	kind, rest, _ := strings.Cut(d.Object, " ")
	name, table := cutIdentifier(rest)
	table = strings.TrimPrefix(table, "on ")
	switch d.Problem {
	case ProblemMissing:
		return mendApply
	case ProblemExtra:
		return mendExtra(kind, name, table, d.Detail)
	case ProblemInvalid:
		switch {
		case kind == "constraint":
			return fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s, which names a row that breaks it if there is one", table, name)
		case d.Detail == detailBrokenOff:
			return "REINDEX INDEX CONCURRENTLY " + name
		default:
			return mendApply
		}
	case ProblemDisabled:
		return fmt.Sprintf("ALTER TABLE %s ENABLE TRIGGER ALL; then \"semantik doctor\" looks for rows that came in meanwhile and refer to nothing",
			strings.TrimPrefix(rest, "of "))
	default:
		return mendChanged(d, kind, name)
	}
}

// mendGap says what puts a partition back.
func mendGap(g Gap) string {
	switch {
	case g.State == GapGone:
		return mendApply + ", with an empty one: what it held comes from a backup only"
	case len(g.Commands) == 0:
		return fmt.Sprintf("rename %s, and %s with an empty partition", g.Found, mendApply)
	case g.Unsure != "":
		return fmt.Sprintf("look into it; if it is the partition: BEGIN; %s; COMMIT", g.Statement())
	default:
		return fmt.Sprintf("%s, as does: BEGIN; %s; COMMIT", mendApply, g.Statement())
	}
}

// mendAlike is for a table that may have been a partition whose place is taken now.
func mendAlike(a lookalike) string {
	switch {
	case a.table == "audit_log":
		return "it has the columns of audit_log: a month of it perhaps, which somebody has detached to keep it; ALTER TABLE … SET SCHEMA takes it out of the way"
	case a.key == nil:
		return fmt.Sprintf("it has the columns of %s and no rows: somebody's, or what was a partition", a.table)
	}
	return fmt.Sprintf("it has the columns of %s and a row of partition key %d, as if it had been %s_p%d: before anything else look whether its rows are missing there",
		a.table, *a.key, a.table, *a.key)
}

func mendExtra(kind, name, table, detail string) string {
	switch kind {
	case "column":
		return mendDestructive
	case "table":
		if detail == detailForeign {
			return fmt.Sprintf("if somebody needs it, ALTER TABLE %s SET SCHEMA takes it out of the way; if not, DROP TABLE %s", name, name)
		}
		return mendDestructive
	case "trigger":
		return fmt.Sprintf("DROP TRIGGER %s ON %s", name, table)
	case "partition":
		parent := strings.TrimPrefix(table, "of ")
		return fmt.Sprintf("no collection's rows belong in it: if it has none, ALTER TABLE %s DETACH PARTITION %s, and drop it; if it has some, find out whose", parent, name)
	case "index":
		if detail == detailUnattached {
			return fmt.Sprintf("DROP INDEX CONCURRENTLY %s, unless \"semantik schema apply\" was broken off: then that attaches it", name)
		}
	}
	return mendApply
}

func mendChanged(d Drift, kind, name string) string {
	switch {
	case kind == "table" && d.Detail == detailUnlogged:
		return fmt.Sprintf("ALTER TABLE %s SET LOGGED", name)
	case kind == "table" && strings.Contains(d.Detail, "partitioned"), kind == "column" && strings.Contains(d.Detail, "should be generated"):
		return mendMove
	case kind == "partition" && strings.HasPrefix(d.Detail, "it holds"):
		return mendMove
	default:
		return mendApply + `; "semantik schema plan" shows how, and whether that can fail or lose data`
	}
}
