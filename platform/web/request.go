package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// HeaderCorrelationID names the request in every answer and every log line.
const HeaderCorrelationID = "X-Correlation-ID"

// maxUserAgent cuts what is kept of the header, in bytes.
const maxUserAgent = 512

// request is what the server knows about one request. It belongs to the
// goroutine that handles it.
type request struct {
	server        *Server
	correlationID string
	client        Client
	method        string // as sent: a HEAD is handled as a GET
	path          string // as sent, without the query
	query         string // as sent
	header        http.Header
	route         string // the pattern that matched, "" for none
	userID        int64
	body          *requestBody // nil when there is none
	sent          []byte       // the body, where it is read as a whole
}

// Client is where a request comes from.
type Client struct {
	// Addr is the IP address that the request comes from: that of the other end of
	// the connection, or what a trusted proxy says (see [Config.TrustedProxies]).
	Addr string
	// UserAgent is the header, cut to 512 bytes.
	UserAgent string
}

type requestKey struct{}

// requestOf never returns nil, so that a context made elsewhere does no harm.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// logger is the server's, or the program's for a context made elsewhere.
func (r *request) logger() *slog.Logger {
	if r.server == nil {
		return slog.Default()
	}
	return r.server.log
}

// CorrelationID is the id of the request that the context belongs to; "" outside
// of one.
func CorrelationID(ctx context.Context) string { return requestOf(ctx).correlationID }

// ClientOf is where the request comes from that the context belongs to.
func ClientOf(ctx context.Context) Client { return requestOf(ctx).client }

// newRequest begins the record of a request, and gives the request a context
// that carries it.
func (s *Server) newRequest(r *http.Request) (*request, *http.Request) {
	agent := r.UserAgent()
	if len(agent) > maxUserAgent {
		agent = agent[:maxUserAgent]
	}
	req := &request{
		server:        s,
		correlationID: correlationIDFor(r.Header.Get(HeaderCorrelationID)),
		client:        Client{Addr: s.clientAddr(r), UserAgent: strings.ToValidUTF8(agent, "\uFFFD")},
		method:        r.Method,
		path:          r.URL.Path,
		query:         r.URL.RawQuery,
		header:        r.Header,
	}
	return req, r.WithContext(context.WithValue(r.Context(), requestKey{}, req))
}

// correlationIDFor keeps the client's id if it is a UUID in its usual form, and
// makes one otherwise: the id goes into logs, so it may not be just anything.
func correlationIDFor(given string) string {
	if len(given) == len(uuid.Nil.String()) {
		if id, err := uuid.Parse(given); err == nil {
			return id.String()
		}
	}
	return uuid.NewString()
}
