package web

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"semantik/platform/apperr"
)

// The errors of reading a body.
var (
	// ErrBodyTooLarge is for a body over the limit of its route.
	ErrBodyTooLarge = apperr.New(apperr.TooLarge, "body_too_large", "The body of the request is too large.")
	// ErrBodyTimeout is for a body that does not arrive.
	ErrBodyTimeout = apperr.New(apperr.Timeout, "body_timeout", "The body of the request took too long to arrive.")
	// ErrBodyBroken is for a body that ends too early or is framed wrongly.
	ErrBodyBroken = apperr.New(apperr.Malformed, "body_broken", "The body of the request could not be read to its end.")
)

// requestBody bounds the body of a request in size and time. Its errors, but for
// io.EOF, are those above.
type requestBody struct {
	inner   io.ReadCloser
	control *http.ResponseController
	idle    time.Duration // longest time without a byte
	until   time.Time     // when all must have been read; zero for no such time
	limit   int64         // bytes; 0 for no limit
	read    int64
	err     error // sticky
	// interrupted is set by another goroutine than the one that reads.
	interrupted atomic.Bool

	// ending guards ended, and the deadline while it is decided.
	ending sync.Mutex
	// ended means that the body was read to its end.
	ended bool
}

// past is a deadline that lets every read of the connection return at once.
var past = time.Unix(1, 0)

func newRequestBody(inner io.ReadCloser, control *http.ResponseController, idle time.Duration) *requestBody {
	return &requestBody{inner: inner, control: control, idle: idle}
}

// Read moves the connection's deadline on, so that each byte has its own time.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	deadline := time.Now().Add(b.idle)
	if !b.until.IsZero() && b.until.Before(deadline) {
		deadline = b.until
	}
	b.setDeadline(deadline)
	if b.interrupted.Load() { // perhaps before the deadline was moved on
		b.setDeadline(past)
	}
	n, err := b.inner.Read(p)
	b.read += int64(n)
	switch {
	case b.limit > 0 && b.read > b.limit:
		b.err = b.tooLarge()
		return 0, b.err
	case errors.Is(err, io.EOF):
		// The connection is watched from here on for the client's leaving. A
		// deadline left behind would end that watch, and with it the request.
		b.ending.Lock()
		b.setDeadline(time.Time{})
		b.ended = true
		b.ending.Unlock()
		b.err = io.EOF
	case err != nil:
		b.err = b.translate(err)
	}
	return n, b.err
}

func (b *requestBody) tooLarge() error {
	return ErrBodyTooLarge.WithMessagef("The body of the request is larger than %s.", bytesText(b.limit)).
		WithDetail("limit_bytes", b.limit)
}

func (b *requestBody) translate(err error) error {
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return ErrBodyBroken.WithCause(err)
	}
	if !b.until.IsZero() && !time.Now().Before(b.until) {
		return ErrBodyTimeout.WithCause(err)
	}
	return ErrBodyTimeout.WithMessagef("No byte of the request's body arrived for %s.", b.idle).WithCause(err)
}

// Close closes the body; net/http reads what is left of it.
func (b *requestBody) Close() error { return b.inner.Close() }

// interrupt ends a read that waits and lets every further one fail. Another
// goroutine than the one that reads may call it. A body that was read to its end is
// left alone: only the watch for the client's leaving would be ended, and the request
// with it.
func (b *requestBody) interrupt() {
	b.interrupted.Store(true)
	b.ending.Lock()
	defer b.ending.Unlock()
	if !b.ended {
		b.setDeadline(past)
	}
}

// abandon is called when the answer begins: net/http now reads a part of what is
// left of the body, past this type, and must not wait for it for long.
func (b *requestBody) abandon() {
	if !errors.Is(b.err, io.EOF) {
		b.setDeadline(time.Now().Add(drainTimeout))
	}
}

// setDeadline fails where there is no connection, in a test; then nothing waits.
func (b *requestBody) setDeadline(t time.Time) { _ = b.control.SetReadDeadline(t) }

// bytesText writes a limit for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
