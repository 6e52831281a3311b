package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"semantik/app/client"
)

var beginsLikeID = regexp.MustCompile(`^[0-9a-f]{8}[0-9a-f-]{0,27}$`)

// searchedOperations bounds among how many an id is looked for by its beginning.
const searchedOperations = 1000

// operationID is the id of the operation that somebody has named, by all of its id or by
// the beginning: of one of their own, else, for superusers, of anybody's.
func operationID(ctx context.Context, c *client.Client, given string) (string, error) {
	given = strings.ToLower(strings.TrimSpace(given))
	if looksLikeID.MatchString(given) {
		return given, nil
	}
	if !beginsLikeID.MatchString(given) {
		return "", usagef("%q is not the id of an operation, nor 8 characters or more that one begins with; \"semantik operations list\" lists them", given)
	}
	for _, all := range []bool{false, true} {
		id, err := operationThatBegins(ctx, c, given, all)
		p, refused := errors.AsType[*client.Problem](err)
		if id != "" || err != nil && (!all || !refused || p.Status != http.StatusForbidden) {
			return id, err
		}
	}
	return "", fmt.Errorf("no operation of yours begins with %s; \"semantik operations list\" lists them, and one of somebody else's needs its whole id", given)
}

func operationThatBegins(ctx context.Context, c *client.Client, beginning string, all bool) (string, error) {
	found := ""
	for o, err := range c.Operations(ctx, client.OperationFilter{All: all, Limit: searchedOperations}) {
		switch {
		case err != nil:
			return "", err
		case !strings.HasPrefix(o.Value.ID, beginning):
		case found != "":
			return "", usagef("more than one operation begins with %s; give more of the id, such as %s", beginning, found)
		default:
			found = o.Value.ID
		}
	}
	return found, nil
}

// shortProgress is how far an operation is, in a few characters.
func shortProgress(o client.Operation) string {
	p := o.Progress
	switch {
	case p == nil || p.Total == 0 && p.Done == 0:
		return ""
	case p.Total == 0:
		return grouped(p.Done)
	case o.Percent != nil && !o.Ended():
		return fmt.Sprintf("%s/%s %.0f%%", grouped(p.Done), grouped(max(p.Done, p.Total)), *o.Percent)
	default:
		return grouped(p.Done) + "/" + grouped(max(p.Done, p.Total))
	}
}

// progressText is how far an operation is.
func progressText(o client.Operation) string {
	p := o.Progress
	if p == nil {
		return ""
	}
	one, many := "document", "documents"
	if o.Type == client.TypeDelete {
		one, many = "row", "rows"
	}
	text := counted(p.Done, one, many)
	if p.Total > 0 {
		text = grouped(p.Done) + " of " + counted(max(p.Done, p.Total), one, many)
	}
	if p.Failed > 0 {
		text += ", " + grouped(p.Failed) + " failed"
	}
	if p.Skipped > 0 {
		text += ", " + grouped(p.Skipped) + " left as they were"
	}
	return text
}

// paceText is how fast an operation is, and how long it will still take; "" where
// nothing is known.
func paceText(o client.Operation, now time.Time) string {
	perSecond, left, known := o.Pace(now)
	if !known {
		return ""
	}
	text := fmt.Sprintf("%.0f a second", perSecond)
	if perSecond < 10 {
		text = fmt.Sprintf("%.1f a second", perSecond)
	}
	if !o.Ended() && left > 0 {
		text += ", about " + leftText(left) + " left"
	}
	return text
}

// leftText is a time that is only about right.
func leftText(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return fmt.Sprintf("%.0f s", max(1, d.Seconds()))
	case d < 100*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
}

// endOf says what became of an operation: an error unless it has completed.
func endOf(o client.Operation) error {
	switch o.Status {
	case client.StatusCompleted:
		return nil
	case client.StatusCancelled:
		return fmt.Errorf("the operation %s was cancelled; \"semantik operations show %s\" tells what was left", o.ID, o.ID)
	default:
		return fmt.Errorf("the operation %s has failed: %s\n\"semantik operations show %s\" tells what to do", o.ID, plain(valueOr(o.ErrorMessage, "the server gives no reason")), o.ID)
	}
}
