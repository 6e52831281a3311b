package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newLogin(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to a server",
		Long: "Sign in to a server, and stay signed in for the commands that follow, until \"semantik logout\" or\n" +
			"until it was not used for as long as the server says (REFRESH_TOKEN_EXPIRE_DAYS). The tokens are\n" +
			"kept in the platform's keyring or, where there is none, in a file that nobody else can read. The\n" +
			"password is asked for on the terminal, or read from standard input; it is not kept.\n\n" +
			"No login is needed beside a \"semantik up\" on this machine whose data directory you may read.\n" +
			"For a script, make an API key with \"semantik keys create\".",
		Example: "  semantik login --server https://search.example.com --username alice\n" +
			"  semantik login --username admin --password-stdin < admin.password",
		Args: cobra.NoArgs,
	}
	username := cmd.Flags().StringP("username", "u", "", "user name or e-mail address (asked for if not given)")
	fromStdin := cmd.Flags().Bool("password-stdin", false, "read the password from standard input, its first line")
	noKeyring := cmd.Flags().Bool("no-keyring", false, "keep the tokens in the file although there is a keyring")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		server, err := s.server(cmd)
		if err != nil {
			return err
		}
		if server == "" {
			server = (&tokens{shell: s, cmd: cmd}).serverFor("")
		}
		if !isLoopback(server) && strings.HasPrefix(server, "http://") {
			s.notef("%s the password goes to %s unencrypted\n", s.styleFor(s.stderr).yellow("warning:"), server)
		}
		name, password, err := s.credentials(cmd.Context(), server, *username, *fromStdin)
		if err != nil {
			return err
		}
		kept, file, err := s.login(cmd.Context(), server, name, password, !*noKeyring)
		if err != nil {
			return err
		}
		where := "file"
		if kept.Keyring {
			where = "keyring"
		}
		if *asJSON {
			return s.json(map[string]string{"server": server, "username": kept.Username, "kept_in": where, "file": file})
		}
		s.printf("Signed in to %s as %s.\n", server, plain(kept.Username))
		if kept.Keyring {
			s.notef("The tokens are in the keyring.\n")
		} else {
			s.notef("The tokens are in %s.\n", file)
		}
		return nil
	}
	return withExitCodes(cmd)
}

// login signs in and keeps the tokens. It gives the login and the file that lists
// it.
func (s *shell) login(ctx context.Context, server, username, password string, useKeyring bool) (login, string, error) {
	store, err := s.loginStore()
	if err != nil {
		return login{}, "", err
	}
	if _, err := store.list(); err != nil { // before there is a session that cannot be kept
		return login{}, "", err
	}
	c := client.New(server, client.Options{UserAgent: userAgent()})
	defer c.Close()
	pair, err := c.Login(ctx, username, password)
	if err != nil {
		return login{}, "", err
	}
	signed := client.New(server, client.Options{Token: client.StaticToken(pair.Access), UserAgent: userAgent()})
	defer signed.Close()
	me, err := signed.Me(ctx)
	if err != nil {
		return login{}, "", err
	}
	kept, replaced, err := store.add(ctx, login{Server: server, Username: me.Username, Token: pair.Access, Refresh: pair.Refresh}, useKeyring)
	if err == nil && replaced.Token != "" {
		endReplaced(ctx, replaced)
	}
	return kept, store.path, err
}

// endPatience is how long a login waits for the end of the one before it.
const endPatience = 5 * time.Second

// endReplaced ends the session of a login that nobody can use any more. It expires
// by itself where that cannot be done.
func endReplaced(ctx context.Context, old login) {
	ctx, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	with := func(token string) error {
		c := client.New(old.Server, client.Options{Token: client.StaticToken(token), UserAgent: userAgent(), Tries: 1})
		defer c.Close()
		return c.Logout(ctx)
	}
	var p *client.Problem
	if err := with(old.Token); !errors.As(err, &p) || p.Status != http.StatusUnauthorized || old.Refresh == "" {
		return
	}
	c := client.New(old.Server, client.Options{UserAgent: userAgent(), Tries: 1})
	defer c.Close()
	if pair, err := c.Refresh(ctx, old.Refresh); err == nil {
		_ = with(pair.Access) // it expires by itself
	}
}

// credentials asks for what was not given.
func (s *shell) credentials(ctx context.Context, server, username string, fromStdin bool) (name, password string, err error) {
	if fromStdin {
		if username == "" {
			return "", "", usagef("--password-stdin needs --username")
		}
		password, err = s.readPassword()
		return username, password, err
	}
	if !isTerminal(s.stdin) {
		return "", "", usagef("there is no terminal to ask for the password on; use --password-stdin")
	}
	if username == "" {
		if username, err = s.askLine(ctx, fmt.Sprintf("User name at %s: ", server)); err != nil {
			return "", "", err
		}
		if username == "" {
			return "", "", usagef("a user name is needed")
		}
	}
	password, err = s.askPassword(ctx, fmt.Sprintf("Password of %s at %s: ", plain(username), server))
	return username, password, err
}
