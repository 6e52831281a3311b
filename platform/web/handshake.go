package web

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// tokenProtocol begins the subprotocol that carries a token: a browser cannot send
// a header with a handshake.
const tokenProtocol = "access_token."

var (
	errForeignOrigin = apperr.New(apperr.Forbidden, "origin_not_allowed",
		"Pages of this origin may not open sockets here. Add it to CORS_ORIGINS if it should.")
	errNoSocketToken = apperr.New(apperr.Forbidden, "socket_token_missing",
		"Sign in first: offer the subprotocol access_token.<token>, with an access token or an API key.")
)

// Handshake is a request to open a socket, from whoever may open one: its page is
// of an origin that is allowed, and its token is good.
type Handshake struct {
	Writer http.ResponseWriter
	// Request has the identity in its context. The context ends when the server has
	// stopped.
	Request *http.Request
	// Token is what the identity was proven by.
	Token string
	// Subprotocol is to be selected, or else a browser gives the socket up; "" where
	// none was offered.
	Subprotocol string
	// Param gives a parameter of the path.
	Param func(name string) string
	// Stopping is closed when the server has been told to stop.
	Stopping <-chan struct{}
}

// Socket adds a path at which sockets are opened. open is called with handshakes of
// those who may; what it returns refuses the handshake, with 403 where a request of
// the API would be answered 401 or 404. Once the socket is open it returns nil.
// Handshakes count against the limit of what is no operation of the API.
func (s *Server) Socket(path string, open func(h *Handshake) error) {
	s.echo.GET(path, func(c echo.Context) error {
		h, err := s.handshake(c)
		if err == nil {
			err = open(h)
		}
		return refusal(err)
	}, s.counted)
}

// refusal is what a handshake is refused with. Who may not, and what there is not,
// are one answer.
func refusal(err error) error {
	switch apperr.KindOf(err) {
	case apperr.Unauthenticated, apperr.NotFound:
		e := apperr.From(err)
		return apperr.New(apperr.Forbidden, e.Code, e.Message)
	default:
		return err
	}
}

func (s *Server) handshake(c echo.Context) (*Handshake, error) {
	r := c.Request()
	if !s.mayConnect(r) {
		return nil, errForeignOrigin
	}
	token, protocol := socketToken(r)
	if token == "" || len(token) > auth.MaxTokenBytes || s.deps.Authenticator == nil {
		return nil, errNoSocketToken
	}
	identity, err := s.deps.Authenticator.Authenticate(r.Context(), token)
	if err != nil {
		return nil, err
	}
	requestOf(r.Context()).userID = identity.UserID
	return &Handshake{
		Writer: c.Response(), Request: r.WithContext(auth.WithIdentity(r.Context(), identity)),
		Token: token, Subprotocol: protocol, Param: c.Param, Stopping: s.stopping,
	}, nil
}

// socketToken finds the token, and the subprotocol that it came in. The query is the
// fallback for those who cannot name one; nothing logs it. Of two different tokens
// none counts.
func socketToken(r *http.Request) (token, protocol string) {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offered := range strings.SplitSeq(line, ",") {
			offered = strings.TrimSpace(offered)
			if !strings.HasPrefix(offered, tokenProtocol) {
				continue
			}
			if protocol != "" && protocol != offered {
				return "", ""
			}
			protocol = offered
		}
	}
	if protocol != "" {
		return strings.TrimPrefix(protocol, tokenProtocol), protocol
	}
	if given := r.URL.Query()["token"]; len(given) == 1 {
		return given[0], ""
	}
	return "", ""
}

// CheckUpgrade tells what a request lacks that should become a socket; nil for
// nothing.
func (h *Handshake) CheckUpgrade() error {
	header := h.Request.Header
	wants := requestOf(h.Request.Context()).method == http.MethodGet && h.Request.ProtoMajor == 1 && h.Request.ProtoMinor == 1 &&
		hasWord(header, "Connection", "upgrade") && hasWord(header, "Upgrade", "websocket")
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(header.Get("Sec-WebSocket-Key")))
	if wants && err == nil && len(key) == 16 && len(header.Values("Sec-WebSocket-Key")) == 1 && header.Get("Sec-WebSocket-Version") == "13" {
		return nil
	}
	p := &Problem{Code: "upgrade_required", Detail: "This is the address of a WebSocket: ask for an upgrade."}
	p.complete(h.Request.Context(), http.StatusUpgradeRequired)
	p.header("Upgrade", "websocket")
	p.header("Connection", "Upgrade")
	p.header("Sec-WebSocket-Version", "13")
	return p
}

func hasWord(h http.Header, name, word string) bool {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), word) {
				return true
			}
		}
	}
	return false
}
