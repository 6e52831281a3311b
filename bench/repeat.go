package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// answerBuffer is how much of an answer is read at once, in bytes.
const answerBuffer = 256 << 10

// repeat asks one thing over so many connections for a while, and gives how often a
// second it was answered with 200. What it is compared with is done by pgbench, which
// shares the machine with PostgreSQL as this does with the server and is frugal; so
// there is nothing here but the bytes of the request and an answer that is read to its
// end.
func (s *server) repeat(ctx context.Context, clients int, token, method, path, body string) (float64, error) {
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, token, len(body), body)
	repeaters := make(chan *repeater, clients)
	defer func() {
		for range len(repeaters) {
			_ = (<-repeaters).conn.Close()
		}
	}()
	for range clients {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return 0, fmt.Errorf("connecting: %w", err)
		}
		repeaters <- &repeater{conn: conn, answers: bufio.NewReaderSize(conn, answerBuffer), request: request, buffer: make([]byte, answerBuffer)}
	}
	return perSecond(ctx, clients, func() error {
		r := <-repeaters
		defer func() { repeaters <- r }()
		return r.ask()
	})
}

// repeater is one of its connections.
type repeater struct {
	conn    net.Conn
	answers *bufio.Reader
	request []byte
	buffer  []byte
}

func (r *repeater) ask() error {
	if err := r.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	if _, err := r.conn.Write(r.request); err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	response, err := http.ReadResponse(r.answers, nil)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("the answer is %d: %s", response.StatusCode, text)
	}
	for err == nil {
		_, err = response.Body.Read(r.buffer)
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}
