package app

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"semantik/app/client"
	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/schema"
)

// explain says an error to the person at the command line, with what to do where
// that is known here and not there.
func explain(err error) string {
	var destructive *schema.DestructiveError
	var problem *client.Problem
	var away *client.UnreachableError
	err = database.Refusal(err)
	switch {
	case errors.Is(err, database.ErrRefused), errors.Is(err, database.ErrNoDatabase), errors.Is(err, database.ErrUsedUp), errors.Is(err, database.ErrNoAnswer):
		return apperr.From(err).Message
	case errors.As(err, &destructive):
		var s strings.Builder
		s.WriteString("this would lose data, so none of it was done:\n")
		for _, statement := range destructive.Statements {
			fmt.Fprintf(&s, "  %s\n    %s\n", statement.Reason, statement.SQL)
		}
		if len(destructive.Finished) > 0 {
			fmt.Fprintf(&s, "Done before that: %s.\n", strings.Join(destructive.Finished, ", "))
		}
		s.WriteString("Add --allow-destructive to do it all the same.")
		return s.String()
	case errors.Is(err, schema.ErrNotApplied):
		return err.Error() + "; run \"semantik schema apply\""
	case errors.As(err, &away):
		return err.Error() + "\nStart one with \"semantik up\", or name another one with --server or SEMANTIK_SERVER."
	case errors.As(err, &problem) && problem.Status == http.StatusUnauthorized && !saysWhatToDo[problem.Code]:
		return err.Error() + "\nSign in with \"semantik login\"."
	}
	var e *apperr.Error
	// What PostgreSQL says of a constraint is in the error's own words already.
	var constraint *pgconn.PgError
	if errors.As(err, &e) && e.Kind != apperr.Internal && (e.Unwrap() == nil || errors.As(err, &constraint) && constraint.ConstraintName != "") {
		return fieldsText(e)
	}
	return err.Error()
}

// saysWhatToDo are the codes of refused credentials for which signing in anew is
// not the way, or has just been tried.
var saysWhatToDo = map[string]bool{"wrong_password": true, "api_key_revoked": true, "api_key_expired": true}

// fieldsText is the message of an error with every wrong field on a line, named
// without the part of the request that it would stand in.
func fieldsText(e *apperr.Error) string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	lines := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		_, name, found := strings.Cut(f.Location, ".")
		if !found {
			name = f.Location
		}
		lines[i] = name + " " + f.Message
	}
	return strings.Join(lines, "\n  ")
}
