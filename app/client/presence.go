package client

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	// maxAway bounds a pause while a server is away that is waited for.
	maxAway = 2 * time.Second
	// tellAway is how long it is away before somebody hears of it: a single request
	// that fails is nothing to be told.
	tellAway = time.Second
	// codeFull is the server's word for a disk that somebody has to make room on.
	codeFull = "storage_full"
)

// presence knows whether the server is there, and what its clock says.
type presence struct {
	mu sync.Mutex
	// answered tells a server that is away for a moment from one that is not there
	// at all.
	answered bool
	// gone is when it was first found away; zero while it is there.
	gone time.Time
	told bool
	// ahead is how far its clock is ahead of ours.
	ahead time.Duration
}

func (p *presence) hasAnswered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answered
}

// isAway tells a server that is stopped, is starting, or has lost its database, from
// one that says no.
func isAway(p *Problem) bool {
	switch p.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return p.Code != codeFull || p.Status != http.StatusServiceUnavailable
	default:
		return false
	}
}

// waitsFor reports whether the server is away and is still waited for, and notes that it
// is.
func (c *Client) waitsFor(err error) bool {
	if c.options.Patience <= 0 {
		return false
	}
	var away *UnreachableError
	if p, ok := errors.AsType[*Problem](err); ok && !isAway(p) || !ok && !errors.As(err, &away) {
		return false
	}
	p := &c.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.answered {
		return false
	}
	if p.gone.IsZero() {
		p.gone = time.Now()
	}
	since := time.Since(p.gone)
	if since >= tellAway && !p.told {
		p.told = true
		c.options.Away(err)
	}
	return since < c.options.Patience
}

// heard notes that the server, or what stands before it, has answered.
func (c *Client) heard(response *http.Response) {
	p := &c.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered = true
	// The header has whole seconds, so that a small difference is none.
	if at, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		if p.ahead = time.Until(at); p.ahead.Abs() < 2*time.Second {
			p.ahead = 0
		}
	}
	if isAway(&Problem{Status: response.StatusCode}) {
		return
	}
	p.gone = time.Time{}
	if p.told {
		p.told = false
		c.options.Away(nil)
	}
}

// Now is the time by the server's clock, to two seconds; by ours before it has
// answered.
func (c *Client) Now() time.Time {
	c.presence.mu.Lock()
	defer c.presence.mu.Unlock()
	return time.Now().Add(c.presence.ahead)
}
