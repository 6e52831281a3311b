package app

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

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
	case errors.Is(err, database.ErrRefused), errors.Is(err, database.ErrNoDatabase):
		return apperr.From(err).Message
	case errors.As(err, &destructive):
		var s strings.Builder
		s.WriteString("this would lose data, so nothing was changed:\n")
		for _, statement := range destructive.Statements {
			fmt.Fprintf(&s, "  %s\n    %s\n", statement.Reason, statement.SQL)
		}
		s.WriteString("Add --allow-destructive to do it all the same.")
		return s.String()
	case errors.Is(err, schema.ErrNotApplied):
		return err.Error() + "; run \"semantik schema apply\""
	case errors.As(err, &away):
		return err.Error() + "\nStart one with \"semantik up\", or name another one with --server or SEMANTIK_SERVER."
	case errors.As(err, &problem) && problem.Status == http.StatusUnauthorized && problem.Code != "wrong_password":
		return err.Error() + "\nSign in with \"semantik login\"."
	}
	var e *apperr.Error
	if errors.As(err, &e) && e.Kind != apperr.Internal && e.Unwrap() == nil {
		return e.Message
	}
	return err.Error()
}
