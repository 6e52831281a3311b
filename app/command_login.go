package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"semantik/app/client"
)

func newLogin(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to a server",
		Long: "Sign in to a server and keep the token for the commands that follow, in a file that nobody\n" +
			"else can read. A token lives as long as the server says (ACCESS_TOKEN_EXPIRE_MINUTES); sign in\n" +
			"again after that. The password is asked for on the terminal, or read from standard input.\n\n" +
			"No login is needed beside a \"semantik up\" on this machine whose data directory you may read.",
		Example: "  semantik login --server https://search.example.com --username alice\n" +
			"  semantik login --username admin --password-stdin < admin.password",
		Args: cobra.NoArgs,
	}
	username := cmd.Flags().StringP("username", "u", "", "user name or e-mail address (asked for if not given)")
	fromStdin := cmd.Flags().Bool("password-stdin", false, "read the password from standard input, its first line")
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		server, err := s.server(cmd)
		if err != nil {
			return err
		}
		if server == "" {
			server = defaultServer
		}
		if !isLoopback(server) && strings.HasPrefix(server, "http://") {
			s.notef("%s the password goes to %s unencrypted\n", s.styleFor(s.stderr).yellow("warning:"), server)
		}
		name, password, err := s.credentials(cmd.Context(), server, *username, *fromStdin)
		if err != nil {
			return err
		}
		return s.login(cmd.Context(), server, name, password, *asJSON)
	}
	return withExitCodes(cmd)
}

// login signs in and keeps the token.
func (s *shell) login(ctx context.Context, server, username, password string, asJSON bool) error {
	path, err := s.loginFile()
	if err != nil {
		return err
	}
	c := client.New(server, client.Options{UserAgent: userAgent()})
	defer c.Close()
	token, err := c.Login(ctx, username, password)
	if err != nil {
		return err
	}
	signed := client.New(server, client.Options{Token: client.StaticToken(token), UserAgent: userAgent()})
	defer signed.Close()
	if username, err = signed.Me(ctx); err != nil {
		return err
	}
	var kept logins
	if err := readPrivate(path, &kept); err != nil {
		return err
	}
	if err := writePrivate(path, kept.with(login{Server: server, Username: username, Token: token})); err != nil {
		return err
	}
	if asJSON {
		return s.json(map[string]string{"server": server, "username": username, "file": path})
	}
	s.printf("Signed in to %s as %s.\n", server, plain(username))
	return nil
}

// maxPassword bounds what is read as one line.
const maxPassword = 4 << 10

// credentials asks for what was not given.
func (s *shell) credentials(ctx context.Context, server, username string, fromStdin bool) (name, password string, err error) {
	if fromStdin {
		if username == "" {
			return "", "", usagef("--password-stdin needs --username")
		}
		line, err := bufio.NewReader(io.LimitReader(s.stdin, maxPassword)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", "", fmt.Errorf("reading the password: %w", err)
		}
		if password = strings.TrimRight(line, "\r\n"); password == "" {
			return "", "", usagef("standard input holds no password")
		}
		return username, password, nil
	}
	terminal, ok := s.stdin.(*os.File)
	if !ok || !isTerminal(terminal) {
		return "", "", usagef("there is no terminal to ask for the password on; use --password-stdin")
	}
	if username == "" {
		s.notef("User name at %s: ", server)
		line, err := ask(ctx, terminal, func() (string, error) { return bufio.NewReader(terminal).ReadString('\n') })
		if err != nil {
			return "", "", err
		}
		if username = strings.TrimSpace(line); username == "" {
			return "", "", usagef("a user name is needed")
		}
	}
	s.notef("Password of %s at %s: ", plain(username), server)
	password, err = ask(ctx, terminal, func() (string, error) {
		typed, err := term.ReadPassword(int(terminal.Fd()))
		return string(typed), err
	})
	s.notef("\n")
	return username, password, err
}

// ask reads from the terminal, and leaves it as it was when that is broken off:
// the reading itself cannot be.
func ask(ctx context.Context, terminal *os.File, read func() (string, error)) (string, error) {
	before, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		return "", fmt.Errorf("looking at the terminal: %w", err)
	}
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		_ = term.Restore(int(terminal.Fd()), before)
		return "", context.Cause(ctx)
	case a := <-answers:
		if a.err != nil {
			return "", fmt.Errorf("reading from the terminal: %w", a.err)
		}
		return a.text, nil
	}
}
