package web

import (
	"context"
	"mime"
	"net/http"
	"strings"
)

// Sent is what a client has sent, for whoever has to tell whether it is the same
// again.
type Sent struct {
	Method string
	// Path and Query are as they were sent.
	Path, Query string
	// MediaType is the Content-Type in lower case and without its parameters.
	MediaType string
	// Body is there where the operation reads it as a whole; it must not be changed.
	Body []byte

	header http.Header
}

// SentOf is what was sent with the request that the context belongs to.
func SentOf(ctx context.Context) Sent {
	r := requestOf(ctx)
	media, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	return Sent{Method: r.method, Path: r.path, Query: r.query, MediaType: media, Body: r.sent, header: r.header}
}

// Header is a header's value, and whether there is one at all. Several are joined as
// RFC 9110, section 5.3, has it.
func (s Sent) Header(name string) (value string, given bool) {
	values := s.header.Values(name)
	return strings.Join(values, ", "), len(values) > 0
}
