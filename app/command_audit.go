package app

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

// auditFlags are those of the command.
type auditFlags struct {
	actor, key, action, object string
	since, until               string
	limit                      int
}

func newAudit(s *shell) *cobra.Command {
	f := &auditFlags{}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read the audit log: who did what",
		Long: "Read the audit log, newest first: what you did, in person and through your API keys; as a\n" +
			"superuser, what everybody did. A time is a date (2025-07-15), an instant (2025-07-15T10:00:00Z)\n" +
			"or how long ago it was (90m, 24h, 7d). With --json each entry is a line.\n\n" + signInRules,
		Example: "  semantik audit\n  semantik audit --key nightly\n  semantik audit --actor bob --since 7d\n" +
			"  semantik audit --object collection:notes --json\n  semantik audit --action api_key.create --limit 1000",
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&f.actor, "actor", "", "only what this user did")
	cmd.Flags().StringVar(&f.key, "key", "", "only what this API key did: its id, or the name of one of yours")
	cmd.Flags().StringVar(&f.action, "action", "", "only this action, such as collection.delete")
	cmd.Flags().StringVar(&f.object, "object", "", "only what happened to a kind of object (collection), to one (collection:NAME-OR-ID), or to an id")
	cmd.Flags().StringVar(&f.since, "since", "", "only from this time on")
	cmd.Flags().StringVar(&f.until, "until", "", "only before this time")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "how many entries, 1 to 100000")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := f.filter(time.Now())
		if err != nil {
			return err
		}
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			// A collection that is still there may be named.
			if filter.ObjectType == "collection" && filter.ObjectID != "" && !looksLikeID.MatchString(filter.ObjectID) {
				collection, err := namedCollection(ctx, c, filter.ObjectID)
				if err != nil {
					return err
				}
				filter.ObjectID = collection.Value.ID
			}
			if f.key != "" {
				if filter.APIKeyID, err = keyID(ctx, c, f.key); err != nil {
					return err
				}
			}
			return s.audit(ctx, c, filter, *asJSON)
		})
	}
	return withExitCodes(cmd)
}

var objectKind = regexp.MustCompile(`^[a-z][a-z_]*$`)

// filter checks the flags.
func (f auditFlags) filter(now time.Time) (client.AuditFilter, error) {
	filter := client.AuditFilter{Actor: f.actor, Action: f.action, Limit: f.limit}
	if f.limit < 1 || f.limit > 100_000 {
		return filter, usagef("--limit must be 1 to 100000")
	}
	var err error
	if filter.Since, err = instantOf("--since", f.since, now); err != nil {
		return filter, err
	}
	if filter.Until, err = instantOf("--until", f.until, now); err != nil {
		return filter, err
	}
	kind, id, both := strings.Cut(f.object, ":")
	switch {
	case both && (kind == "" || id == ""):
		return filter, usagef("--object must be a kind such as collection, or a kind with a name or id such as collection:notes")
	case both:
		filter.ObjectType, filter.ObjectID = kind, id
	case objectKind.MatchString(f.object):
		filter.ObjectType = f.object
	default:
		filter.ObjectID = strings.ToLower(f.object)
	}
	return filter, nil
}

var ago = regexp.MustCompile(`^(\d{1,5})d$`)

// instantOf reads a time of the command line; the zero time for none.
func instantOf(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days := ago.FindStringSubmatch(text); days != nil {
		n, err := strconv.Atoi(days[1])
		return now.AddDate(0, 0, -n), err
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil { //nolint:gosmopolitan // the caller's own day
		return day, nil
	}
	if instant, err := time.Parse(time.RFC3339, text); err == nil {
		return instant, nil
	}
	return time.Time{}, usagef("%s must be a date such as 2025-07-15, an instant such as 2025-07-15T10:00:00Z, or how long ago it was, such as 24h or 7d; not %q", flag, text)
}

func (s *shell) audit(ctx context.Context, c *client.Client, filter client.AuditFilter, asJSON bool) error {
	var rows [][]string
	for entry, err := range c.AuditLog(ctx, filter) {
		if err != nil {
			return err
		}
		if asJSON {
			if err := s.json(entry); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, auditRow(entry.Value))
	}
	if !asJSON && len(rows) == 0 {
		s.printf("The audit log has no such entry that you may read.\n")
	}
	s.table([]string{"WHEN", "WHO", "WHAT", "OBJECT", "DETAILS", "FROM"}, rows)
	return nil
}

// auditRow is an entry for people.
func auditRow(e client.AuditEntry) []string {
	who := e.Actor
	if e.APIKeyID != nil {
		who += " by key " + beginningOf(*e.APIKeyID)
	}
	object := e.ObjectType
	if e.ObjectID != nil {
		object += " " + *e.ObjectID
	}
	return []string{
		e.CreatedAt.Local().Format(time.DateTime), who, e.Action, object, orDash(detailsText(e.Details)), orDash(valueOr(e.IPAddress, "")),
	}
}

// beginningOf is what a key begins with that has this id.
func beginningOf(keyID string) string {
	first, _, _ := strings.Cut(keyID, "-")
	return "smtk_" + first
}

// maxDetails bounds what of an entry's details is shown in a table, in characters.
const maxDetails = 80

// detailsText is the details, the short ones first, cut.
func detailsText(details json.RawMessage) string {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(details, &values); err != nil {
		return string(details)
	}
	parts := make([]string, 0, len(values))
	for name, value := range values {
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			text = string(value)
		}
		parts = append(parts, name+"="+text)
	}
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return cutText(strings.Join(parts, " "), maxDetails)
}
