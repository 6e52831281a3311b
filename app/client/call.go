package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// call is one request, which may have to be made several times.
type call struct {
	method, path string
	query        url.Values
	// open gives the body anew for each try; nil for none.
	open func() (io.ReadCloser, error)
	// contentType and length are the body's; a length of -1 is not known.
	contentType string
	length      int64
	// repeatable calls do no harm when they are made twice.
	repeatable bool
	// anonymous calls carry no token.
	anonymous bool
	// again is called when the call is made once more although the server may have
	// carried it out; nil for nobody.
	again func()
}

// maxAnswer bounds an answer in memory: 250 results of a million characters are
// never asked for.
const maxAnswer = 256 << 20

// jsonBody gives the call a JSON body.
func (k call) jsonBody(v any) (call, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return k, fmt.Errorf("writing a request: %w", err)
	}
	k.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(encoded)), nil }
	k.contentType, k.length = "application/json", int64(len(encoded))
	return k, nil
}

// maxRefusals bounds how many tokens a source may offer for one call.
const maxRefusals = 3

// do makes the call and reads the answer into out, unless that is nil. A token
// that is refused is replaced by another one, where the source has one.
func (c *Client) do(ctx context.Context, k call, out any) error {
	refused, refusals := "", 0
	for try := 1; ; try++ {
		token, err := c.token(ctx, k, refused)
		if err != nil && !c.waitsFor(err) {
			return err
		}
		if err == nil {
			err = c.try(ctx, k, token, out)
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case isRefused(err) && token != "" && token != refused && refusals < maxRefusals:
			refused, refusals = token, refusals+1
			try--
			continue
		}
		pause, again := c.pause(k, try, err)
		if !again {
			return err
		}
		if k.again != nil {
			k.again()
		}
		if err := c.options.Wait(ctx, pause); err != nil {
			return err
		}
	}
}

// token is what the call carries.
func (c *Client) token(ctx context.Context, k call, refused string) (string, error) {
	if k.anonymous {
		return "", nil
	}
	return c.options.Token(ctx, refused)
}

// isRefused reports whether the server did not take the token.
func isRefused(err error) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Status == http.StatusUnauthorized
}

// pause tells whether to try again, and after how long: as long as the server
// says, else a little longer each time.
func (c *Client) pause(k call, try int, err error) (time.Duration, bool) {
	if !k.repeatable || (try >= c.options.Tries && !c.waitsFor(err)) {
		return 0, false
	}
	backoff := min(backoffOf(try), maxWait)
	if c.waitsFor(err) { // it is to be noticed soon that the server is back
		backoff = min(backoff, maxAway)
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		if !isAway(p) && p.Status != http.StatusTooManyRequests {
			return 0, false
		}
		if p.retryAfter > 0 {
			return min(p.retryAfter, maxWait), true
		}
		return backoff, true
	}
	var away *UnreachableError
	if !errors.As(err, &away) || !c.presence.hasAnswered() && errors.Is(err, syscall.ECONNREFUSED) {
		return 0, false
	}
	return backoff, true
}

// backoffOf is a pause that doubles with each try.
func backoffOf(try int) time.Duration {
	return time.Duration(float64(100*time.Millisecond<<min(try, 12)) * (0.5 + rand.Float64())) //nolint:gosec // spreads load, hides nothing
}

var errStalled = errors.New("nothing moved for too long")

// try makes the request once. It has no deadline as long as something moves.
func (c *Client) try(ctx context.Context, k call, token string, out any) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(c.options.Idle, func() { cancel(errStalled) })
	defer stall.Stop()
	moved := func() { stall.Reset(c.options.Idle) }

	request, body, err := c.request(ctx, k, token, moved)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if failed := body.failed(); failed != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		return failed
	}
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	c.heard(response)
	moved()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return readProblem(response)
	}
	if out == nil {
		return nil
	}
	content := &watched{ReadCloser: response.Body, moved: moved}
	if err := json.NewDecoder(io.LimitReader(content, maxAnswer)).Decode(out); err != nil {
		// One that was cut off says nothing about who has answered.
		if cut := content.failed(); cut != nil || ctx.Err() != nil {
			return c.unreachable(ctx, cmp.Or(cut, err))
		}
		return fmt.Errorf("the answer of %s cannot be understood, so it is perhaps no Semantik: %w", c.server, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, k call, token string, moved func()) (*http.Request, *watched, error) {
	var reader io.Reader
	var body *watched
	if k.open != nil {
		opened, err := k.open()
		if err != nil {
			return nil, nil, err
		}
		body = &watched{ReadCloser: opened, moved: moved}
		reader = body
	}
	target := c.server + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, k.method, target, reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making a request: %w", err)
	}
	if body != nil {
		request.ContentLength = k.length
		request.Header.Set("Content-Type", k.contentType)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if c.options.UserAgent != "" {
		request.Header.Set("User-Agent", c.options.UserAgent)
	}
	request.Header.Set("Accept", "application/json")
	return request, body, nil
}

// unreachable says why there is no answer, without the address of the request,
// which nobody asked for.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &UnreachableError{Server: c.server, Err: err}
}

// watched is a body that notes when it moves, and its own failure, which is not
// the server's.
type watched struct {
	io.ReadCloser

	moved func()
	err   atomicError
}

// Read reads on.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.moved()
	if err != nil && !errors.Is(err, io.EOF) {
		w.err.store(err)
	}
	return n, err
}

// failed is why the body could not be read; nil when it could.
func (w *watched) failed() error {
	if w == nil {
		return nil
	}
	return w.err.load()
}
