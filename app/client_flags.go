package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/platform/config"
)

const signInRules = `The server and the right to use it are, in this order: --server or SEMANTIK_SERVER, with the
API key of --api-key-file or SEMANTIK_API_KEY, or the token in SEMANTIK_TOKEN; what "semantik
login" has kept; the "semantik up" that runs on this machine, for whoever may read its data
directory.`

// defaultServer is where a server listens when nobody says otherwise.
const defaultServer = "http://127.0.0.1:8080"

// addServer declares --server, how to sign in there, and where the data is of a
// server on this machine. A key has no flag of its own: everybody on the machine
// sees the flags of a command.
func addServer(cmd *cobra.Command) {
	cmd.Flags().String("server", "", "address of the server, such as "+defaultServer+" ["+envServer+"]")
	cmd.Flags().String("api-key-file", "", "file with an API key to sign in with, - for standard input ["+envAPIKey+": the key itself]")
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
	return s.clientWith(cmd, client.Options{})
}

// patientClient is client for a command that waits for a server that was there and is
// away, and says so.
func (s *shell) patientClient(cmd *cobra.Command, patience time.Duration, away func(err error)) (*client.Client, error) {
	return s.clientWith(cmd, client.Options{Patience: patience, Away: away})
}

func (s *shell) clientWith(cmd *cobra.Command, o client.Options) (*client.Client, error) {
	o.UserAgent = userAgent()
	server, err := s.server(cmd)
	if err != nil {
		return nil, err
	}
	given, err := s.givenCredential(cmd)
	if err != nil {
		return nil, err
	}
	t := &tokens{shell: s, cmd: cmd, server: server, refused: map[string]bool{}}
	if given != "" {
		o.Token = client.StaticToken(given)
		return client.New(t.serverFor(given), o), nil
	}
	if server, err = t.find(); err != nil {
		return nil, err
	}
	o.Token = t.Token
	return client.New(server, o), nil
}

// withClient does something with a client for the command.
func (s *shell) withClient(cmd *cobra.Command, do func(ctx context.Context, c *client.Client) error) error {
	c, err := s.client(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(cmd.Context(), c)
}

// withCollection does something with a collection, by its name or its id, for the
// command.
func (s *shell) withCollection(cmd *cobra.Command, name string, do func(ctx context.Context, c *client.Client, collection client.Listed[client.Collection]) error) error {
	return s.withClient(cmd, func(ctx context.Context, c *client.Client) error {
		collection, err := namedCollection(ctx, c, name)
		if err != nil {
			return err
		}
		return do(ctx, c, collection)
	})
}

// givenCredential is the API key or the token that the command was given, "" for
// none. It is used or fails: a script whose key was revoked must not go on as
// whoever is signed in on the machine.
func (s *shell) givenCredential(cmd *cobra.Command) (string, error) {
	given := map[string]string{}
	if path, err := cmd.Flags().GetString("api-key-file"); err == nil && cmd.Flags().Changed("api-key-file") {
		key, err := s.readKeyFile(path)
		if err != nil {
			return "", err
		}
		given["--api-key-file"] = key
	}
	for _, name := range []string{envAPIKey, envToken} {
		if value := strings.TrimSpace(s.getenv(name)); value != "" && given["--api-key-file"] == "" {
			given[name] = value
		}
	}
	if len(given) > 1 {
		return "", usagef("set %s or %s, not both", envAPIKey, envToken)
	}
	for _, value := range given {
		return value, nil
	}
	return "", nil
}

// maxKeyFile bounds what is read of a file with an API key.
const maxKeyFile = 4 << 10

func (s *shell) readKeyFile(path string) (string, error) {
	if path == "" {
		return "", usagef("--api-key-file names no file")
	}
	reader := s.stdin
	if path != "-" {
		file, err := os.Open(path) //nolint:gosec // the caller's own file
		if err != nil {
			return "", usagef("reading the API key from %s: %w", path, reasonOf(err))
		}
		defer func() { _ = file.Close() }()
		reader = file
	}
	content, err := io.ReadAll(io.LimitReader(reader, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("reading the API key from %s: %w", path, reasonOf(err))
	}
	key := strings.TrimSpace(string(content))
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return "", usagef("%s does not hold an API key alone", path)
	}
	return key, nil
}

// errNotSignedIn means that there is nothing to sign in with.
var errNotSignedIn = errors.New("you are not signed in, and no \"semantik up\" runs here whose data you may read;\n" +
	"sign in with \"semantik login --server URL\", or start a server with \"semantik up\"")

// isLoopback reports whether what is sent to the server stays on this machine.
func isLoopback(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}
