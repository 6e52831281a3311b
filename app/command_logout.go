package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

func newLogout(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Sign out of a server",
		Long: "End the session at a server and forget its tokens: at the server of --server, else at the one\n" +
			"that you have signed in to last. A server that cannot be reached is not told; what was kept\n" +
			"is forgotten all the same.",
		Example: "  semantik logout\n  semantik logout --server https://search.example.com",
		Args:    cobra.NoArgs,
	}
	asJSON := addJSON(cmd)
	addServer(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		server, err := s.server(cmd)
		if err != nil {
			return err
		}
		store, err := s.loginStore()
		if err != nil {
			return err
		}
		kept, err := store.list()
		if err != nil {
			return err
		}
		for _, l := range kept.Logins {
			if server == "" || l.Server == server {
				return s.logout(cmd, store, l, *asJSON)
			}
		}
		if server == "" {
			return errors.New("you are not signed in anywhere")
		}
		return errNoLogin
	}
	return withExitCodes(cmd)
}

func (s *shell) logout(cmd *cobra.Command, store *loginStore, l login, asJSON bool) error {
	told := s.endSession(cmd, l)
	if told != nil {
		s.notef("%s the server was not told, so that the session lives on there until it expires: %v\n", s.styleFor(s.stderr).yellow("warning:"), told)
	}
	if err := store.remove(cmd.Context(), l); err != nil {
		return err
	}
	if asJSON {
		return s.json(map[string]any{"server": l.Server, "username": l.Username, "session_ended": told == nil})
	}
	s.printf("Signed out of %s.\n", l.Server)
	return nil
}

// endSession tells the server. A session that is over is none to end.
func (s *shell) endSession(cmd *cobra.Command, l login) error {
	t := &tokens{shell: s, cmd: cmd, server: l.Server, refused: map[string]bool{}}
	opened, ok := t.open(l)
	if !ok {
		return errors.New("its tokens could not be read")
	}
	t.token = opened.Token
	// Only this login's: the session of a server on this machine is not to end.
	own := func(ctx context.Context, refused string) (string, error) {
		if refused == "" || t.refused[refused] {
			return t.token, nil
		}
		t.refused[refused] = true
		renewed, err := t.renew(ctx, refused)
		if renewed != "" {
			t.token = renewed
		}
		return t.token, err
	}
	c := client.New(l.Server, client.Options{Token: own, UserAgent: userAgent(), Tries: 1})
	defer c.Close()
	err := c.Logout(cmd.Context())
	var p *client.Problem
	if errors.As(err, &p) && p.Status == http.StatusUnauthorized {
		return nil
	}
	return err
}
