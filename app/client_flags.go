package app

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/platform/config"
)

// errNotSignedIn means that there is nothing to sign in with.
var errNotSignedIn = errors.New("you are not signed in, and no \"semantik up\" runs here whose data you may read;\n" +
	"sign in with \"semantik login --server URL\", or start a server with \"semantik up\"")

const signInRules = `The server and the right to use it are, in this order: --server or SEMANTIK_SERVER, and
SEMANTIK_TOKEN; what "semantik login" has kept; the "semantik up" that runs on this machine,
for whoever may read its data directory.`

// addServer declares --server, and where the data is of a server on this machine.
func addServer(cmd *cobra.Command) {
	cmd.Flags().String("server", "", "address of the server, such as http://127.0.0.1:8080 ["+envServer+"]")
	config.AddFlags(cmd.Flags(), "SEMANTIK_DATA")
}

// server is the address that was asked for, "" for none.
func (s *shell) server(cmd *cobra.Command) (string, error) {
	raw, err := cmd.Flags().GetString("server")
	if err != nil {
		return "", err
	}
	if raw == "" {
		raw = s.getenv(envServer)
	}
	if raw == "" {
		return "", nil
	}
	server, err := client.ParseServer(raw)
	if err != nil {
		return "", usageError{err}
	}
	return server, nil
}

// client makes a client for a command, signed in as whoever that is.
func (s *shell) client(cmd *cobra.Command) (*client.Client, error) {
	server, err := s.server(cmd)
	if err != nil {
		return nil, err
	}
	k := &keyring{shell: s, cmd: cmd, server: server, refused: map[string]bool{}}
	if server, err = k.find(); err != nil {
		return nil, err
	}
	return client.New(server, client.Options{Token: k.Token, UserAgent: userAgent()}), nil
}

// keyring finds tokens for a server, wherever they lie.
type keyring struct {
	shell  *shell
	cmd    *cobra.Command
	server string

	mu      sync.Mutex // uploads ask from several goroutines
	token   string
	refused map[string]bool
}

// find gives the server to speak to, and finds the first token.
func (k *keyring) find() (string, error) {
	if token := k.shell.getenv(envToken); token != "" {
		if k.server == "" {
			k.server = defaultServer
		}
		k.token = token
		return k.server, nil
	}
	for _, l := range k.offers() {
		if k.server == "" || l.Server == k.server {
			k.server, k.token = l.Server, l.Token
			return k.server, nil
		}
	}
	return "", errNotSignedIn
}

// defaultServer is where a server listens when nobody says otherwise.
const defaultServer = "http://127.0.0.1:8080"

// offers are the logins that may be used, the best first. A file that cannot be
// read offers none, and says so.
func (k *keyring) offers() []login {
	var kept logins
	if path, err := k.shell.loginFile(); err == nil {
		if err := readPrivate(path, &kept); err != nil {
			k.shell.notef("semantik: %v\n", err)
		}
	}
	offers := kept.Logins
	if l, ok := k.local(); ok {
		offers = append(offers, l)
	}
	return offers
}

// local is the session of a server that runs on this machine.
func (k *keyring) local() (login, bool) {
	c, err := k.shell.load(k.cmd)
	if err != nil {
		return login{}, false
	}
	var l login
	if err := readPrivate(filepath.Join(c.Store.DataDir, sessionFile), &l); err != nil || l.Token == "" {
		return login{}, false
	}
	return l, true
}

// Token gives the token in use, and when that was refused the next one: that of
// the session on this machine is a new one from time to time.
func (k *keyring) Token(_ context.Context, refused string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if refused == "" || refused != k.token {
		return k.token, nil
	}
	k.refused[refused] = true
	for _, l := range k.offers() {
		if l.Server == k.server && !k.refused[l.Token] {
			k.token = l.Token
			break
		}
	}
	return k.token, nil
}

// loginFile is where "semantik login" keeps what it has got.
func (s *shell) loginFile() (string, error) {
	dir, err := s.configDir()
	return filepath.Join(dir, "logins.json"), err
}

// isLoopback reports whether what is sent to the server stays on this machine.
func isLoopback(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}
