package pgtest

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Proxy is a TCP proxy before PostgreSQL that breaks connections on purpose. It
// serves until the test ends.
type Proxy struct {
	// URL is the database's URL through the proxy.
	URL string

	target   string
	listener net.Listener
	wait     sync.WaitGroup

	mu       sync.Mutex
	cutAfter []byte
	cuts     int
	delay    time.Duration
	refuse   bool
	open     map[net.Conn]struct{}
}

// NewProxy puts a proxy before the database of the URL, which must be reachable
// over TCP.
func NewProxy(t testing.TB, databaseURL string) *Proxy {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	require.NotEmpty(t, u.Port(), "a proxy needs a server that listens on TCP: %s", u.Redacted())
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the test's end
	require.NoError(t, err)
	p := &Proxy{target: u.Host, listener: listener, open: map[net.Conn]struct{}{}}
	u.Host = listener.Addr().String()
	q := u.Query()
	q.Set("sslmode", "disable") // so that the statements can be read on their way
	u.RawQuery = q.Encode()
	p.URL = u.String()
	p.wait.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Cut()
		p.wait.Wait()
	})
	return p
}

// CutAfter breaks a connection once PostgreSQL has carried out a statement with
// this text, in place of the answer; n times, then it stops.
func (p *Proxy) CutAfter(statement string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAfter, p.cuts = []byte(statement), n
}

// Delay holds back everything that the client sends.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Refuse turns new connections away, or stops doing so.
func (p *Proxy) Refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = yes
}

// Cut breaks every connection that is open.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse := p.refuse
		p.mu.Unlock()
		if refuse {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.target) //nolint:noctx // loopback
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.open[client], p.open[server] = struct{}{}, struct{}{}
		p.mu.Unlock()
		cut := new(atomic.Bool)
		p.wait.Go(func() { p.pipe(client, server, cut, true) })
		p.wait.Go(func() { p.pipe(server, client, cut, false) })
	}
}

// pipe passes on what one side sends, until one of them is gone. cut is shared
// by the two directions of a connection: once it is set, PostgreSQL's next
// answer breaks the connection instead of reaching the client.
func (p *Proxy) pipe(from, to net.Conn, cut *atomic.Bool, fromClient bool) {
	defer func() {
		_ = from.Close()
		_ = to.Close()
		p.mu.Lock()
		delete(p.open, from)
		delete(p.open, to)
		p.mu.Unlock()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if fromClient {
			time.Sleep(p.judge(buffer[:n], cut))
		} else if cut.Load() {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// judge marks the connection to be cut when the client sends the statement, and
// gives the time to hold it back.
func (p *Proxy) judge(sent []byte, cut *atomic.Bool) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts > 0 && bytes.Contains(bytes.ToLower(sent), bytes.ToLower(p.cutAfter)) {
		p.cuts--
		cut.Store(true)
	}
	return p.delay
}
