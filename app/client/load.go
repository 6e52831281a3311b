package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// codeUnknown is the server's word for a commit whose answer was lost, codeCollide that
// for two loads that waited for each other: nothing of this one was stored.
const (
	codeUnknown = "outcome_unknown"
	codeCollide = "loads_collide"
)

// Loaded says what became of the chunks of a load.
type Loaded struct {
	Inserted int64 `json:"inserted"`
	Skipped  int64 `json:"skipped"`
	Replaced int64 `json:"replaced"`
}

// LoadChunks loads chunks, a chunk a line, all of them or none. It tries again where
// nothing was stored for a reason that passes, and where nobody knows what was: then,
// with onConflict "error", what is there already is passed over, since it is ours.
func (c *Client) LoadChunks(ctx context.Context, collectionID, onConflict string, lines []byte) (Loaded, error) {
	k := call{
		method: http.MethodPost, path: "/api/v2/chunking/collections/" + url.PathEscape(collectionID) + "/chunks",
		open:        func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(lines)), nil },
		contentType: "application/x-ndjson", length: int64(len(lines)),
	}
	for try := 1; ; try++ {
		k.query = url.Values{"on_conflict": {onConflict}}
		var loaded Loaded
		err := c.do(ctx, k, &loaded)
		if err == nil || ctx.Err() != nil {
			return loaded, err
		}
		pause, again := c.pauseLoad(k, try, err)
		if !again {
			return loaded, err
		}
		if isUnknown(err) && onConflict == "error" {
			onConflict = "skip"
		}
		if err := c.options.Wait(ctx, pause); err != nil {
			return loaded, err
		}
	}
}

// pauseLoad is pause for a load, which by itself is not repeatable.
func (c *Client) pauseLoad(k call, try int, err error) (time.Duration, bool) {
	k.repeatable = true
	if p, ok := errors.AsType[*Problem](err); ok && (p.Code == codeCollide || p.Status == http.StatusBadGateway || p.Status == http.StatusGatewayTimeout) {
		err = &UnreachableError{Server: c.server, Err: err}
	}
	return c.pause(k, try, err)
}

// isUnknown reports whether what was sent may have been stored nevertheless.
func isUnknown(err error) bool {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code == codeUnknown || p.Status == http.StatusBadGateway || p.Status == http.StatusGatewayTimeout
	}
	return true
}
