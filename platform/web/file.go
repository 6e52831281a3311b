package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"semantik/platform/apperr"
)

// defaultMediaType is that of a file of which nothing better is known.
const defaultMediaType = "application/octet-stream"

var errNotMatched = apperr.New(apperr.PreconditionFailed, "precondition_failed", "The file is not any more as you saw it.")

// File is an answer that is a file which came from somebody: nothing is believed of
// it. Its name cannot break out of the header, and a browser that shows it does so in
// a sandbox, and does not show what may have scripts in it.
type File struct {
	// Name is what the file is called, without folders.
	Name string
	// MediaType is what it is said to be; what is no media type counts as unknown.
	MediaType string
	// Tag is the strong validator of the content, without quotes: a hash.
	Tag string
	// Content is read from wherever the client wants it. A read that fails breaks
	// the answer off, without the end of its body; the first one is the answer itself.
	Content io.ReadSeeker
	// MaxAge is how many seconds the client itself may keep it.
	MaxAge int
}

// FileAnswer answers with the file: with all of it, or with a range; with 304 or 412
// where the request has a condition on the content. Of several ranges the whole is the
// answer, as HTTP allows: thousands of them, of a byte each, would each read more than
// that. So it is where they are not counted in bytes, or malformed.
func FileAnswer(f File) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(out huma.Context) {
		c := humaecho.Unwrap(out)
		f.send(c.Response(), c.Request())
	}}
}

func (f File) send(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	media := mediaType(f.MediaType)
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", disposition(media, f.Name))
	h.Set("ETag", `"`+f.Tag+`"`)
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", f.MaxAge))
	// The next who signs in with the same browser may not have the right to it.
	h.Add("Vary", "Authorization")
	h.Set("Content-Security-Policy", apiPolicy+"; sandbox")

	r = r.Clone(ctx)
	r.Method = requestOf(ctx).method // a HEAD reads nothing
	size, err := f.Content.Seek(0, io.SeekEnd)
	if err != nil {
		h.Set("Content-Security-Policy", apiPolicy)
		writeError(ctx, w, err)
		return
	}
	if asked := plainRange(r, size); asked != "" {
		r.Header.Set("Range", asked)
	} else {
		r.Header.Del("Range")
	}
	content := &watchedContent{ReadSeeker: f.Content}
	answer := &fileAnswer{ResponseWriter: w}
	http.ServeContent(answer, r, "", time.Time{}, content)
	switch {
	case answer.refused == http.StatusRequestedRangeNotSatisfiable:
		h.Set("Content-Security-Policy", apiPolicy)
		writeProblem(w, rangeProblem(ctx, size))
	case answer.refused != 0:
		h.Set("Content-Security-Policy", apiPolicy)
		writeError(ctx, w, errNotMatched)
	case content.err != nil && !answer.begun:
		h.Set("Content-Security-Policy", apiPolicy)
		h.Del("Accept-Ranges")
		h.Del("Content-Range")
		writeError(ctx, w, content.err)
	case content.err != nil:
		if ctx.Err() == nil {
			requestOf(ctx).logger().WarnContext(ctx, "a file was broken off", "route", requestOf(ctx).route, "error", content.err)
		}
		panic(http.ErrAbortHandler) // half a file must not pass for a whole one
	default:
		answer.begin()
	}
}

func rangeProblem(ctx context.Context, size int64) *Problem {
	p := &Problem{Code: "range_not_satisfiable", Detail: "The file has no such range; Content-Range says how many bytes it has."}
	p.complete(ctx, http.StatusRequestedRangeNotSatisfiable)
	p.header("Content-Range", fmt.Sprintf("bytes */%d", size))
	return p
}

// fileAnswer keeps back what net/http says of a request that it refuses, and the head of
// an answer until there is something of the file: where not even its beginning can be
// read, the client is told why.
type fileAnswer struct {
	http.ResponseWriter

	refused int
	status  int
	begun   bool
}

func (a *fileAnswer) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		a.refused = status
		return
	}
	a.status = status
}

// begin sends the head.
func (a *fileAnswer) begin() {
	if !a.begun {
		a.begun = true
		a.ResponseWriter.WriteHeader(a.status)
	}
}

func (a *fileAnswer) Write(data []byte) (int, error) {
	if a.refused != 0 {
		return len(data), nil
	}
	a.begin()
	return a.ResponseWriter.Write(data)
}

// watchedContent remembers why a content could not be read to its end.
type watchedContent struct {
	io.ReadSeeker

	err error
}

func (c *watchedContent) Read(data []byte) (int, error) {
	n, err := c.ReadSeeker.Read(data)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// mediaType is a media type in its usual spelling, or the default for what is none.
func mediaType(given string) string {
	media, parameters, err := mime.ParseMediaType(given)
	if err != nil || !strings.Contains(media, "/") {
		return defaultMediaType
	}
	if written := mime.FormatMediaType(media, parameters); written != "" {
		return written
	}
	return defaultMediaType
}

var (
	// shownTypes are those that a browser shows without running anything in them, or
	// cannot show at all.
	shownTypes = []string{
		defaultMediaType, "text/plain", "text/markdown", "text/csv", "application/json", "application/pdf", "application/msword", "application/rtf",
		"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/tiff", "image/x-icon",
	}
	shownFamilies = []string{"audio/", "video/", "application/vnd."}
)

// isShown tells whether a file of this type may be opened where it is: HTML, SVG and
// other XML may not, nor what nobody has thought of.
func isShown(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	if strings.HasSuffix(media, "xml") {
		return false
	}
	return slices.Contains(shownTypes, media) ||
		slices.ContainsFunc(shownFamilies, func(family string) bool { return strings.HasPrefix(media, family) })
}

// disposition is the Content-Disposition of a file: its name twice, in ASCII for old
// programs and in UTF-8 for the others (RFC 6266).
func disposition(media, name string) string {
	kind := "attachment"
	if isShown(media) {
		kind = "inline"
	}
	name = strings.Map(harmless, name)
	var plain, encoded strings.Builder
	for _, r := range name {
		switch {
		case r > unicode.MaxASCII, r == '"', r == '%': // some programs decode what stands behind %
			plain.WriteByte('_')
		default:
			plain.WriteRune(r)
		}
	}
	for _, b := range []byte(name) {
		if isAttributeByte(b) {
			encoded.WriteByte(b)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", b)
		}
	}
	return kind + `; filename="` + plain.String() + `"; filename*=UTF-8''` + encoded.String()
}

// harmless puts a _ in place of what would split a header or a path, and of what is not
// seen and turns the rest of the name round, so that it seems to end in ".pdf".
func harmless(r rune) rune {
	if r == '/' || r == '\\' || r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
		return '_'
	}
	return r
}

// isAttributeByte tells what RFC 8187 lets stand as it is.
func isAttributeByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$&+-.^_`|~", b) >= 0
}
