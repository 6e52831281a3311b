package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"semantik/schema"
)

var ruleNotChecked = schema.Rule{
	Key: "not_checked", Severity: schema.SeverityError,
	Name:    "every check can be made",
	Meaning: "What a check that could not be made is about may be well or not: nobody has looked.",
	Remedy:  "Do what is said with each, and run semantik doctor again.",
}

// unmade collects the checks that could not be made.
type unmade struct{ schema.Broken }

// add notes a check and why it was not made. It is an error, and the end of all checks, only
// where the context has ended or the server cannot be reached.
func (u *unmade) add(ctx context.Context, r schema.Rule, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || strings.HasPrefix(pgErr.Code, "08") || strings.HasPrefix(pgErr.Code, "57P") {
		return fmt.Errorf("checking that %s: %w", r.Name, err)
	}
	u.Count++
	if len(u.Examples) < schema.ViolationRows {
		u.Examples = append(u.Examples, fmt.Sprintf("%s: %s", r.Key, reason(pgErr)))
	}
	return nil
}

// reason says why PostgreSQL has not answered, and what to do.
func reason(err *pgconn.PgError) string {
	switch {
	case err.Code == "42501" && strings.Contains(err.Message, "row-level security"):
		return fmt.Sprintf("not checked: rows are hidden from this account (%s); ask as a superuser, or ALTER TABLE … DISABLE ROW LEVEL SECURITY", err.Message)
	case err.Code == "42501":
		return fmt.Sprintf("not checked: needs a right that this account lacks (%s); run it as the owner of the tables, or as a superuser", err.Message)
	case strings.HasPrefix(err.Code, "42"):
		return fmt.Sprintf("could not be checked: what it reads is not there (%s); semantik schema check says what is missing", err.Message)
	case err.Code == "55P03", err.Code == "40P01":
		return "could not be checked: somebody holds a lock on what it reads; semantik db locks says who, and semantik doctor can be run again"
	case err.Code == "57014":
		return fmt.Sprintf("could not be checked: %s; run semantik doctor again", err.Message)
	case strings.HasPrefix(err.Code, "XX"):
		return fmt.Sprintf("could not be checked: PostgreSQL finds damage (%s); stop what writes, and see docs/backup.md", err.Message)
	case strings.HasPrefix(err.Code, "53"):
		return fmt.Sprintf("could not be checked: PostgreSQL has not enough room (%s)", err.Message)
	default:
		return "could not be checked: " + err.Message
	}
}
