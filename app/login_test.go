package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/app"
	api "semantik/app/client"
	"semantik/platform/pgtest"
)

// fakeKeyring is a keyring in memory, which may be broken.
type fakeKeyring struct {
	mu     sync.Mutex
	held   map[string]string
	broken bool
}

var errKeyring = errors.New("the keyring is locked")

func (k *fakeKeyring) Get(name string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	text, ok := k.held[name]
	if !ok {
		return "", app.ErrNoSecret
	}
	return text, nil
}

func (k *fakeKeyring) Set(name, text string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken {
		return errKeyring
	}
	k.held[name] = text
	return nil
}

func (k *fakeKeyring) Remove(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.held, name)
	return nil
}

// commandWith runs a command with a keyring.
func commandWith(t *testing.T, keyring app.Keyring, environ []string, stdin string, args ...string) ran {
	t.Helper()
	var stdout, stderr buffer
	code := app.Shell{Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr, Environ: environ, Keyring: keyring}.Run(t.Context(), args...)
	return ran{code, stdout.String(), stderr.String()}
}

// kept is the file of somebody's logins.
func kept(environ []string) string {
	return filepath.Join(strings.TrimPrefix(environ[0], "HOME="), ".config", "semantik", "logins.json")
}

type keptLogins struct {
	Logins []map[string]any `json:"logins"`
}

func readKept(t *testing.T, environ []string) keptLogins {
	t.Helper()
	content, err := os.ReadFile(kept(environ))
	require.NoError(t, err)
	var l keptLogins
	require.NoError(t, json.Unmarshal(content, &l))
	return l
}

// expire makes the access token of the login one that the server refuses.
func expire(t *testing.T, environ []string) {
	t.Helper()
	keepToken(t, environ, "expired.access.token")
}

// keepToken gives the login another access token.
func keepToken(t *testing.T, environ []string, token string) {
	t.Helper()
	l := readKept(t, environ)
	l.Logins[0]["token"] = token
	content, err := json.Marshal(l)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(kept(environ), content, 0o600))
}

// refreshTokens counts those of a database in all states.
func refreshTokens(t *testing.T, database, condition string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from refresh_tokens where "+condition).Scan(&n))
	return n
}

// visitor signs in to a server as its admin, from a machine of their own.
type visitor struct {
	url, database string
	environ       []string
}

func newVisitor(t *testing.T) visitor {
	t.Helper()
	database := pgtest.Partitioned(t, partitions)
	u := up(t, home(t, "DATABASE_URL="+database, "SEMANTIK_ADMIN_PASSWORD=correct horse"), t.TempDir())
	t.Cleanup(func() { u.stop(t) })
	return visitor{url: u.result.URL, database: database, environ: home(t)}
}

// login gives where the tokens are kept.
func (v visitor) login(t *testing.T, keyring app.Keyring, more ...string) string {
	t.Helper()
	r := commandWith(t, keyring, v.environ, "correct horse\n", append([]string{"login", "--server", v.url, "-u", "admin", "--password-stdin", "--json"}, more...)...)
	require.Equal(t, 0, r.code, r.stderr)
	return decode[map[string]string](t, r)["kept_in"]
}

func (v visitor) requireNoSession(t *testing.T) {
	t.Helper()
	require.Equal(t, 0, refreshTokens(t, v.database, "revoked_at is null and replaced_by is null"))
}

func TestLogin_IsRenewedOnceForAllCommandsThatRunAtTheSameTime(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	require.Equal(t, "file", v.login(t, nil))
	expire(t, v.environ)
	var wait sync.WaitGroup
	results := make([]ran, 8)
	for i := range results {
		wait.Go(func() { results[i] = command(t, v.environ, "", "keys", "list", "--json") })
	}
	wait.Wait()
	for _, r := range results {
		require.Equal(t, 0, r.code, r.stderr)
	}
	require.Equal(t, 1, refreshTokens(t, v.database, "replaced_by is not null"), "one of them has renewed it")
	l := readKept(t, v.environ).Logins
	require.Len(t, l, 1)
	require.NotEqual(t, "expired.access.token", l[0]["token"])
	// The next time with the pair that was kept.
	expire(t, v.environ)
	require.Equal(t, 0, command(t, v.environ, "", "keys", "list").code)
	require.Equal(t, 2, refreshTokens(t, v.database, "replaced_by is not null"))
}

