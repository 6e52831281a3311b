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
	kind, rest, _ := strings.Cut(d.Object, " ")
	name, table, _ := strings.Cut(rest, " on ")
	switch d.Problem {
	case ProblemMissing:
		if kind == "partition" && d.Detail != "" {
			return fmt.Sprintf("attach %s again, if its rows are to count; if not, rename it, and %s", strings.Replace(rest, " of ", " to ", 1), mendApply)
		}
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
		return "no row belongs in it: look into it, then detach and drop it"
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
