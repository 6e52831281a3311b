package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	api "semantik/app/client"
	"semantik/platform/pgtest"
)

// newServer serves, and gives the environment of its operator, who needs no
// sign-in beside it, and its address.
func newServer(t *testing.T) (environ []string, url string) {
	t.Helper()
	environ = home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_PASSWORD=correct horse")
	u := up(t, environ, t.TempDir())
	t.Cleanup(func() { u.stop(t) })
	return environ, u.result.URL
}

// runs are the commands of a test.
type runs struct {
	t       *testing.T
	environ []string
}

func (r runs) ok(args ...string) ran {
	r.t.Helper()
	done := command(r.t, r.environ, "", args...)
	require.Equal(r.t, 0, done.code, "%v: %s", args, done.stderr)
	return done
}

func (r runs) refused(reason string, args ...string) {
	r.t.Helper()
	done := command(r.t, r.environ, "", args...)
	require.Equal(r.t, 1, done.code, "%v: %s", args, done.stdout)
	require.Contains(r.t, done.stderr, reason, args)
}

func TestKeys_AreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	environ, url := newServer(t)
	r := runs{t, environ}
	made := r.ok("keys", "create", "nightly")
	secret := strings.TrimSpace(made.stdout)
	require.Regexp(t, `^smtk_[0-9a-f]{8}_[\w-]{43}$`, secret)
	require.NotContains(t, made.stderr, secret)
	var one struct {
		api.APIKey

		Secret string `json:"api_key"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.ok("keys", "create", "reader", "--scope", "read", "--expires-in-days", "1", "--json").stdout), &one))
	require.Equal(t, []string{"read"}, one.Permissions.Scopes)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 1), *one.ExpiresAt, time.Minute)
	require.NotEmpty(t, one.Secret)
	r.refused("name already", "keys", "create", "NIGHTLY")
	r.refused(`no collection "none"`, "keys", "create", "other", "-c", "none")
	r.refused(`no API key "none"`, "keys", "revoke", "none")

	list := r.ok("keys", "list").stdout
	require.Contains(t, list, "read,write")
	require.NotContains(t, list, secret)
	nobody := home(t, "SEMANTIK_SERVER="+url)
	require.Equal(t, 0, command(t, append(nobody, "SEMANTIK_API_KEY="+secret), "", "collections", "list").code)
	require.Equal(t, 0, command(t, nobody, secret+"\n", "collections", "list", "--api-key-file", "-").code)
	denied := command(t, append(nobody, "SEMANTIK_API_KEY="+secret), "", "keys", "list")
	require.Equal(t, 1, denied.code, "no key may read or make keys")
	require.Contains(t, denied.stderr, "Sign in with your password")

	r.ok("keys", "revoke", one.Prefix)
	r.ok("keys", "revoke", "Nightly")
	require.Equal(t, 2, strings.Count(r.ok("keys", "list").stdout, "revoked"))
	gone := command(t, append(environ, "SEMANTIK_API_KEY="+secret), "", "collections", "list")
	require.Equal(t, 1, gone.code, "a key that was given is used or fails, whoever is signed in on the machine")
	require.Contains(t, gone.stderr, "revoked")
}

func TestCollections_AreMadeSharedRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	environ, _ := newServer(t)
	r := runs{t, environ}
	r.ok("users", "create", "bob", "--generate")
	made := decode[api.Collection](t, r.ok("collections", "create", "Häuser & Gärten", "--description", "old", "--public", "--json"))
	require.True(t, made.IsPublic)
	r.refused("exists already", "collections", "create", "Häuser & Gärten")
	r.refused("may not contain", "collections", "create", "a/b")
	// As another keyboard composes it.
	require.Contains(t, r.ok("collections", "show", "Ha\u0308user & Ga\u0308rten").stdout, made.ID)
	require.Equal(t, made.ID, decode[api.Collection](t, r.ok("collections", "show", strings.ToUpper(made.ID), "--json")).ID)
	r.ok("collections", "create", made.ID)
	require.Equal(t, made.ID, decode[api.Collection](t, r.ok("collections", "show", made.ID, "--json")).ID,
		"an id is one, whatever another collection is called")
	require.Contains(t, r.ok("collections", "list").stdout, "yours, public")
	require.Contains(t, r.ok("collections", "list", "-q", "gärten", "--owner", "admin", "--sort", "name").stdout, made.ID)
	require.NotContains(t, r.ok("collections", "list", "-q", "castles").stdout, made.ID)
	r.refused("status", "collections", "list", "--status", "lost")
	require.Contains(t, r.ok("collections", "permissions", made.ID).stdout, "shared with nobody")

	r.ok("collections", "share", made.ID, "--user", "bob")
	again := decode[api.Permission](t, r.ok("collections", "share", made.ID, "--user", "BOB", "--json"))
	require.Equal(t, "read", again.Permission, "sharing it again is no error")
	changed := decode[api.Permission](t, r.ok("collections", "share", made.ID, "--user", "Bob", "-p", "admin", "--json"))
	require.Equal(t, again.ID, changed.ID)
	require.Equal(t, "admin", changed.Permission)
	key := decode[api.APIKey](t, r.ok("keys", "create", "loader", "--json"))
	r.ok("collections", "share", made.ID, "--key", "loader", "-p", "write")
	require.Contains(t, r.ok("collections", "permissions", made.ID).stdout, "admin's key loader")
	r.ok("collections", "unshare", made.ID, "--key", key.ID)
	r.ok("collections", "unshare", made.ID, "--user", "bob")
	r.refused("not shared with them", "collections", "unshare", made.ID, "--user", "bob")
	r.refused("no such user", "collections", "share", made.ID, "--user", "nobody")

	r.ok("collections", "rename", made.ID, "Gardens")
	renamed := command(t, environ, "", "collections", "show", "Häuser & Gärten")
	require.Equal(t, 1, renamed.code)
	r.ok("collections", "delete", "Gardens", "--yes")
	r.refused("semantik collections list", "collections", "show", "Gardens")
	r.ok("collections", "create", "Gardens")
}

func TestAudit_IsReadByEachFilter(t *testing.T) {
	t.Parallel()
	environ, _ := newServer(t)
	r := runs{t, environ}
	for i := range 3 {
		r.ok("collections", "create", fmt.Sprint("c", i))
	}
	r.ok("users", "create", "bob", "--generate")
	lines := func(args ...string) []api.AuditEntry {
		var found []api.AuditEntry
		for line := range strings.Lines(r.ok(append([]string{"audit", "--json"}, args...)...).stdout) {
			var e api.AuditEntry
			require.NoError(t, json.Unmarshal([]byte(line), &e))
			found = append(found, e)
		}
		return found
	}
	require.Len(t, lines("--action", "collection.create", "--limit", "2"), 2)
	created := lines("--action", "collection.create", "--object", "collection:c1")
	require.Len(t, created, 1)
	require.Equal(t, created, lines("--action", "collection.create", "--object", *created[0].ObjectID))
	require.Len(t, lines("--actor", "OPERATOR", "--object", "user"), 1)
	require.Empty(t, lines("--until", "1d"))
	require.Empty(t, lines("--since", time.Now().Add(time.Hour).Format(time.RFC3339)))
	require.NotEmpty(t, lines("--since", "1h", "--until", time.Now().AddDate(0, 0, 1).Format(time.DateOnly)))
	require.Contains(t, r.ok("audit", "--actor", "nobody").stdout, "no such entry")
	table := r.ok("audit", "--object", "user").stdout
	require.Contains(t, table, "username=bob")
	r.refused("such as collection.delete", "audit", "--action", "Delete!")
}

func TestUsers_AreDeletedWithTheirCollectionsOrPassThemOn(t *testing.T) {
	t.Parallel()
	environ, url := newServer(t)
	r := runs{t, environ}
	for _, name := range []string{"bob", "carol"} {
		require.Equal(t, 0, command(t, environ, "correct horse\n", "users", "create", name, "--password-stdin").code)
		theirs := home(t)
		require.Equal(t, 0, command(t, theirs, "correct horse\n", "login", "--server", url, "-u", name, "--password-stdin").code)
		require.Equal(t, 0, command(t, theirs, "", "collections", "create", name+"s").code)
	}
	undecided := command(t, environ, "", "users", "delete", "bob", "--yes")
	require.Equal(t, 2, undecided.code)
	require.Contains(t, undecided.stderr, "--transfer-to USER or --delete-collections")
	r.refused("no user of this name", "users", "delete", "bob", "--transfer-to", "nobody", "--yes")
	r.ok("users", "delete", "bob", "--transfer-to", "carol", "--yes")
	require.Contains(t, r.ok("collections", "show", "bobs").stdout, "superuser", "who sees the collections of others by name, too")
	require.NotContains(t, r.ok("collections", "list").stdout, "bobs")
	require.Contains(t, r.ok("collections", "list", "--all").stdout, "bobs")
	require.Contains(t, r.ok("ingest", t.TempDir(), "-c", "bobs").stderr, `"bobs" is another user's`)
	require.NotContains(t, r.ok("ingest", t.TempDir(), "-c", "mine").stderr, "another user's")
	require.NotContains(t, r.ok("ingest", t.TempDir(), "-c", "mine").stderr, "another user's", "nor when it is there")
	r.ok("users", "delete", "carol", "--delete-collections", "--yes")
	r.refused("no collection", "collections", "show", "bobs")
	r.refused("no collection", "collections", "show", "carols")
}
