package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// TokenSource gives the token to send. refused is the one that the server has
// just refused, "" at first; the source gives another one, or the same when it
// has no other. "" sends none.
type TokenSource func(ctx context.Context, refused string) (string, error)

// StaticToken is a source of one token.
func StaticToken(token string) TokenSource {
	return func(context.Context, string) (string, error) { return token, nil }
}

// Defaults of [Options].
const (
	// DefaultTries is how often a call is made until its failure counts.
	DefaultTries = 6
	// DefaultIdle is how long nothing may move in a call.
	DefaultIdle = 2 * time.Minute
)

// maxWait bounds a pause between two tries, whatever the server asks for.
const maxWait = 30 * time.Second

// Options of a [Client]. The zero value is ready for use.
type Options struct {
	// Token is sent with every call but [Client.Login].
	Token TokenSource
	// UserAgent names the program to the server.
	UserAgent string
	// Tries of a call that may be repeated; [DefaultTries] if zero.
	Tries int
	// Idle is how long nothing may move in a call; [DefaultIdle] if zero.
	Idle time.Duration
	// Patience is how long a server that has answered may be away: calls that may be
	// repeated are, however often, until it is back. Zero has Tries count alone.
	Patience time.Duration
	// Away hears why a server is away that is waited for, once, and nil when it is back.
	// It must not call the client; nil hears nothing.
	Away func(err error)
	// Wait pauses between two tries; nil waits.
	Wait func(ctx context.Context, d time.Duration) error
}

// Forever is the patience that never ends.
const Forever = time.Duration(math.MaxInt64)

// Client speaks to one server. Its methods may be called from several
// goroutines.
type Client struct {
	server  string
	http    *http.Client
	options Options
	// presence is what is known of the server.
	presence presence
}

// ParseServer checks the address of a server, such as http://127.0.0.1:8080, and
// gives it in the form in which two that are the same are equal.
func ParseServer(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return "", fmt.Errorf("%q is not the address of a server; one looks like http://127.0.0.1:8080", raw)
	case u.User != nil:
		return "", errors.New("the address of a server holds no user name or password; sign in with \"semantik login\"")
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%q has more than the address of a server; one looks like http://127.0.0.1:8080", raw)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// New makes a client for a server that [ParseServer] has checked.
func New(server string, o Options) *Client {
	if o.Token == nil {
		o.Token = StaticToken("")
	}
	if o.Tries <= 0 {
		o.Tries = DefaultTries
	}
	if o.Idle <= 0 {
		o.Idle = DefaultIdle
	}
	if o.Away == nil {
		o.Away = func(error) {}
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	return &Client{server: server, options: o, http: &http.Client{
		Transport: transport,
		// The API does not redirect, and a token must not follow one elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Server is the address of the server.
func (c *Client) Server() string { return c.server }

// Close gives idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// wait pauses, or gives the context's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
