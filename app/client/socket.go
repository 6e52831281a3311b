package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// openTimeout bounds the handshake of a socket.
	openTimeout = 10 * time.Second
	// signOfLife is how long nothing may come before the server is asked for something,
	// and how long it may take to answer.
	signOfLife = 15 * time.Second
	// maxFrame bounds a frame: the result of an operation may name many documents.
	maxFrame = 16 << 20
)

// frame is what a socket tells of an operation, as far as it is looked at.
type frame struct {
	Timestamp time.Time `json:"timestamp"`
	Type      string    `json:"type"`
	Data      struct {
		Status          string   `json:"status"`
		Processed       int64    `json:"processed"`
		Failed          int64    `json:"failed"`
		Skipped         int64    `json:"skipped"`
		Removed         int64    `json:"removed"`
		Total           int64    `json:"total"`
		Progress        *float64 `json:"progress"`
		CurrentDocument string   `json:"current_document"`
		Message         string   `json:"message"`
	} `json:"data"`
}

// socket is an open one.
type socket struct{ conn *websocket.Conn }

var errNoProtocol = errors.New("the server has not taken the token's protocol")

// openSocket opens a socket with the token in use. One that was refused is renewed by
// the next call that is none.
func (c *Client) openSocket(ctx context.Context, path string) (*socket, error) {
	token, err := c.options.Token(ctx, "")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	options := &websocket.DialOptions{HTTPClient: c.http, HTTPHeader: http.Header{}}
	if c.options.UserAgent != "" {
		options.HTTPHeader.Set("User-Agent", c.options.UserAgent)
	}
	if token != "" {
		options.Subprotocols = []string{"access_token." + token}
	}
	conn, _, err := websocket.Dial(ctx, c.server+path, options) //nolint:bodyclose // the library closes it
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	if token != "" && conn.Subprotocol() != options.Subprotocols[0] {
		_ = conn.CloseNow()
		return nil, errNoProtocol
	}
	conn.SetReadLimit(maxFrame)
	return &socket{conn}, nil
}

// run gives each frame to hear, until that says that it was the last, which is true, or
// the socket ends. One on which nothing comes, not even what was asked for, has ended.
func (s *socket) run(ctx context.Context, hear func(frame) bool) bool {
	ctx, cancel := context.WithCancel(ctx)
	frames := make(chan frame)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(frames)
		s.read(ctx, frames)
	})
	defer reader.Wait()
	defer func() { _ = s.conn.CloseNow() }()
	defer cancel()

	ticker := time.NewTicker(signOfLife)
	defer ticker.Stop()
	silent := false
	for {
		select {
		case f, open := <-frames:
			if !open {
				return false
			}
			if silent = false; hear(f) {
				return true
			}
		case <-ticker.C:
			if silent || s.ask(ctx) != nil {
				return false
			}
			silent = true
		}
	}
}

// read reads frames until the socket or the context ends.
func (s *socket) read(ctx context.Context, frames chan<- frame) {
	for {
		_, text, err := s.conn.Read(ctx)
		if err != nil {
			return
		}
		var f frame
		if err := json.Unmarshal(text, &f); err != nil {
			return // it is none of ours
		}
		select {
		case frames <- f:
		case <-ctx.Done():
			return
		}
	}
}

// ask asks for a sign of life.
func (s *socket) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, []byte(`{"type":"ping"}`))
}