func TestLogout_EndsTheSessionOnTheServerToo(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	v.login(t, nil)
	before, _ := readKept(t, v.environ).Logins[0]["refresh_token"].(string)
	r := command(t, v.environ, "", "logout", "--json")
	require.Equal(t, 0, r.code, r.stderr)
	require.Equal(t, true, decode[map[string]any](t, r)["session_ended"])
	require.Empty(t, readKept(t, v.environ).Logins)
	v.requireNoSession(t)
	c := api.New(v.url, api.Options{})
	defer c.Close()
	_, err := c.Refresh(t.Context(), before)
	var p *api.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusUnauthorized, p.Status)
	r = command(t, v.environ, "", "keys", "list")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "not signed in")
	require.Equal(t, 1, command(t, v.environ, "", "logout").code, "there is nothing left to end")

	t.Run("although the access token has expired", func(t *testing.T) {
		v.login(t, nil)
		expire(t, v.environ)
		require.Equal(t, 0, command(t, v.environ, "", "logout").code)
		v.requireNoSession(t)
	})
	t.Run("and forgets a login at a server that is gone", func(t *testing.T) {
		v.login(t, nil)
		content, err := os.ReadFile(kept(v.environ))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(kept(v.environ), bytes.ReplaceAll(content, []byte(v.url), []byte("http://127.0.0.1:1")), 0o600))
		r := command(t, v.environ, "", "logout", "--json")
		require.Equal(t, 0, r.code, r.stderr)
		require.Equal(t, false, decode[map[string]any](t, r)["session_ended"])
		require.Contains(t, r.stderr, "not told")
		require.Empty(t, readKept(t, v.environ).Logins)
	})
}

func TestLogin_EndsTheSessionInWhosePlaceItIs(t *testing.T) {
	t.Parallel()
	const lives = "revoked_at is null and replaced_by is null"
	v := newVisitor(t)
	v.login(t, nil)
	v.login(t, nil)
	require.Equal(t, 1, refreshTokens(t, v.database, lives))
	expire(t, v.environ)
	v.login(t, nil)
	require.Equal(t, 1, refreshTokens(t, v.database, lives), "also of one that has to be renewed for it")
	k := &fakeKeyring{held: map[string]string{}}
	v.login(t, k)
	v.login(t, k)
	require.Equal(t, 1, refreshTokens(t, v.database, lives), "wherever the tokens are")
	v.login(t, k, "--no-keyring")
	require.Empty(t, k.held)
	require.Equal(t, 1, refreshTokens(t, v.database, lives))
	require.Equal(t, 0, command(t, v.environ, "", "keys", "list").code)
}

func TestLogin_ThatCannotBeOpenedIsNotReplacedByAnother(t *testing.T) {
	t.Parallel()
	database := pgtest.Partitioned(t, partitions)
	here := home(t, "DATABASE_URL="+database, "SEMANTIK_ADMIN_PASSWORD=correct horse")
	u := up(t, here, t.TempDir())
	t.Cleanup(func() { u.stop(t) })
	v := visitor{url: u.result.URL, database: database, environ: here}
	require.Equal(t, 0, command(t, here, "", "keys", "list").code, "the session of the server on this machine")
	k := &fakeKeyring{held: map[string]string{}}
	v.login(t, k)
	l := readKept(t, here)
	l.Logins[0]["server"] = "http://127.0.0.1:1"
	content, err := json.Marshal(l)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(kept(here), content, 0o600))

	r := command(t, here, "", "keys", "list")
	require.Equal(t, 1, r.code, "the last login is another server's, and its tokens are in a keyring")
	require.Contains(t, r.stderr, "sign in again")
	require.NoError(t, os.Chmod(kept(here), 0o644))
	r = command(t, here, "", "keys", "list")
	require.Equal(t, 1, r.code, "nobody knows what the file would have said")
	require.Contains(t, r.stderr, "chmod 600")
}

func TestLogin_KeepsItsTokensInTheKeyring(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	k := &fakeKeyring{held: map[string]string{}}
	require.Equal(t, "keyring", v.login(t, k))
	l := readKept(t, v.environ).Logins[0]
	require.Equal(t, map[string]any{"server": v.url, "username": "admin", "keyring": true}, l, "no token is in the file")
	var pair map[string]string
	require.NoError(t, json.Unmarshal([]byte(k.held["admin at "+v.url]), &pair))
	k.held["admin at "+v.url] = `{"token":"expired.access.token","refresh_token":"` + pair["refresh_token"] + `"}`
	r := commandWith(t, k, v.environ, "", "keys", "list")
	require.Equal(t, 0, r.code, r.stderr)
	require.NotContains(t, k.held["admin at "+v.url], "expired.access.token")
	require.Equal(t, l, readKept(t, v.environ).Logins[0])

	r = command(t, v.environ, "", "keys", "list")
	require.Equal(t, 1, r.code, "where the keyring cannot be reached")
	require.Contains(t, r.stderr, "sign in again")
	require.Equal(t, 0, commandWith(t, k, v.environ, "", "logout").code)
	require.Empty(t, k.held)
}

func TestLogin_KeepsItsTokensInAFileWhereTheKeyringRefusesOrIsNotWanted(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	require.Equal(t, "file", v.login(t, &fakeKeyring{held: map[string]string{}, broken: true}))
	k := &fakeKeyring{held: map[string]string{}}
	require.Equal(t, "file", v.login(t, k, "--no-keyring"))
	require.Empty(t, k.held)
	require.Equal(t, 0, command(t, v.environ, "", "keys", "list").code)
	info, err := os.Stat(kept(v.environ))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
