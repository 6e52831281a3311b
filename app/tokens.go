package app

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"semantik/app/client"
)

// tokens finds tokens for a server, wherever they lie, and renews them.
type tokens struct {
	shell  *shell
	cmd    *cobra.Command
	server string

	mu      sync.Mutex // uploads ask from several goroutines
	token   string
	refused map[string]bool
}

// serverFor is where a credential goes that was given without a server: to the one
// that runs on this machine.
func (t *tokens) serverFor(string) string {
	if t.server == "" {
		t.server = defaultServer
		if l, ok := t.local(); ok {
			t.server = l.Server
		}
	}
	return t.server
}

// find gives the server to speak to, and finds the first token. Without a server it
// is that of the best offer, and no other when that one cannot be opened: what was
// meant for one server must not happen on another.
func (t *tokens) find() (string, error) {
	offers, err := t.offers()
	if err != nil {
		return "", err
	}
	for _, offer := range offers {
		if t.server == "" {
			t.server = offer.Server
		}
		if offer.Server != t.server {
			continue
		}
		if l, ok := t.open(offer); ok {
			t.server, t.token = l.Server, l.Token
			return t.server, nil
		}
	}
	return "", errNotSignedIn
}

// offers are the logins that may be used, the best first. A file of logins that
// cannot be read is an error, and not none: the next best one may be of another
// server, or of somebody who may do more.
func (t *tokens) offers() ([]login, error) {
	var offers []login
	if store, err := t.shell.loginStore(); err == nil {
		kept, err := store.list()
		if err != nil {
			return nil, err
		}
		offers = kept.Logins
	}
	if l, ok := t.local(); ok {
		offers = append(offers, l)
	}
	return offers, nil
}

// open gives a login with its tokens; not one that cannot be read, which it says.
func (t *tokens) open(l login) (login, bool) {
	if !l.Keyring {
		return l, l.Token != ""
	}
	store, err := t.shell.loginStore()
	if err == nil {
		l, err = store.open(l)
	}
	if err != nil {
		t.shell.notef("semantik: %v\n", err)
		return l, false
	}
	return l, l.Token != ""
}

// local is the session of a server that runs on this machine.
func (t *tokens) local() (login, bool) {
	c, err := t.shell.load(t.cmd)
	if err != nil {
		return login{}, false
	}
	var l login
	if err := readPrivate(filepath.Join(c.Store.DataDir, sessionFile), &l); err != nil || l.Token == "" {
		return login{}, false
	}
	return l, true
}

// Token gives the token in use, and when that was refused the next one: a login's
// is renewed, and that of the session on this machine is a new one from time to
// time.
func (t *tokens) Token(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if refused == "" || refused != t.token {
		return t.token, nil
	}
	t.refused[refused] = true
	renewed, err := t.renew(ctx, refused)
	if err != nil {
		return "", err
	}
	if renewed != "" {
		t.token = renewed
		return t.token, nil
	}
	offers, err := t.offers()
	if err != nil {
		return "", err
	}
	for _, offer := range offers {
		if offer.Server != t.server {
			continue
		}
		if l, ok := t.open(offer); ok && !t.refused[l.Token] {
			t.token = l.Token
			break
		}
	}
	return t.token, nil
}

// renew exchanges the login's refresh token for a new pair, and keeps that before
// it is used. "" means that there is nothing to renew, or no more.
func (t *tokens) renew(ctx context.Context, refused string) (renewed string, err error) {
	store, err := t.shell.loginStore()
	if err != nil {
		return "", nil //nolint:nilerr // without a home there is no login
	}
	err = store.locked(ctx, func() error {
		l, err := store.find(t.server)
		if err != nil || l.Token != refused {
			// Not a login, or another command has renewed it meanwhile, which is
			// found among the offers.
			return nil
		}
		if l.Refresh == "" {
			return nil
		}
		c := client.New(t.server, client.Options{UserAgent: userAgent()})
		defer c.Close()
		pair, err := c.Refresh(ctx, l.Refresh)
		var p *client.Problem
		if errors.As(err, &p) && (p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden || p.Status == http.StatusNotFound) {
			return nil // the session is over
		}
		if err != nil {
			return err
		}
		l.Token, l.Refresh = pair.Access, pair.Refresh
		if err := store.renew(l); err != nil {
			// The old pair is used up; this command can go on with the new one.
			t.shell.notef("semantik: the renewed login could not be kept, so sign in again after this: %v\n", err)
		}
		renewed = pair.Access
		return nil
	})
	return renewed, err
}
