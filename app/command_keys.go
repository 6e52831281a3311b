package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newKeys(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke API keys for scripts",
		Long: "Make, list and revoke your API keys. A key is for a script: it acts as you, never as a\n" +
			"superuser, within its scopes and collections, until it expires or is revoked. No key can make\n" +
			"or revoke keys, so these commands want you to have signed in by password.",
		Example: "  semantik keys create nightly --scope read --collection notes\n  semantik keys list\n  semantik keys revoke nightly",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysCreate(s), newKeysList(s), newKeysRevoke(s))
	return withExitCodes(cmd)
}

func newKeysCreate(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an API key",
		Long: "Make an API key and print it: this once, alone on standard output, so that a script can take\n" +
			"it from there. It cannot be had again. A script gives it in SEMANTIK_API_KEY.\n\n" +
			"Without --scope it may read and write; no scope includes another. Without --collection it\n" +
			"reaches whatever you may reach.\n\n" + signInRules,
		Example: "  semantik keys create nightly --scope read --collection notes --expires-in-days 30\n" +
			"  SEMANTIK_API_KEY=$(semantik keys create loader) semantik ingest . -c notes",
		Args: oneArgument,
	}
	scopes := cmd.Flags().StringSlice("scope", nil, "what it may be used for: read, write, admin (repeatable; default read and write)")
	collections := cmd.Flags().StringArrayP("collection", "c", nil, "name or id of a collection that it may reach (repeatable; default all)")
	days := cmd.Flags().Int("expires-in-days", 0, "how long it lives, 1 to 3650 (default 365)")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in := client.NewAPIKey{Name: args[0], ExpiresInDays: *days, Permissions: client.APIKeyPermissions{Scopes: *scopes}}
		for _, scope := range *scopes {
			if scope != "read" && scope != "write" && scope != "admin" {
				return usagef("--scope must be read, write or admin, not %q", scope)
			}
		}
		if cmd.Flags().Changed("expires-in-days") && (*days < 1 || *days > 3650) {
			return usagef("--expires-in-days must be 1 to 3650")
		}
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			return s.createKey(ctx, c, in, *collections, *asJSON)
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) createKey(ctx context.Context, c *client.Client, in client.NewAPIKey, collections []string, asJSON bool) error {
	for _, name := range collections {
		collection, err := namedCollection(ctx, c, name)
		if err != nil {
			return err
		}
		in.Permissions.Collections = append(in.Permissions.Collections, collection.Value.ID)
	}
	key, secret, err := c.CreateAPIKey(ctx, in)
	if err != nil {
		return err
	}
	if asJSON {
		return s.json(key)
	}
	s.notef("Made the API key %q. It may %s, %s, and expires %s.\n", plain(key.Value.Name),
		strings.Join(key.Value.Permissions.Scopes, " and "), reachOf(key.Value, collections), when(key.Value.ExpiresAt))
	s.notef("It is shown this once; keep it where only its script can read it.\n")
	s.printf("%s\n", secret)
	return nil
}

// reachOf says which collections a key may reach.
func reachOf(key client.APIKey, names []string) string {
	switch n := len(key.Permissions.Collections); {
	case key.Permissions.Collections == nil:
		return "in every collection that you may reach"
	case n == 1 && len(names) == 1:
		return fmt.Sprintf("in the collection %q", plain(names[0]))
	default:
		return "in " + counted(n, "collection", "collections")
	}
}

func newKeysList(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List your API keys",
		Long:    "List your API keys, newest first, those that were revoked or have expired too. When a key was\nlast used is known to the minute.\n\n" + signInRules,
		Example: "  semantik keys list\n  semantik keys list --json",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			keys := []client.Listed[client.APIKey]{}
			for key, err := range c.APIKeys(ctx) {
				if err != nil {
					return err
				}
				keys = append(keys, key)
			}
			if *asJSON {
				return s.json(map[string]any{"api_keys": keys, "total": len(keys)})
			}
			s.showKeys(keys)
			return nil
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) showKeys(keys []client.Listed[client.APIKey]) {
	if len(keys) == 0 {
		s.printf("You have no API key; \"semantik keys create NAME\" makes one.\n")
		return
	}
	rows := make([][]string, len(keys))
	for i, k := range keys {
		key := k.Value
		reach := "all"
		if key.Permissions.Collections != nil {
			reach = counted(len(key.Permissions.Collections), "collection", "collections")
		}
		rows[i] = []string{
			key.Name, key.Prefix, strings.Join(key.Permissions.Scopes, ","), reach, when(key.LastUsedAt), when(key.ExpiresAt), keyState(key),
		}
	}
	s.table([]string{"NAME", "BEGINS WITH", "SCOPES", "REACHES", "LAST USED", "EXPIRES", "STATE"}, rows)
}

// keyState says whether a key is in force.
func keyState(key client.APIKey) string {
	switch {
	case !key.IsActive:
		return "revoked"
	case key.ExpiresAt != nil && key.ExpiresAt.Before(time.Now()):
		return "expired"
	default:
		return "active"
	}
}

func newKeysRevoke(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "revoke NAME",
		Short:   "Revoke an API key",
		Long:    "Revoke an API key, by its name, its id or the beginning that the list shows. It is refused from\nthe next request on.\n\n" + signInRules,
		Example: "  semantik keys revoke nightly\n  semantik keys revoke smtk_0b9b2d3e",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
			key, err := findKey(ctx, c, args[0])
			if err != nil {
				return err
			}
			if key, err = c.SetAPIKeyActive(ctx, key.Value.ID, false); err != nil {
				return err
			}
			if *asJSON {
				return s.json(key)
			}
			s.printf("Revoked the API key %q.\n", plain(key.Value.Name))
			return nil
		})
	}
	return withExitCodes(cmd)
}

// findKey finds one of the user's API keys by its name, its id or its beginning.
func findKey(ctx context.Context, c *client.Client, name string) (client.Listed[client.APIKey], error) {
	var found []client.Listed[client.APIKey]
	for key, err := range c.APIKeys(ctx) {
		if err != nil {
			return key, err
		}
		// Names are unique without regard to case, and win.
		if strings.EqualFold(key.Value.Name, name) {
			return key, nil
		}
		if strings.EqualFold(key.Value.ID, name) || strings.EqualFold(key.Value.Prefix, name) {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		return client.Listed[client.APIKey]{}, fmt.Errorf("you have no API key %q; \"semantik keys list\" lists yours", name)
	case 1:
		return found[0], nil
	default:
		return client.Listed[client.APIKey]{}, errors.New("several of your API keys begin like this; name the key, or give its id")
	}
}

// keyID is the id of an API key: of anybody's by its id, of one's own by its name
// or its beginning.
func keyID(ctx context.Context, c *client.Client, name string) (string, error) {
	if looksLikeID.MatchString(name) {
		return strings.ToLower(name), nil
	}
	key, err := findKey(ctx, c, name)
	return key.Value.ID, err
}
