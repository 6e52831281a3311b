package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

// granteeFlags say with whom a collection is shared.
type granteeFlags struct{ user, key string }

func addGrantee(cmd *cobra.Command) *granteeFlags {
	g := &granteeFlags{}
	cmd.Flags().StringVarP(&g.user, "user", "u", "", "name of the user")
	cmd.Flags().StringVar(&g.key, "key", "", "id of an API key, or the name of one of yours")
	return g
}

func (g granteeFlags) check() error {
	if (g.user == "") == (g.key == "") {
		return usagef("say with whom: --user NAME or --key ID, one of the two")
	}
	return nil
}

// find is the grantee for the server.
func (g granteeFlags) find(ctx context.Context, c *client.Client) (client.Grantee, error) {
	if g.key == "" {
		return client.Grantee{Username: g.user}, nil
	}
	id, err := keyID(ctx, c, g.key)
	return client.Grantee{APIKeyID: id}, err
}

// isOf reports whether the permission is the grantee's.
func isOf(p client.Permission, g client.Grantee) bool {
	if g.APIKeyID != "" {
		return p.APIKeyID != nil && *p.APIKeyID == g.APIKeyID
	}
	return p.APIKeyID == nil && strings.EqualFold(p.Username, g.Username)
}

// granteeOf names whose a permission is.
func granteeOf(p client.Permission) string {
	if p.APIKeyID == nil {
		return p.Username
	}
	return fmt.Sprintf("%s's key %s", p.Username, valueOr(p.APIKeyName, *p.APIKeyID))
}

func newCollectionsShare(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "share NAME --user USER",
		Short: "Share a collection with a user or an API key",
		Long: "Share a collection with a user, or with an API key. With --permission read they may search and\n" +
			"read it, with write also change what is in it, with admin also share, rename and delete it.\n" +
			"Sharing it again changes the permission.\n\n" + signInRules,
		Example: "  semantik collections share notes --user bob --permission read\n" +
			"  semantik collections share notes --key 0b9b2d3e-5c41-4c58-9f0e-2f7a4f1f8f55 --permission write",
		Args: oneArgument,
	}
	grantee := addGrantee(cmd)
	permission := cmd.Flags().StringP("permission", "p", "read", "what they may do: read, write or admin")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := grantee.check(); err != nil {
			return err
		}
		if *permission != "read" && *permission != "write" && *permission != "admin" {
			return usagef("--permission must be read, write or admin, not %q", *permission)
		}
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			with, err := grantee.find(ctx, c)
			if err != nil {
				return err
			}
			shared, err := share(ctx, c, collection.Value.ID, with, *permission)
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(shared)
			}
			s.printf("Shared %q with %s: %s.\n", plain(collection.Value.Name), plain(granteeOf(shared.Value)), permissionText[shared.Value.Permission])
			return nil
		})
	}
	return withExitCodes(cmd)
}

var permissionText = map[string]string{
	"read":  "they may read it",
	"write": "they may read it and change what is in it",
	"admin": "they may do everything with it",
}

// share gives a permission, or changes the one that is there.
func share(ctx context.Context, c *client.Client, collectionID string, with client.Grantee, permission string) (client.Listed[client.Permission], error) {
	shared, err := c.Share(ctx, collectionID, with, permission)
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != http.StatusConflict || p.Code != "permission_exists" {
		return shared, err
	}
	there, err := findPermission(ctx, c, collectionID, with)
	if err != nil || there.Value.Permission == permission {
		return there, err
	}
	return c.ChangePermission(ctx, collectionID, there.Value.ID, permission)
}

// errNotShared means that there is no such permission.
var errNotShared = errors.New("the collection is not shared with them")

func findPermission(ctx context.Context, c *client.Client, collectionID string, with client.Grantee) (client.Listed[client.Permission], error) {
	for permission, err := range c.Permissions(ctx, collectionID) {
		if err != nil || isOf(permission.Value, with) {
			return permission, err
		}
	}
	return client.Listed[client.Permission]{}, errNotShared
}

func newCollectionsUnshare(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "unshare NAME --user USER",
		Short:   "Stop sharing a collection with somebody",
		Long:    "Take back what a user or an API key may do with a collection. It is in force with their next\nrequest.\n\n" + signInRules,
		Example: "  semantik collections unshare notes --user bob",
		Args:    oneArgument,
	}
	grantee := addGrantee(cmd)
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := grantee.check(); err != nil {
			return err
		}
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			with, err := grantee.find(ctx, c)
			if err != nil {
				return err
			}
			permission, err := findPermission(ctx, c, collection.Value.ID, with)
			if err != nil {
				return err
			}
			if err := c.Unshare(ctx, collection.Value.ID, permission.Value.ID); err != nil {
				return err
			}
			if *asJSON {
				return s.json(map[string]any{"permission": permission, "removed": true})
			}
			s.printf("%q is no longer shared with %s.\n", plain(collection.Value.Name), plain(granteeOf(permission.Value)))
			return nil
		})
	}
	return withExitCodes(cmd)
}

func newCollectionsPermissions(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "permissions NAME",
		Short:   "List with whom a collection is shared",
		Long:    "List with whom a collection is shared, what they may do, and who has shared it when.\n\n" + signInRules,
		Example: "  semantik collections permissions notes\n  semantik collections permissions notes --json",
		Args:    oneArgument,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withCollection(cmd, args[0], func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error {
			found := []client.Listed[client.Permission]{}
			for permission, err := range c.Permissions(ctx, collection.Value.ID) {
				if err != nil {
					return err
				}
				found = append(found, permission)
			}
			if *asJSON {
				return s.json(map[string]any{"items": found, "total": len(found)})
			}
			if len(found) == 0 {
				s.printf("%q is shared with nobody.\n", plain(collection.Value.Name))
				return nil
			}
			rows := make([][]string, len(found))
			for i, p := range found {
				rows[i] = []string{granteeOf(p.Value), p.Value.Permission, orDash(valueOr(p.Value.GrantedBy, "")), when(&p.Value.CreatedAt)}
			}
			s.table([]string{"WHO", "PERMISSION", "SHARED BY", "SINCE"}, rows)
			return nil
		})
	}
	return withExitCodes(cmd)
}
