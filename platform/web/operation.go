package web

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"semantik/platform/apperr"
)

var errMediaType = apperr.New(apperr.UnsupportedMediaType, "unsupported_media_type", "The body must be JSON in UTF-8: send Content-Type: application/json.")

var errContentEncoding = apperr.New(apperr.UnsupportedMediaType, "content_encoding_not_supported",
	"The body must not be compressed: send it as it is, without Content-Encoding.")

// bodyKind is what a route reads its body as.
type bodyKind int

const (
	bodyNone bodyKind = iota
	bodyJSON
	bodyRaw
	bodyStream
)

// bodyRule is how the body of an operation is read. Huma's own reading is
// switched off for it: it refuses a body of exactly the limit, answers 500 when a
// client goes away, and lets a body trickle in as slowly as it likes once a
// time-out is lifted.
type bodyRule struct {
	kind    bodyKind
	limit   int64 // bytes; 0 for the server's, negative for none
	timeout time.Duration
	encoded bool // the handler unpacks what Content-Encoding names
}

// ruleKey is where [Register] leaves the rule in the operation's metadata.
const ruleKey = "semantik.body"

// operation runs before the handler of every API operation: who is it, have they
// asked too often, and what did they send?
func (s *Server) operation(ctx huma.Context, next func(huma.Context)) {
	response := humaecho.Unwrap(ctx).Response()
	rule := limitOf(ctx.Operation())
	authenticated, err := s.authenticate(ctx)
	if err == nil {
		err = s.limits.caller(authenticated.Context(), rule, response.Header())
	}
	if err != nil {
		writeError(ctx.Context(), response, err)
		return
	}
	leave, err := s.limits.enter(authenticated.Context(), rule)
	if err != nil {
		writeError(ctx.Context(), response, err)
		return
	}
	defer leave()
	if err := s.takeBody(authenticated); err != nil {
		writeError(ctx.Context(), response, err)
		return
	}
	next(authenticated)
}

func (s *Server) takeBody(ctx huma.Context) error {
	rule, ok := ctx.Operation().Metadata[ruleKey].(bodyRule)
	r := humaecho.Unwrap(ctx).Request()
	body := requestOf(ctx.Context()).body
	if !ok || body == nil || rule.kind == bodyNone {
		return nil
	}
	if err := takeEncoding(r.Header, rule, humaecho.Unwrap(ctx).Response().Header()); err != nil {
		return err
	}
	limit, timeout := rule.limit, rule.timeout
	if rule.kind != bodyStream {
		if limit == 0 {
			limit = s.config.MaxBodyBytes
		}
		if timeout == 0 {
			timeout = s.config.BodyTimeout
		}
	}
	if limit > 0 {
		body.limit = limit
		if r.ContentLength > limit {
			return body.tooLarge()
		}
	}
	if timeout > 0 {
		body.until = time.Now().Add(timeout)
	}
	if rule.kind == bodyStream {
		return nil
	}
	described := ctx.Operation().RequestBody
	return readWhole(r, body, rule.kind, described == nil || !described.Required)
}

// takeEncoding refuses a packed body where nobody unpacks it: unread it would be
// taken for what it is not, and unpacked it may be a thousand times as long.
func takeEncoding(request http.Header, rule bodyRule, answer http.Header) error {
	encoding := contentEncoding(request)
	switch {
	case encoding == "":
		return nil
	case !rule.encoded:
		answer.Set("Accept-Encoding", "identity")
		return errContentEncoding
	case !slices.Contains([]string{"gzip", "x-gzip", "zstd"}, encoding):
		answer.Set("Accept-Encoding", acceptedEncodings)
		return errEncodings
	default:
		return nil
	}
}

// readWhole reads the body and leaves it to Huma in memory. An optional body that
// is null is none.
func readWhole(r *http.Request, body *requestBody, kind bodyKind, optional bool) error {
	var buffer bytes.Buffer
	// The announced length is a promise, not a fact: do not take much on it.
	buffer.Grow(int(min(max(r.ContentLength, 0), 64<<10)))
	if _, err := buffer.ReadFrom(body); err != nil {
		return err
	}
	data := buffer.Bytes()
	requestOf(r.Context()).sent = data
	if len(data) > 0 && kind == bodyJSON {
		if !isJSON(r.Header.Get("Content-Type")) {
			return errMediaType
		}
		// What is left for Huma is the bare type, in the one spelling it knows.
		r.Header.Set("Content-Type", "application/json")
		if err := CheckJSON(data); err != nil {
			return err
		}
		if optional && string(bytes.TrimSpace(data)) == "null" {
			data = nil
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// isJSON takes application/json and anything+json, in UTF-8; a body without a
// type is taken for JSON, too.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || (media != "application/json" && !strings.HasSuffix(media, "+json")) {
		return false
	}
	switch strings.ToLower(parameters["charset"]) {
	case "", "utf-8", "utf8", "us-ascii":
		return true
	default:
		return false
	}
}
